"""What the models of published chips share: unit energies of gates, the converter's fit, and scaling between nodes."""

import math

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.content import content_root
from imcsim.core.sources import Resolved
from imcsim.core.toml import load_resolved
from imcsim.periphery.adc import Adc
from imcsim.periphery.converters.macro_fit import MacroFit
from imcsim.periphery.table import check_increasing, log_log


class Gates(FrozenConfig):
    """Energy (J) of one switching, delay (s) and area (m2) of gates at ``feature_size_m`` and ``supply_v``.

    A full adder is two XOR and three NAND: its carry passes two NAND, its sum two XOR, the carry made from its inputs
    one XOR and two NAND.
    """

    feature_size_m: float = Field(gt=0)
    supply_v: float = Field(gt=0)
    nand_energy_j: float = Field(gt=0)
    full_adder_energy_j: float = Field(gt=0)
    flip_flop_energy_j: float = Field(gt=0)
    booth_selector_nands: float = Field(gt=0, description="NANDs of one bit of a radix-4 Booth selector, in energy")
    nand_delay_s: float = Field(gt=0)
    nand_area_m2: float = Field(gt=0)
    xor_nands: float = Field(gt=0, description="delay and area of an XOR, in NANDs")
    flip_flop_nands: float = Field(gt=0, description="area of a flip-flop, in NANDs")
    cell_area_m2: float = Field(gt=0, description="six transistors, without logic")

    @property
    def full_adder_nands(self) -> float:
        """Area of a full adder, in NANDs."""
        return 2 * self.xor_nands + 3

    @property
    def in_to_sum_nands(self) -> float:
        """Delay from an input of a full adder to its sum, in NANDs."""
        return 2 * self.xor_nands

    @property
    def in_to_carry_nands(self) -> float:
        """Delay from an input of a full adder to its carry, in NANDs."""
        return self.xor_nands + self.carry_nands

    @property
    def carry_nands(self) -> float:
        """Delay from carry to carry of a full adder, in NANDs."""
        return 2.0

    @property
    def selector_nands(self) -> float:
        """Area, and delay, of one bit of a Booth selector, in NANDs: two NAND and one XOR, one after another."""
        return 2 + self.xor_nands


class NodeTable(FrozenConfig):
    """Energy, delay and area of digital logic at each node's nominal supply, relative; one family of transistors."""

    feature_sizes_m: tuple[float, ...] = Field(min_length=2)
    nominal_supplies_v: tuple[float, ...]
    energy_factors: tuple[float, ...]
    delay_factors: tuple[float, ...]
    area_factors: tuple[float, ...]
    thresholds_v: tuple[float, ...]
    velocity_exponent: float = Field(ge=1, le=2, description="of the alpha-power law of a transistor's current")
    least_overdrive_v: float = Field(gt=0, description="supply less threshold, below which the law does not hold")

    @model_validator(mode="after")
    def _one_entry_per_node(self) -> "NodeTable":
        columns = ("nominal_supplies_v", "energy_factors", "delay_factors", "area_factors", "thresholds_v")
        for name in columns:
            values = getattr(self, name)
            if len(values) != len(self.feature_sizes_m):
                raise ValueError(f"{name} needs one entry for each of feature_sizes_m")
            if min(values) <= 0:
                raise ValueError(f"{name} must hold values > 0, got {min(values)}")
        check_increasing("feature_sizes_m", self.feature_sizes_m)
        return self

    def covers(self, feature_size_m: float) -> bool:
        """Tell whether the table holds a node or lies on both sides of it."""
        return self.feature_sizes_m[0] <= feature_size_m <= self.feature_sizes_m[-1]

    def nominal_supply_v(self, feature_size_m: float) -> float:
        """Return the nominal supply (V) at a node, a power law between entries; ValueError outside the table."""
        return log_log(feature_size_m, self.feature_sizes_m, self.nominal_supplies_v)

    def digital_factor(self, feature_size_m: float, supply_v: float) -> float:
        """Return the relative energy of digital logic: the factor at nominal supply, times the supply's square.

        The published quadratic in the supply is taken at the nominal supply alone: for planar nodes its minimum lies
        near 0.6 V, below which it would rise as the supply falls. Between entries a power law; ValueError outside.
        """
        nominal_j = log_log(feature_size_m, self.feature_sizes_m, self.energy_factors)
        return nominal_j * (supply_v / self.nominal_supply_v(feature_size_m)) ** 2

    def drives(self, feature_size_m: float, supply_v: float) -> bool:
        """Tell whether a supply lies far enough above the threshold for :meth:`delay_factor`."""
        return supply_v - self._threshold_v(feature_size_m) >= self.least_overdrive_v

    def delay_factor(self, feature_size_m: float, supply_v: float) -> float:
        """Return the relative delay of digital logic: the factor at nominal supply, moved by the alpha-power law.

        Delay goes as V / (V - Vth)^alpha (Sakurai & Newton 1990). The published cubics in the supply are taken at
        the nominal supply alone: beyond it they rise. Between entries a power law.

        Raises
        ------
        ValueError
            Outside the table of nodes, or where :meth:`drives` does not hold.
        """
        if not self.drives(feature_size_m, supply_v):
            raise ValueError(f"a supply of {supply_v} V is too close to the threshold")
        nominal = log_log(feature_size_m, self.feature_sizes_m, self.delay_factors)
        here, there = supply_v, self.nominal_supply_v(feature_size_m)
        threshold = self._threshold_v(feature_size_m)
        return nominal * here / there * math.pow((there - threshold) / (here - threshold), self.velocity_exponent)

    def area_factor(self, feature_size_m: float) -> float:
        """Return the relative area of digital logic at a node; ValueError outside the table."""
        return log_log(feature_size_m, self.feature_sizes_m, self.area_factors)

    def _threshold_v(self, feature_size_m: float) -> float:
        return log_log(feature_size_m, self.feature_sizes_m, self.thresholds_v)


class PublishedUnits(FrozenConfig):
    """See ``models/published/units.toml``. ``weight_bits_per_conversion`` are joined before a converter."""

    name: str
    weight_bits_per_conversion: int = Field(ge=1)
    dac_per_bit_f: float = Field(gt=0, description="of a converter that makes an input a voltage")
    gates: Gates
    adc: Adc
    nodes: NodeTable

    @model_validator(mode="after")
    def _fit_is_given(self) -> "PublishedUnits":
        if self.adc.macro_fit is None:
            raise ValueError("adc needs the table [macro_fit]")
        return self

    @property
    def macro_fit(self) -> MacroFit:
        """The fit to complete macros, which a description of an analog array is priced by."""
        if self.adc.macro_fit is None:  # the validator has refused such units
            raise ValueError("adc needs the table [macro_fit]")
        return self.adc.macro_fit

    def gate_scale(self, feature_size_m: float, supply_v: float) -> float:
        """Return the energy of a gate at a node and supply relative to that of ``gates``."""
        here = self.nodes.digital_factor(feature_size_m, supply_v)
        return here / self.nodes.digital_factor(self.gates.feature_size_m, self.gates.supply_v)

    def delay_scale(self, feature_size_m: float, supply_v: float) -> float:
        """Return the delay of a gate at a node and supply relative to that of ``gates``."""
        here = self.nodes.delay_factor(feature_size_m, supply_v)
        return here / self.nodes.delay_factor(self.gates.feature_size_m, self.gates.supply_v)

    def area_scale(self, feature_size_m: float) -> float:
        """Return the area of a gate at a node relative to that of ``gates``."""
        return self.nodes.area_factor(feature_size_m) / self.nodes.area_factor(self.gates.feature_size_m)


def load_units() -> Resolved[PublishedUnits]:
    """Load ``models/published/units.toml`` of the content root; ContentError or ConfigError if it is broken."""
    path = content_root() / "models" / "published" / "units.toml"
    return load_resolved(PublishedUnits, "component", str(path), references={"adc": "component"})
