"""Digital arithmetic beside the arrays: shift-add, adder trees, and the gradient and update unit."""

from typing import Literal

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
    """The digital logic beside the cells of an SRAM array: product gates, adders, and an accumulator for each output.

    N inputs, each the product of a weight of w bits and d bits of an input, are summed by ripple-carry adders: in a
    ``tree`` beside the cells, or in a ``chain`` with an adder in every row. Counts follow KULeuven-MICAS/zigzag-imc
    @df34a6f dimc_cost_model.py, class AdderTree.

    Parameters
    ----------
    kind
        ``tree`` or ``chain``.
    full_adder_energy_j, product_energy_j, flip_flop_energy_j
        One full adder, one product gate (NAND) and one flip-flop that switches (J).
    full_adder_area_m2, product_area_m2, flip_flop_area_m2
        Their areas (m2).
    full_adder_delay_s, carry_delay_s, product_delay_s
        From an input of a full adder to its sum, from carry to carry, and through a product gate (s).
    activity
        Share of product gates and full adders that switch in one evaluation: share of input bits that are one times
        that of weight bits, and glitches. Flip-flops are clocked whatever the data.
    pipelined
        Whether a register parts tree and accumulator, so that the slower of the two sets the cycle.
    """

    name: str
    kind: Literal["tree", "chain"] = "tree"
    full_adder_energy_j: float = Field(ge=0)
    full_adder_area_m2: float = Field(ge=0)
    full_adder_delay_s: float = Field(ge=0)
    carry_delay_s: float = Field(ge=0)
    product_energy_j: float = Field(ge=0)
    product_area_m2: float = Field(ge=0)
    product_delay_s: float = Field(ge=0)
    flip_flop_energy_j: float = Field(ge=0)
    flip_flop_area_m2: float = Field(ge=0)
    activity: float = Field(ge=0, le=1)
    pipelined: bool = False

    @staticmethod
    def depth(inputs: int) -> int:
        """Return the levels of the tree: ceil(log2(inputs)), 0 for a single input."""
        if inputs < 1:
            raise ConfigError(f"an adder tree needs at least one input, got {inputs}")
        return (inputs - 1).bit_length()

    def full_adders(self, inputs: int, bits: int) -> int:
        """Return the full adders that sum ``inputs`` numbers of ``bits``; log2 is rounded up.

        Tree: N (b + 1) - (b + log2 N + 1). Chain: N (b + log2 N), each row adds at the full width of the sum.

        Raises
        ------
        ConfigError
            For fewer than one input or one bit.
        """
        if bits < 1:
            raise ConfigError(f"an adder tree needs inputs of at least one bit, got {bits}")
        depth = self.depth(inputs)
        if self.kind == "chain":
            return inputs * (bits + depth) if inputs > 1 else 0
        return inputs * (bits + 1) - (bits + depth + 1)

    @staticmethod
    def product_bits(weight_bits: int, input_bits: int) -> int:
        """Return the bits of the product of a weight and ``input_bits`` bits of an input: w, or w + d."""
        return weight_bits if input_bits == 1 else weight_bits + input_bits

    @staticmethod
    def product_adders(weight_bits: int, input_bits: int) -> int:
        """Return the full adders that join the products of several input bits of one weight: (d - 1) w."""
        return (input_bits - 1) * weight_bits

    def sum_bits(self, inputs: int, weight_bits: int, vector_bits: int) -> int:
        """Return the bits of an accumulator: of the weight, of the whole input, and log2 N."""
        return weight_bits + vector_bits + self.depth(inputs)

    def time_s(self, inputs: int, bits: int) -> float:
        """Return the critical path of the adders (s): 0 for a single input.

        Tree: in-to-sum through all levels but the last, in-to-carry (one XOR, half of in-to-sum, and a carry), then
        the carry along the sum of b + log2 N bits (PyPI zigzag-dse 3.9.1 imc_array.py get_tclk). Chain: the sum of
        each row waits for that of the row before.
        """
        depth = self.depth(inputs)
        if self.full_adders(inputs, bits) == 0:
            return 0.0
        in_to_carry_s = self.full_adder_delay_s / 2 + self.carry_delay_s
        levels = inputs if self.kind == "chain" else depth
        return (levels - 1) * self.full_adder_delay_s + in_to_carry_s + (bits + depth - 2) * self.carry_delay_s

    def accumulate_s(self, bits: int) -> float:
        """Return the time of an addition to an accumulator of ``bits`` (s)."""
        return self.full_adder_delay_s / 2 + self.carry_delay_s + (bits - 1) * self.carry_delay_s

    def energy_price(self, at: str = "sram.adder_tree") -> Price:
        """Return the price (J) of one full adder of an evaluation, for the tree at path ``at`` of the chip."""
        joules = self.full_adder_energy_j * self.activity
        values = (f"{at}.full_adder_energy_j", f"{at}.activity")
        return Price(joules, "energy of a full adder x share that switches", values)

    def product_price(self, at: str = "sram.adder_tree") -> Price:
        """Return the price (J) of one product gate of an evaluation."""
        joules = self.product_energy_j * self.activity
        return Price(
            joules, "energy of a product gate x share that switches", (f"{at}.product_energy_j", f"{at}.activity")
        )

    def accumulator_price(self, at: str = "sram.adder_tree") -> Price:
        """Return the price (J) of one bit of an accumulator that adds: its full adder, and its flip-flop's clock."""
        joules = self.full_adder_energy_j * self.activity + self.flip_flop_energy_j
        values = tuple(f"{at}.{name}" for name in ("full_adder_energy_j", "activity", "flip_flop_energy_j"))
        return Price(joules, "energy of a full adder x share that switches + energy of a flip-flop", values)

    def area_price(self, at: str = "sram.adder_tree") -> Price:
        """Return the price (m2) of one full adder."""
        return Price(self.full_adder_area_m2, "area of a full adder", (f"{at}.full_adder_area_m2",))

    def product_area_price(self, at: str = "sram.adder_tree") -> Price:
        """Return the price (m2) of one product gate."""
        return Price(self.product_area_m2, "area of a product gate", (f"{at}.product_area_m2",))

    def accumulator_area_price(self, at: str = "sram.adder_tree") -> Price:
        """Return the price (m2) of one bit of an accumulator."""
        area_m2 = self.full_adder_area_m2 + self.flip_flop_area_m2
        values = (f"{at}.full_adder_area_m2", f"{at}.flip_flop_area_m2")
        return Price(area_m2, "area of a full adder + area of a flip-flop", values)

    def cycle_price(self, inputs: int, weight_bits: int, input_bits: int, vector_bits: int, at: str) -> Price:
        """Return the price (s) of one evaluation: product, sum and accumulator; the slower part if ``pipelined``.

        The caller adds where the counts come from.
        """
        bits = self.product_bits(weight_bits, input_bits)
        product_s = self.product_delay_s + (input_bits - 1) * self.full_adder_delay_s
        adding_s = product_s + self.time_s(inputs, bits)
        accumulating_s = self.accumulate_s(self.sum_bits(inputs, weight_bits, vector_bits))
        seconds = max(adding_s, accumulating_s) if self.pipelined else adding_s + accumulating_s
        joined = "max(product + adders, accumulator)" if self.pipelined else "product + adders + accumulator"
        names = ("product_delay_s", "full_adder_delay_s", "carry_delay_s", "pipelined")
        return Price(seconds, f"{joined}, along the longest path", tuple(f"{at}.{name}" for name in names))


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
