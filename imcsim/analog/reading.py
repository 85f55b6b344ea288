"""How a layer's arrays are read: planes of the inputs, the converter's range, the noise of a read.

Shape letters: M vectors, G groups, D fan-in, N outputs per group.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from imcsim.analog.arrays import GroupArrays
from imcsim.analog.config import AnalogConfig
from imcsim.analog.inputs import InputRange
from imcsim.analog.pes import AnalogCells, LayerPes
from imcsim.analog.product import Converter, Readout, array_product
from imcsim.crossbar.encoding import Encoding
from imcsim.crossbar.slicing.calibrate import AdcRange, column_sum_histograms, range_of
from imcsim.crossbar.slicing.collapse import exact_product
from imcsim.crossbar.slicing.config import BitSliceConfig
from imcsim.crossbar.slicing.idle import IdlePhases, idle_phases
from imcsim.devices import input_values

CALIBRATION_VECTORS = 512  # design choice: vectors of a layer whose column sums set its converters' range


def slicing_of(pes: LayerPes, analog: AnalogCells | None, signed: bool) -> BitSliceConfig:
    """Return how PEs cut codes; signed inputs on a multi-bit DAC are cut as magnitudes. None: no converters."""
    two_passes = signed and pes.dac_bits > 1
    return BitSliceConfig(
        rows=pes.geometry.rows,
        open_rows=pes.open_rows,
        pair="subtracted" if pes.pairs_subtracted else "converted",
        cell_bits=pes.encoding.cell_bits,
        dac_bits=min(pes.dac_bits, pes.input_bits - 1) if two_passes else pes.dac_bits,
        w_bits=pes.encoding.weight_bits,
        x_bits=pes.input_bits - 1 if two_passes else pes.input_bits,
        x_signed=signed and not two_passes,
        w_map="diff" if pes.encoding.sign == "differential" else "offset",
        adc_bits=None if analog is None else analog.adc_bits,
        adc_round="half_even",
    )


def calibrated_range(
    codes: Sequence[Tensor], weights: Tensor, pes: LayerPes, config: AnalogConfig, signed: bool
) -> AdcRange:
    """Return the converters' range for input codes, one (M, D) for each group, and weight codes (G, D, N).

    All weights count, in whichever memory they are, so that the range stays when PEs move.
    """
    if pes.analog is None:
        raise ValueError("PEs without RRAM have no column converters")
    slicing = slicing_of(pes, pes.analog, signed)
    total = np.zeros((len(slicing.slice_weights), 1), np.int64)
    for x, w in zip(codes, weights, strict=True):
        some = x[:: max(1, len(x) // CALIBRATION_VECTORS)][:CALIBRATION_VECTORS]
        for part in _passes(some, pes, signed):
            total = total + column_sum_histograms(part.long(), w.long(), slicing)
    return range_of(
        total,
        slicing,
        config.adc_range,
        percentile=config.adc_percentile,
        sigmas=config.adc_sigmas,
        per_slice=config.adc_per_slice,
    )


def readout_of(pes: LayerPes, analog: AnalogCells, config: AnalogConfig, inputs: InputRange, adc: AdcRange) -> Readout:
    """Return how RRAM PEs are read."""
    slicing = slicing_of(pes, analog, inputs.signed)
    encoding, cell = pes.encoding, analog.cell
    step_s = (cell.conductance_max_s - cell.conductance_min_s) / (encoding.level_count - 1)
    noise = cell.read_noise_fraction * cell.conductance_max_s / step_s if config.read_noise else 0.0
    if pes.pairs_subtracted:
        noise *= math.sqrt(2)  # the noise of a pair's two cells adds in variance
    bent = config.nonlinearity and cell.nonlinearity_v is not None and slicing.dac_bits > 1
    values = tuple(float(value) for value in input_values(slicing.dac_bits, cell)) if bent else None
    places = encoding.significance[: encoding.slices] if pes.pairs_subtracted else encoding.significance
    converter = _converter(adc, slicing, encoding, len(places)) if config.converter else Converter(None, ())
    return Readout(slicing, tuple(int(s) for s in places), converter, noise, values)


def read_group(
    codes: Tensor,
    arrays: GroupArrays,
    outputs: int,
    pes: LayerPes,
    signed: bool,
    readout: Readout | None,
    generator: torch.Generator | None,
    scales: Tensor | None = None,
) -> Tensor:
    """Return input codes (M, D) times the group's weights, (M, N), float64, in code units.

    SRAM PEs multiply exactly; so do they alone where ``readout`` is None. ``scales`` (row tiles, N), float64, multiply
    what each row of PEs adds, after conversion.
    """
    total = torch.zeros(len(codes), outputs, dtype=torch.float64, device=codes.device)
    if arrays.exact is not None:
        total += _exact(codes, arrays.exact, pes.tile[0], scales)
    if readout is None or not arrays.blocks:
        return total
    factors = _by_block(scales, arrays, pes.tile[0])
    for sign, part in zip((1, -1), _passes(codes, pes, signed), strict=False):
        total.add_(array_product(part, arrays.blocks, outputs, readout, generator, factors), alpha=sign)
    return _without_offset(total, codes, arrays, readout, factors)


def idle_of(codes: Tensor, pes: LayerPes, signed: bool) -> IdlePhases:
    """Return how many of the phases that input codes (M, D) take of a column of PEs drive no row."""
    slicing, found = slicing_of(pes, None, signed), IdlePhases()
    for part in _passes(codes, pes, signed):
        found = found.plus(idle_phases(part.long(), slicing))
    return found


def _exact(codes: Tensor, weights: Tensor, rows: int, scales: Tensor | None) -> Tensor:
    """Return the exact product of codes (M, D) and weights (D, N), each row of PEs times its scale."""
    if scales is None:
        return exact_product(codes, weights)
    # scales belong to a row of PEs: its partial sum is scaled before the sums of all rows are added
    tiles = zip(torch.split(codes, rows, dim=1), torch.split(weights, rows), scales, strict=True)
    return torch.stack([exact_product(x, w) * scale for x, w, scale in tiles]).sum(0)


def _by_block(scales: Tensor | None, arrays: GroupArrays, rows: int) -> tuple[Tensor | None, ...]:
    """Return what each output that a block holds is multiplied by, (n,), for each block; None for 1."""
    if scales is None:
        return tuple(block.factor for block in arrays.blocks)
    every = [scales[block.rows.start // rows] for block in arrays.blocks]
    own = [s if b.outputs is None else s[b.outputs] for s, b in zip(every, arrays.blocks, strict=True)]
    return tuple(s if b.factor is None else s * b.factor for s, b in zip(own, arrays.blocks, strict=True))


def _without_offset(
    total: Tensor, codes: Tensor, arrays: GroupArrays, readout: Readout, factors: Sequence[Tensor | None]
) -> Tensor:
    """Subtract, digitally and exactly, what offset binary adds to every weight of PEs without replica columns."""
    zero = readout.slicing.weight_zero
    if not zero:
        return total
    for block, factor in zip(arrays.blocks, factors, strict=True):
        if block.replicas is not None:
            continue
        added = zero * codes[:, block.rows].to(torch.float64).sum(dim=1, keepdim=True)
        if factor is not None:
            added = added * factor
        if block.outputs is None:
            total -= added
        else:
            total[:, block.outputs] -= added
    return total


def _passes(codes: Tensor, pes: LayerPes, signed: bool) -> tuple[Tensor, ...]:
    """Return the code vectors that drive the rows: as they are, or magnitudes of either sign on a multi-bit DAC."""
    return (codes.clamp(min=0), (-codes).clamp(min=0)) if signed and pes.dac_bits > 1 else (codes,)


def _converter(adc: AdcRange, slicing: BitSliceConfig, encoding: Encoding, sums: int) -> Converter:
    """Return the converter of a range for the ``sums`` that a weight has.

    Half of the codes lie below zero where sums have a sign, else half of those that the calibration leaves spare.
    """
    steps = _steps_by_sum(adc.steps, slicing, encoding, sums)
    if slicing.signed_sums:
        return Converter(adc.adc_bits, steps, 1 << (adc.adc_bits - 1))
    codes = (1 << adc.adc_bits) - 1
    needed = max(-(-top // step) for top, step in zip(_tops(adc, slicing), adc.steps, strict=True))
    return Converter(adc.adc_bits, steps, max(0, codes - needed) // 2)


def _tops(adc: AdcRange, slicing: BitSliceConfig) -> tuple[int, ...]:
    return tuple(min(slicing.largest_sum(slicing.rows), ((1 << adc.adc_bits) - 1) * step) for step in adc.steps)


def _steps_by_sum(steps: tuple[int, ...], slicing: BitSliceConfig, encoding: Encoding, sums: int) -> tuple[int, ...]:
    """Return a step for each of a weight's ``sums``; a differential encoding may leave out an empty top slice."""
    if len(steps) == 1:
        return steps * sums
    arrays = [steps[i : i + encoding.slices] for i in range(0, len(steps), slicing.slices)]
    return tuple(step for array in arrays for step in array)
