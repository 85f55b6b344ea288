"""Area of a digital SRAM array: cells and the gates beside them, counted one by one."""

from imcsim.published.digital_sram import DigitalArray
from imcsim.published.units import PublishedUnits


def digital_area_parts_m2(
    array: DigitalArray, units: PublishedUnits, *, outputs: int, cells: int, area_scale: float
) -> dict[str, float]:
    """Return the area (m2) of one macro by part.

    Parameters
    ----------
    outputs
        Sums made at once, each with a tree of its own.
    cells
        Bits that the macro stores.
    area_scale
        Area of a gate and of a cell relative to that of ``units.gates``.

    Notes
    -----
    The gates are those of the energy (:mod:`imcsim.published.digital_sram`). A chain has one NAND and one full
    adder in every cell. Decoders, drivers and input registers are not charged.
    """
    gates = units.gates
    nand_m2, bits_m2 = gates.nand_area_m2 * area_scale, cells * gates.cell_area_m2 * area_scale
    if array.structure == "chain":
        return {"product": cells * nand_m2, "adders": cells * gates.full_adder_nands * nand_m2, "cells": bits_m2}
    adders = outputs * array.inputs * array.adders_per_input
    accumulators = outputs * _accumulator_bits(array)
    return {
        "product": outputs * array.inputs * _product_nands(array, units) * nand_m2,
        "adders": adders * gates.full_adder_nands * nand_m2,
        "accumulator": accumulators * (gates.full_adder_nands + gates.flip_flop_nands) * nand_m2,
        "cells": bits_m2,
    }


def _accumulator_bits(array: DigitalArray) -> int:
    if array.phases == 1:
        return 0
    return array.bits_in + array.bits_w + (array.inputs - 1).bit_length()


def _product_nands(array: DigitalArray, units: PublishedUnits) -> float:
    if array.booth:
        return array.product_bits * units.gates.selector_nands
    joined = (array.bits_per_cycle - 1) * array.bits_w * units.gates.full_adder_nands
    return array.bits_per_cycle * array.bits_w + joined
