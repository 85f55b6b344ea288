"""Weight codes made ready for many products: cut into cells where a conversion can clip or round, plain elsewhere.

Shape letters: M vectors, D fan-in, N outputs.
"""

from dataclasses import dataclass, field

import torch

from imcsim.core.errors import ConfigError
from imcsim.crossbar.slicing.bit_counts import CountedCells, can_count, count_cells, counted_product
from imcsim.crossbar.slicing.bounds import clipping_groups
from imcsim.crossbar.slicing.codes import Codes, as_tensor, check_range
from imcsim.crossbar.slicing.collapse import PlainMatrix
from imcsim.crossbar.slicing.config import BitSliceConfig, check_config
from imcsim.crossbar.slicing.planes import weight_cells
from imcsim.crossbar.slicing.tiles import rows_outside, tiled_product


@dataclass(frozen=True, eq=False)
class SlicedWeights:
    """Weights that were programmed once and are read many times; made by :func:`program_weights`.

    Holds copies only: what happens to the codes afterwards changes nothing here.

    Parameters
    ----------
    config
        Cells, cycles, row groups and converter.
    shape
        Of the codes: (D, N), or (N, C, kh, kw) of a convolution.
    device
        Where products are made.
    clipping
        Row ranges of the groups in which some input can make a conversion clip or round. The others are exact for
        every input, and computed as one plain product.
    groups
        Of a convolution: as many parts of the outputs have arrays of their own.
    """

    config: BitSliceConfig
    shape: tuple[int, ...]
    device: torch.device
    clipping: tuple[slice, ...]
    _matrix: PlainMatrix | None = field(repr=False)
    _cells: CountedCells | torch.Tensor | None = field(repr=False)
    groups: int = 1
    _parts: tuple["SlicedWeights", ...] = field(default=(), repr=False)

    @property
    def by_group(self) -> tuple["SlicedWeights", ...]:
        """The weights of each group."""
        return self._parts or (self,)


def program_weights(w: Codes, config: BitSliceConfig, groups: int = 1) -> SlicedWeights:
    """Return weight codes ready for :func:`bit_sliced_matmul` and :func:`bit_sliced_conv2d`, which take them for ``w``.

    Parameters
    ----------
    w
        Weight codes (D, N), or (N, C, kh, kw) for convolutions, numpy or torch, any integer type.
    config
        Cells, cycles, row groups and converter.
    groups
        Of a convolution; its weight codes are (N, C / groups, kh, kw).

    Returns
    -------
    SlicedWeights
        On the device of ``w``; products with it equal those with ``w`` itself, bit for bit.

    Raises
    ------
    ConfigError
        If codes are no integers or outside their range, ``w`` has another number of dimensions, or its outputs do not
        divide into the groups.
    """
    check_config(config)
    codes = as_tensor(w, "w")
    if codes.ndim not in (2, 4):
        raise ConfigError(f"w must be (D, N), or (N, C, kh, kw) for convolutions, given {tuple(codes.shape)}")
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise ConfigError(f"groups must be one integer >= 1, given {groups!r}")
    if groups > 1:
        return _in_groups(codes, config, groups)
    low, high = check_range(codes, config.w_range, "w")
    matrix = codes if codes.ndim == 2 else codes.flatten(1).t()
    clipping = tuple(clipping_groups(matrix, config)) if codes.numel() else ()
    plain, cells = _cut(matrix, max(-low, high), clipping, config)
    return SlicedWeights(config, tuple(codes.shape), codes.device, clipping, plain, cells)


def _in_groups(codes: torch.Tensor, config: BitSliceConfig, groups: int) -> SlicedWeights:
    if codes.ndim != 4 or len(codes) % groups:
        raise ConfigError(f"w of shape {tuple(codes.shape)} has no outputs that divide into {groups} groups")
    parts = tuple(program_weights(part, config) for part in torch.split(codes, max(1, len(codes) // groups)))
    clipping = {(rows.start, rows.stop) for part in parts for rows in part.clipping}
    rows = tuple(slice(*ends) for ends in sorted(clipping))
    return SlicedWeights(config, tuple(codes.shape), codes.device, rows, None, None, groups, parts)


def _cut(
    w: torch.Tensor, peak: int, clipping: tuple[slice, ...], config: BitSliceConfig
) -> tuple[PlainMatrix | None, CountedCells | torch.Tensor | None]:
    """Return the weights (D, N) as a plain matrix, if anything of them is read as one, and as cells, if they clip."""
    counted = bool(clipping) and can_count(config, len(w), w.device)
    plain = None
    if not counted or len(clipping) < len(config.groups(len(w))):
        plain = PlainMatrix.of(w, peak, max(-config.x_range[0], config.x_range[1]))
    if counted:
        return plain, count_cells(w, clipping, config)
    return plain, weight_cells(w, config) if clipping else None


def plain_matrix(weights: SlicedWeights) -> PlainMatrix | None:
    """Return the weights (D, N) whose plain product is all there is to it; None where conversions can change a sum."""
    return None if weights.clipping else weights._matrix


def sliced_product(x: torch.Tensor, x_peak: int, weights: SlicedWeights) -> torch.Tensor:
    """Return the product (M, N), int64, of input codes (M, D) up to ``x_peak`` in magnitude."""
    matrix, cells = weights._matrix, weights._cells
    if isinstance(cells, CountedCells):
        total = counted_product(x, cells)
        if matrix is not None:
            total += matrix.product(x, x_peak, rows_outside(weights.clipping, x.shape[1], x.device))
        return total
    assert matrix is not None  # noqa: S101  only counted cells do without
    if cells is None:
        return matrix.product(x, x_peak)
    return tiled_product(x, x_peak, matrix, cells, weights.clipping, weights.config)
