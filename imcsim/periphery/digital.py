"""Digital arithmetic beside the arrays: shift-add, adder trees, and the gradient and update unit."""

from pydantic import Field

from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError


class ShiftAdd(FrozenConfig):
    """Joins slices and phases: ``energy_j`` per operation, ``area_m2`` per unit."""

    name: str
    energy_j: float = Field(ge=0)
    area_m2: float = Field(ge=0)


class AdderTree(FrozenConfig):
    """Tree of ripple-carry adders that sums N inputs of b bits in a digital SRAM array.

    Counts follow KULeuven-MICAS/zigzag-imc@df34a6f dimc_cost_model.py, class AdderTree. ``activity`` is the share of
    full adders that switch in one evaluation.
    """

    name: str
    full_adder_energy_j: float = Field(ge=0)
    full_adder_area_m2: float = Field(ge=0)
    full_adder_delay_s: float = Field(ge=0)
    activity: float = Field(ge=0, le=1)

    @staticmethod
    def depth(inputs: int) -> int:
        """Return the levels of the tree: ceil(log2(inputs)), 0 for a single input."""
        if inputs < 1:
            raise ConfigError(f"an adder tree needs at least one input, got {inputs}")
        return (inputs - 1).bit_length()

    def full_adders(self, inputs: int, bits: int) -> int:
        """Return N (b + 1) - (b + log2 N + 1), the full adders of the tree; log2 is rounded up.

        Raises
        ------
        ConfigError
            For fewer than one input or one bit.
        """
        if bits < 1:
            raise ConfigError(f"an adder tree needs inputs of at least one bit, got {bits}")
        return inputs * (bits + 1) - (bits + self.depth(inputs) + 1)

    def energy_j(self, inputs: int, bits: int) -> float:
        """Return the energy (J) of one evaluation: full adders x energy x activity; 0 for a single input."""
        return self.full_adders(inputs, bits) * self.full_adder_energy_j * self.activity

    def area_m2(self, inputs: int, bits: int) -> float:
        """Return the area (m2) of one tree."""
        return self.full_adders(inputs, bits) * self.full_adder_area_m2

    def time_s(self, inputs: int, bits: int) -> float:
        """Return the critical path (s): (b + 2 depth - 2) full adders, 0 for a single input.

        Bit i of level l waits for bit i of level l - 1 and for the carry of bit i - 1, so it is ready after i + l
        adders; the last adder is bit b + depth - 2 of level depth.
        """
        depth = self.depth(inputs)
        if self.full_adders(inputs, bits) == 0:
            return 0.0
        return (bits + 2 * depth - 2) * self.full_adder_delay_s


class DigitalMac(FrozenConfig):
    """The unit that computes weight gradients, activation functions and optimiser updates.

    Parameters
    ----------
    gradient_energy_j
        One weight-gradient MAC (J).
    vector_energy_j
        One element of activation, normalisation or update arithmetic (J).
    update_energy_j
        Arithmetic of one optimiser update of one weight (J).
    macs_per_s
        Throughput of the unit.
    area_m2
        Area of the whole unit (m2).
    """

    name: str
    gradient_energy_j: float = Field(ge=0)
    vector_energy_j: float = Field(ge=0)
    update_energy_j: float = Field(ge=0)
    macs_per_s: float = Field(gt=0)
    area_m2: float = Field(ge=0)
