"""What the models of published chips share: unit energies of gates, the converter's fit, and scaling between nodes."""

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.content import content_root
from imcsim.core.sources import Resolved
from imcsim.core.toml import load_resolved
from imcsim.periphery.adc import Adc
from imcsim.periphery.converters.macro_fit import MacroFit
from imcsim.periphery.nodes import NodeTable


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
