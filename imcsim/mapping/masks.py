"""Masks by PE to masks by weight, and sums over weights to sums over PEs.

Shape letters: G groups, D fan-in, N outputs per group; leading axes (tasks T, cells K, ...) are kept.
"""

from itertools import pairwise
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from imcsim.core.arrays import NumericArray, Scalar
from imcsim.core.errors import MappingError
from imcsim.mapping.tile import MatrixShape

Reduction = Literal["sum", "max", "any", "all"]

UFUNCS: dict[str, np.ufunc] = {"sum": np.add, "max": np.maximum, "any": np.logical_or, "all": np.logical_and}


def tile_grid(matrix_shape: MatrixShape, tile: tuple[int, int]) -> MatrixShape:
    """Return (G, row tiles, column tiles) of a (G, D, N) matrix in tiles of ``tile`` = (rows, outputs) weights."""
    groups, fan_in, outputs = matrix_shape
    return groups, -(-fan_in // tile[0]), -(-outputs // tile[1])


def expand_pe_mask(mask: NDArray[Scalar], matrix_shape: MatrixShape, tile: tuple[int, int]) -> NDArray[Scalar]:
    """Give each weight the value of its PE.

    Parameters
    ----------
    mask
        (..., G, row tiles, column tiles), any dtype.
    matrix_shape
        (G, D, N).
    tile
        (rows, outputs) of a PE, in weights.

    Returns
    -------
    NDArray
        (..., G, D, N), dtype of ``mask``.

    Raises
    ------
    MappingError
        If the mask is not of the matrix's tile grid.
    """
    grid = tile_grid(matrix_shape, tile)
    if mask.shape[-3:] != grid:
        raise MappingError(
            f"a mask over the PEs of a {matrix_shape} matrix in tiles of {tile} ends in {grid}, got {mask.shape}"
        )
    # each PE mask value repeated over the outputs, then the rows, of its PE; the last tile may be smaller
    by_output = np.repeat(mask, _lengths(matrix_shape[2], tile[1]), axis=-1)
    return np.repeat(by_output, _lengths(matrix_shape[1], tile[0]), axis=-2)


@overload
def reduce_to_pes(
    element: NumericArray, tile: tuple[int, int], reduction: Literal["any", "all"]
) -> NDArray[np.bool_]: ...
@overload
def reduce_to_pes(
    element: NDArray[np.integer | np.bool_], tile: tuple[int, int], reduction: Literal["sum"] = ...
) -> NDArray[np.int64]: ...
@overload
def reduce_to_pes(element: NumericArray, tile: tuple[int, int], reduction: Reduction = ...) -> NumericArray: ...


def reduce_to_pes(element: NumericArray, tile: tuple[int, int], reduction: Reduction = "sum") -> NumericArray:
    """Sum (or take the largest, any, all) over the weights of each PE.

    Parameters
    ----------
    element
        (..., G, D, N), one value per weight.
    tile
        (rows, outputs) of a PE, in weights.
    reduction
        "sum" (integers and booleans add up as int64), "max", "any" or "all".

    Returns
    -------
    NDArray
        (..., G, row tiles, column tiles).
    """
    row_starts, col_starts = np.arange(0, element.shape[-2], tile[0]), np.arange(0, element.shape[-1], tile[1])
    return reduce_blocks(element, row_starts, col_starts, reduction)


def reduce_blocks(
    element: NumericArray, row_starts: NDArray[np.intp], col_starts: NDArray[np.intp], reduction: Reduction = "sum"
) -> NumericArray:
    """Reduce (..., G, D, N) over blocks that start at ``row_starts`` and ``col_starts``: (..., G, rows, columns)."""
    ufunc = UFUNCS[reduction]
    # a loop over the few runs of rows: reduceat along an axis that is not the last is 10x slower (numpy 2.2)
    edges = [*row_starts.tolist(), element.shape[-2]]
    rows = [_over_rows(ufunc, element[..., start:stop, :]) for start, stop in pairwise(edges)]
    # from weights to PEs: over the rows of a PE first, then over runs of its outputs
    by_rows = np.stack(rows, axis=-2)
    return np.asarray(ufunc.reduceat(by_rows, col_starts, axis=-1, dtype=sum_type(ufunc, by_rows.dtype)))


def _over_rows(ufunc: np.ufunc, block: NumericArray) -> NumericArray:
    # one-byte values cannot overflow 32 bits below 2^23 rows, and add up twice as fast there as in 64 bits
    narrow = ufunc is np.add and block.dtype.itemsize == 1 and block.shape[-2] < 1 << 23
    return np.asarray(ufunc.reduce(block, axis=-2, dtype=np.int32 if narrow else sum_type(ufunc, block.dtype)))


def sum_type(ufunc: np.ufunc, dtype: np.dtype[np.generic]) -> np.dtype[np.int64] | None:
    """Return int64 for sums of integers and booleans, else None: the type that numpy takes."""
    return np.dtype(np.int64) if ufunc is np.add and dtype.kind in "biu" else None


def _lengths(length: int, step: int) -> NDArray[np.intp]:
    starts = np.arange(0, length, step)
    return np.minimum(step, length - starts)
