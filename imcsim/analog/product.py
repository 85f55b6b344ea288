"""The product of input codes with arrays of real cells: plane by plane, a conversion after every column.

Shape letters: M vectors, P planes, R rows that are open at once, D fan-in, N outputs, n outputs held by the RRAM PEs of
one row of PEs, K sums of a weight: one for each of its cells, or for each pair where pairs are subtracted ahead of the
converter; C = n K.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from imcsim.crossbar.slicing.config import BitSliceConfig
from imcsim.crossbar.slicing.planes import input_planes

_SUMS_AT_ONCE = 1 << 20  # design choice: 4 MiB of column sums stay in a core's cache
_FLOAT32_EXACT = 1 << 24


@dataclass(frozen=True)
class Replicas:
    """The replica columns of one row of PEs: see :mod:`imcsim.crossbar.replicas`.

    Parameters
    ----------
    cells
        Cells (R, columns) in units of one level, pair after pair.
    pair_of
        The pair (n,) that each of the block's outputs has.
    """

    cells: Tensor
    pair_of: Tensor


@dataclass(frozen=True)
class Block:
    """The cells of one row of PEs that are open at once.

    Parameters
    ----------
    rows
        Rows of the weight matrix.
    outputs
        The n outputs whose PEs are in RRAM, as indices; None for all.
    cells
        Cells, or differences of the cells of pairs, (R, C) in units of one level; the K of an output lie side by side.
    factor
        What the converted sums of the n outputs are multiplied by, float64; None for 1.
    replicas
        Replica columns, whose converted sums are subtracted from those of their outputs; None where there are none.
    """

    rows: slice
    outputs: Tensor | None
    cells: Tensor
    factor: Tensor | None = None
    replicas: Replicas | None = None


@dataclass(frozen=True)
class Converter:
    """What the column converters do; ``None`` bits convert ideally.

    Parameters
    ----------
    bits
        Bits of a conversion.
    steps
        Column sum (levels x input code) of one converter code, one for each of the K sums of a weight.
    zero
        Codes below zero: half of all where sums have a sign, else spare ones, so that noise around an empty column is
        not rectified.
    """

    bits: int | None
    steps: tuple[int, ...]
    zero: int = 0

    @property
    def ends(self) -> tuple[int, int]:
        """Lowest and highest code."""
        top = (1 << (self.bits or 0)) - 1 - self.zero
        return -self.zero, top


@dataclass(frozen=True)
class Readout:
    """How arrays are read: planes of the inputs, converters, place values, noise of a cell's read.

    Parameters
    ----------
    slicing
        Planes of the input codes, with their place values.
    significance
        Place value of each of the K sums of a weight.
    converter
        The column converters.
    noise
        Standard deviation of one read of a cell, or of a pair, in units of one level; 0 for none.
    plane_values
        What each value of a plane really contributes, in codes; None where a DAC is linear.
    """

    slicing: BitSliceConfig
    significance: tuple[int, ...]
    converter: Converter
    noise: float = 0.0
    plane_values: tuple[float, ...] | None = None


def array_product(
    codes: Tensor,
    blocks: Sequence[Block],
    outputs: int,
    readout: Readout,
    generator: torch.Generator | None,
    factors: Sequence[Tensor | None] | None = None,
) -> Tensor:
    """Return codes (M, D) times the weights that ``blocks`` hold, (M, ``outputs``), float64, in code units.

    Parameters
    ----------
    codes
        Input codes, integer values of the range that ``readout.slicing`` has.
    blocks
        Rows of PEs.
    generator
        Source of the read noise, on the device of ``codes``; may be None where there is none.
    factors
        For each block (n,), float64: what its converted partial sums are multiplied by; None for 1.
    """
    total = torch.zeros(len(codes), outputs, dtype=torch.float64, device=codes.device)
    integers = codes.to(torch.int32 if readout.slicing.x_bits > 8 else torch.int16)
    planes = len(readout.slicing.plane_weights)
    for number, block in enumerate(blocks):
        vectors = max(1, _SUMS_AT_ONCE // (planes * block.cells.shape[1]))
        for m in range(0, len(codes), vectors):
            part = _block_product(integers[m : m + vectors, block.rows], block, readout, generator)
            factor = None if factors is None else factors[number]
            if factor is not None:
                part.mul_(factor)
            rows = total[m : m + vectors]
            if block.outputs is None:
                rows += part
            else:
                rows.index_add_(1, block.outputs, part)
    return total


def _block_product(codes: Tensor, block: Block, readout: Readout, generator: torch.Generator | None) -> Tensor:
    """Return the converted product (M, n), float64, of one row of PEs."""
    planes = input_planes(codes, readout.slicing)  # (P, M, R)
    driven = planes.to(torch.float32)
    if readout.plane_values is not None:
        driven = torch.tensor(readout.plane_values, device=codes.device)[planes.long()]
    count, vectors, rows = driven.shape
    beside, columns = block.replicas, block.cells.shape[1]
    cells = block.cells if beside is None else torch.cat((block.cells, beside.cells), dim=1)
    sums = driven.reshape(-1, rows) @ cells
    if readout.noise and generator is not None:
        # the noise of cells on one bit line adds in variance, each cell's by the input that drives it
        strength = driven.square().sum(-1).sqrt_().mul_(readout.noise).view(-1, 1)
        sums.addcmul_(torch.randn(sums.shape, generator=generator, device=sums.device), strength)
    if beside is None:
        return _added(sums, (count, vectors), readout)
    top = replace(readout.converter, steps=readout.converter.steps[-1:])  # a replica stands in the top slice
    replicas = replace(readout, significance=readout.significance[-1:], converter=top)
    each = _added(sums[:, columns:].contiguous(), (count, vectors), replicas).view(vectors, -1, 2).sum(-1)
    return _added(sums[:, :columns].contiguous(), (count, vectors), readout) - each.index_select(1, beside.pair_of)


def _added(sums: Tensor, shape: tuple[int, int], readout: Readout) -> Tensor:
    """Return what column sums (P M, C) add up to once they are converted, (M, n), float64; ``shape`` is (P, M)."""
    _convert_(sums, readout.converter)
    return _folded(sums.view(*shape, -1), readout)


def _convert_(sums: Tensor, converter: Converter) -> None:
    """Replace column sums (.., C) by converter codes."""
    if converter.bits is None:
        return
    if max(converter.steps) > 1:
        if len(set(converter.steps)) == 1:
            sums.div_(converter.steps[0])
        else:
            sums.view(len(sums), -1, len(converter.steps)).div_(torch.tensor(converter.steps, device=sums.device))
    sums.round_().clamp_(*converter.ends)


def _folded(codes: Tensor, readout: Readout) -> Tensor:
    """Return what codes (P, M, C) add up to: planes first, then the cells of a weight, (M, n), float64."""
    count, vectors, _ = codes.shape
    place = readout.slicing.plane_weights
    ends = readout.converter.ends if readout.converter.bits is not None else (0, _FLOAT32_EXACT)
    steps = readout.converter.steps if readout.converter.bits is not None else (1,) * len(readout.significance)
    value = [step * weight for step, weight in zip(steps, readout.significance, strict=True)]
    largest = max(map(abs, ends)) * sum(map(abs, place)) * sum(map(abs, value))
    kind = torch.float32 if largest < _FLOAT32_EXACT else torch.float64
    weights = torch.tensor([place], dtype=kind, device=codes.device)
    # shift-add over the cycles first, then over the cells of a weight
    by_plane = (weights @ codes.view(count, -1).to(kind)).view(vectors, -1, len(value))
    return (by_plane @ torch.tensor(value, dtype=kind, device=codes.device)).to(torch.float64)
