"""Digital arithmetic beside the arrays: shift-add, adder trees, and the gradient and update unit."""

from pydantic import Field

from imcsim.core.charge import Price
from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError


class ShiftAdd(FrozenConfig):
    """Joins slices and phases: ``energy_j`` per operation, ``area_m2`` per unit."""

    name: str
    energy_j: float = Field(ge=0)
    area_m2: float = Field(ge=0)

    def energy_price(self, at: str = "shift_add") -> Price:
        """Return the price (J) of one operation, for the unit at path ``at`` of the chip."""
        return Price(self.energy_j, "energy of one shift-add", (f"{at}.energy_j",))

    def area_price(self, at: str = "shift_add") -> Price:
        """Return the price (m2) of one unit."""
        return Price(self.area_m2, "area of one shift-add", (f"{at}.area_m2",))


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

    def energy_price(self, at: str = "sram.adder_tree") -> Price:
        """Return the price (J) of one full adder of an evaluation, for the tree at path ``at`` of the chip."""
        joules = self.full_adder_energy_j * self.activity
        values = (f"{at}.full_adder_energy_j", f"{at}.activity")
        return Price(joules, "energy of a full adder x share that switches", values)

    def area_price(self, at: str = "sram.adder_tree") -> Price:
        """Return the price (m2) of one full adder."""
        return Price(self.full_adder_area_m2, "area of a full adder", (f"{at}.full_adder_area_m2",))

    def time_price(self, inputs: int, bits: int, at: str = "sram.adder_tree") -> Price:
        """Return the price (s) of one evaluation of a whole tree, :meth:`time_s` with its words.

        The caller adds where inputs and bits come from.
        """
        said = "(b + 2 ceil(log2 N) - 2) t_adder, N inputs of b bits; 0 for one input"
        return Price(self.time_s(inputs, bits), said, (f"{at}.full_adder_delay_s",))


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

    def gradient_price(self, at: str = "mac") -> Price:
        """Return the price (J) of one gradient MAC, for the unit at path ``at`` of the chip."""
        return Price(self.gradient_energy_j, "energy of one gradient MAC", (f"{at}.gradient_energy_j",))

    def vector_price(self, at: str = "mac") -> Price:
        """Return the price (J) of one element of vector arithmetic."""
        return Price(self.vector_energy_j, "energy of one element of vector arithmetic", (f"{at}.vector_energy_j",))

    def update_price(self, at: str = "mac") -> Price:
        """Return the price (J) of one optimiser update of one weight."""
        return Price(self.update_energy_j, "energy of one optimiser update", (f"{at}.update_energy_j",))

    def time_price(self, at: str = "mac") -> Price:
        """Return the price (s) of one MAC."""
        return Price(1.0 / self.macs_per_s, "1 / MACs per second of the digital unit", (f"{at}.macs_per_s",))

    def area_price(self, at: str = "mac") -> Price:
        """Return the price (m2) of the whole unit."""
        return Price(self.area_m2, "area of the digital unit", (f"{at}.area_m2",))
