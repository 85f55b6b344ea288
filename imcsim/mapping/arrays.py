"""Arrays that hold a map's weights, as cells: programming, reading back, and exact integer products from either side.

Shape letters: G groups, D fan-in, N outputs per group, K cells per weight, R rows and C columns of a PE, B vectors.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.tile import Tile

Codes = NDArray[np.integer]
Levels = NDArray[np.uint16]
Ints = NDArray[np.int64]


def empty_arrays(maps: Sequence[LayerMap]) -> Levels:
    """Return the cell levels (PEs, R, C), all 0, of the PEs that ``maps`` name; maps of a network share them."""
    geometry = maps[0].geometry
    pe_count = 1 + max((tile.pe for layer in maps for tile in layer.tiles), default=-1)
    return np.zeros((pe_count, geometry.rows, geometry.cols), dtype=np.uint16)


def program(layer_map: LayerMap, codes: Codes, arrays: Levels | None = None) -> Levels:
    """Write ``codes`` (G, D, N) into ``arrays`` (None: new ones) and return them; the K cells of a weight in a row."""
    into = empty_arrays([layer_map]) if arrays is None else arrays
    for tile in layer_map.tiles:
        levels = np.moveaxis(layer_map.geometry.encoding.levels(codes[tile.block]), 0, -1)  # (rows, outputs, K)
        # a transposed tile lies with outputs along the rows of its PE
        lying = levels.swapaxes(0, 1) if tile.read == "backward" else levels
        cells_of(layer_map, tile, into)[...] = lying.reshape(tile.height, -1)
    return into


def read_back(layer_map: LayerMap, arrays: Levels, copy: int = 0) -> NDArray[np.int32]:
    """Return the codes (G, D, N) that the cells of one copy stand for; 0 for weights that have no place."""
    codes = np.zeros(layer_map.shape, dtype=np.int32)
    for tile in layer_map.tiles:
        if tile.copy == copy:
            codes[tile.block] = layer_map.geometry.encoding.codes(np.moveaxis(_levels(layer_map, tile, arrays), -1, 0))
    return codes


def tile_products(layer_map: LayerMap, x: Ints, arrays: Levels, copy: int = 0) -> Ints:
    """Return the layer's output (G, B, N) for integer inputs ``x`` (G, B, D), summed over the arrays' columns.

    Each column of cells gives the sum of input times level, as an ideal array does; columns are weighted by their
    cells' significance, and an offset encoding's 2^(b-1) * sum(x) is taken off.
    """
    groups, _, outputs = layer_map.shape
    y = np.zeros((groups, x.shape[1], outputs), dtype=np.int64)
    for tile in layer_map.tiles:
        if tile.copy == copy and tile.read != "backward":
            given = x[tile.group][:, list(tile.rows)]
            # an output may stand in several columns of a PE: each adds its partial sum
            np.add.at(y[tile.group].T, list(tile.cols), _sums(layer_map, tile, arrays, given, rows_driven=True).T)
    return y


def transposed_products(layer_map: LayerMap, errors: Ints, arrays: Levels, copy: int = 0) -> Ints:
    """Return the input gradient (G, B, D) for integer ``errors`` (G, B, N), summed over lines of one copy's arrays.

    A tile that is read from both sides senses its rows, one slice at a time; a transposed one its columns.
    """
    groups, fan_in, _ = layer_map.shape
    back = np.zeros((groups, errors.shape[1], fan_in), dtype=np.int64)
    for tile in layer_map.tiles:
        if tile.copy == copy and tile.read != "forward":
            given = errors[tile.group][:, list(tile.cols)]
            # an input row may stand in several lines of a PE: each adds its part of the gradient
            np.add.at(back[tile.group].T, list(tile.rows), _sums(layer_map, tile, arrays, given, rows_driven=False).T)
    return back


def cells_of(layer_map: LayerMap, tile: Tile, arrays: Levels) -> Levels:
    """Return the cells of ``tile`` as a view (rows, columns) of ``arrays``."""
    per_weight = layer_map.geometry.encoding.cells_per_weight
    top, left = tile.row_offset, tile.col_offset * per_weight
    return arrays[tile.pe, top : top + tile.height, left : left + tile.width * per_weight]


def _levels(layer_map: LayerMap, tile: Tile, arrays: Levels) -> Levels:
    """(rows of the block, outputs of the block, K)."""
    cells = cells_of(layer_map, tile, arrays).reshape(tile.height, tile.width, -1)
    return cells.swapaxes(0, 1) if tile.read == "backward" else cells


def _sums(layer_map: LayerMap, tile: Tile, arrays: Levels, given: Ints, *, rows_driven: bool) -> Ints:
    """(B, lines): sums of input times level over the lines that are driven, cells weighted by significance."""
    encoding = layer_map.geometry.encoding
    offset = 1 << (encoding.weight_bits - 1) if encoding.sign == "offset" else 0
    levels = _levels(layer_map, tile, arrays).astype(np.int64)
    driven = levels if rows_driven else levels.swapaxes(0, 1)  # (driven, sensed, K)
    # each sensed line adds input times level over the driven lines; slices then count by their place value
    sums = np.einsum("bd,dsk->bsk", given, driven) @ encoding.significance.astype(np.int64)
    # offset binary stores code + 2^(b-1): its share is the same for every line, and is taken off digitally
    return np.asarray(sums - offset * given.sum(axis=1, keepdims=True), dtype=np.int64)
