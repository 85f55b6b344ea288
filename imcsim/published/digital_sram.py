"""Energy per MAC of a digital SRAM array: selectors, adders and accumulators, all in proportion to activity.

Shape letters: N inputs summed at once, b bits.
"""

import math
from dataclasses import dataclass
from typing import Literal

from imcsim.published.units import PublishedUnits

Structure = Literal["tree", "chain"]


@dataclass(frozen=True)
class DigitalArray:
    """A digital SRAM array.

    Parameters
    ----------
    inputs
        Inputs summed at once, N.
    bits_in, bits_w
        Bits of an input and of a weight; inputs enter ``bits_per_cycle`` bits at a time.
    booth
        Whether a radix-4 Booth selector makes the product of two input bits (one bit wider than the weight).
    structure
        ``tree`` of adders beside the cells, or a ``chain`` with an adder in every cell.
    """

    inputs: int
    bits_in: int
    bits_w: int
    bits_per_cycle: int = 1
    booth: bool = False
    structure: Structure = "tree"

    @property
    def phases(self) -> int:
        """Cycles that one input takes."""
        return math.ceil(self.bits_in / self.bits_per_cycle)

    @property
    def product_bits(self) -> int:
        """Bits of the product of one weight and the input bits of a cycle."""
        if self.booth:
            return self.bits_w + 1
        return self.bits_w if self.bits_per_cycle == 1 else self.bits_w + self.bits_per_cycle

    @property
    def adders_per_input(self) -> float:
        """Full adders for each input and phase.

        Tree of ripple-carry adders: (N (b + 1) - (b + log2 N + 1)) / N (KULeuven-MICAS/zigzag-imc@df34a6f
        dimc_cost_model.py, class AdderTree; log2 rounded up). Chain: each row adds at the full width of the sum,
        b + log2 N (Colonnade, JSSC 2021).
        """
        bits, depth = self.product_bits, (self.inputs - 1).bit_length()
        if self.structure == "chain":
            return float(bits + depth)
        return (self.inputs * (bits + 1) - (bits + depth + 1)) / self.inputs


def digital_sram_mac_j(
    array: DigitalArray, units: PublishedUnits, *, gate_scale: float, activity: float
) -> dict[str, float]:
    """Return joules of one MAC by part.

    Parameters
    ----------
    gate_scale
        Energy of a gate relative to that of ``units.gates``.
    activity
        Share of gates that switch in a phase: input toggle rate times weight density.

    Notes
    -----
    The accumulator of an output is as wide as the whole sum. Its flip-flops are clocked in every phase, whatever the
    activity. Reading the weights is not charged: they stand at the gates.
    """
    gates, scale = units.gates, gate_scale * array.phases
    width = array.bits_in + array.bits_w + (array.inputs - 1).bit_length()
    accumulator_j = width * (gates.full_adder_energy_j * activity + gates.flip_flop_energy_j)
    return {
        "product": scale * _product_j(array, units) * activity,
        "adders": scale * array.adders_per_input * gates.full_adder_energy_j * activity,
        "accumulator": scale * accumulator_j / array.inputs,
    }


def _product_j(array: DigitalArray, units: PublishedUnits) -> float:
    """Return joules, every gate switching, of the product of one weight and the input bits of a cycle."""
    gates = units.gates
    if array.booth:
        return array.product_bits * gates.booth_selector_nands * gates.nand_energy_j
    joined_j = (array.bits_per_cycle - 1) * array.bits_w * gates.full_adder_energy_j
    return array.bits_per_cycle * array.bits_w * gates.nand_energy_j + joined_j
