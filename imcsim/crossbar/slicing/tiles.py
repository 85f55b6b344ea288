"""Conversions in torch, a tile of column sums at a time: on any device, without a compiler.

Shape letters: M vectors, D fan-in, N outputs, R rows, P planes, S slices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from imcsim.crossbar.slicing.adc_transfer import largest_code
from imcsim.crossbar.slicing.bounds import not_transparent
from imcsim.crossbar.slicing.collapse import PlainMatrix, exact_product, float_type
from imcsim.crossbar.slicing.config import BitSliceConfig
from imcsim.crossbar.slicing.engines import Engine, choose_engine
from imcsim.crossbar.slicing.planes import input_planes

_VECTORS_AT_ONCE = 1 << 11  # planes of one group: 2 MiB at 128 rows (measured: 144 ms; 164 ms with 2^14)
# Rows and columns of column sums that are made, converted and folded together: 1 MiB of bytes stays in a core's second
# cache (measured: 7.5 ms for 512 x 512 x 256 with 2-bit cells; 10.9 ms with all columns at once).
_TILE = {"cpu": (1 << 11, 1 << 9)}
_WHOLE = (1 << 17, 1 << 11)


def tiled_product(
    x: torch.Tensor,
    x_peak: int,
    matrix: PlainMatrix,
    cells: torch.Tensor,
    clipping: Sequence[slice],
    config: BitSliceConfig,
) -> torch.Tensor:
    """Return the product (M, N), int64, of codes (M, D): explicit where a conversion can change a sum, else plain.

    ``matrix`` and ``cells`` hold the same weights; the row groups ``clipping`` can clip or round for some input.
    """
    batches = torch.split(x, _VECTORS_AT_ONCE)
    parts = [_batch(batch, x_peak, matrix, cells, clipping, config) for batch in batches]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def rows_outside(groups: Sequence[slice], fan_in: int, device: torch.device) -> torch.Tensor:
    """Return the indices of the rows in none of ``groups``."""
    outside = torch.ones(fan_in, dtype=torch.bool, device=device)
    for rows in groups:
        outside[rows] = False
    return outside.nonzero().flatten()


def _batch(
    x: torch.Tensor,
    x_peak: int,
    matrix: PlainMatrix,
    cells: torch.Tensor,
    clipping: Sequence[slice],
    config: BitSliceConfig,
) -> torch.Tensor:
    total = torch.zeros(len(x), matrix.floats.shape[1], dtype=torch.int64, device=x.device)
    engine = choose_engine(config, len(cells), x.device)
    converted: list[slice] = []
    for rows in clipping:
        planes, prepared = input_planes(x[:, rows], config), _prepare(cells[rows], engine)
        part = _Part.of(not_transparent(planes.amax(dim=1), prepared, engine, config), config)
        if part.whole:
            _add_converted(total, planes, prepared, part, engine)
            if config.weight_zero:
                total -= config.weight_zero * _row_sums(x[:, rows], config)
            converted.append(rows)
        elif part.planes:
            planes, group = planes[part.planes], cells[rows][:, :, part.slices]
            _add_converted(total, planes, _prepare(group, engine), part, engine)
            total -= _unconverted(planes, group, part)[:, : total.shape[1]]
    plain = rows_outside(converted, x.shape[1], x.device)
    if len(plain):
        total += matrix.product(x, x_peak, plain if converted else None)
    return total


def _row_sums(x: torch.Tensor, config: BitSliceConfig) -> torch.Tensor:
    """Return the sums (M, 1), int64, of codes (M, R): in floats, which add many times faster than bytes to int64."""
    return x.to(float_type(x.shape[1] << config.x_bits)).sum(dim=1, keepdim=True).to(torch.int64)


@dataclass(frozen=True)
class _Part:
    """The planes and slices of one group that are converted one by one, and their place values."""

    planes: list[int]
    slices: list[int]
    plane_weights: tuple[int, ...]
    slice_weights: tuple[int, ...]
    whole: bool

    @classmethod
    def of(cls, chosen: torch.Tensor, config: BitSliceConfig) -> "_Part":
        """Return the smallest block of planes and slices that holds all ``chosen`` (P, S)."""
        planes, slices = (torch.nonzero(chosen.any(dim=axis)).flatten().tolist() for axis in (1, 0))
        place = tuple(config.plane_weights[i] for i in planes)
        value = tuple(config.slice_weights[i] for i in slices)
        return cls(planes, slices, place, value, len(planes) * len(slices) == chosen.numel())


def _prepare(cells: torch.Tensor, engine: Engine) -> list[torch.Tensor]:
    """Return prepared cells (R, columns) in pieces of at most a tile's columns, whole blocks each."""
    blocks = max(1, _TILE.get(cells.device.type, _WHOLE)[1] // cells[0, 0].numel())
    return [engine.prepare(piece.flatten(1)) for piece in torch.split(cells, blocks, dim=1)]


def _add_converted(
    total: torch.Tensor, planes: torch.Tensor, pieces: list[torch.Tensor], part: _Part, engine: Engine
) -> None:
    """Add to ``total`` (M, N) the converted product of planes (P, M, R) and prepared cells of one group."""
    largest = max(255, largest_code(engine.largest_sum, engine.config))
    kind = float_type(largest * sum(map(abs, part.plane_weights)) * sum(map(abs, part.slice_weights)))
    factors = torch.tensor(part.plane_weights, dtype=kind, device=total.device)
    step = engine.config.adc_step
    shift = engine.zero * step * sum(part.plane_weights) * sum(part.slice_weights)
    size = max(1, _TILE.get(total.device.type, _WHOLE)[0] // len(planes))
    width = pieces[0].shape[1] // len(part.slices)
    for m in range(0, len(total), size):
        chunk = planes[:, m : m + size].reshape(-1, planes.shape[2])
        for i, cells in enumerate(pieces):
            out = total[m : m + size, i * width : (i + 1) * width]
            folded = engine.fold(chunk, cells, part.slice_weights).view(len(planes), -1)
            sums = (factors @ folded.to(kind)).view(len(out), -1)[:, : out.shape[1]]
            out.add_(sums.to(torch.int64), alpha=step)
    if shift:
        total -= shift


def _unconverted(planes: torch.Tensor, cells: torch.Tensor, part: _Part) -> torch.Tensor:
    """Return what the converted product would be with an ideal converter, (M, N filled to blocks)."""
    place = torch.tensor(part.plane_weights, device=planes.device)
    value = torch.tensor(part.slice_weights, device=cells.device)
    # planes times their place values give the input codes back, cells times theirs the weight codes
    x = (planes.to(torch.int64) * place[:, None, None]).sum(dim=0)
    w = (cells.to(torch.int64) * value[:, None]).sum(dim=2).flatten(1)
    return exact_product(x, w)
