"""What the models of published chips share: unit energies of gates, the converter's fit, and scaling between nodes."""

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.content import content_root
from imcsim.core.sources import Resolved
from imcsim.core.toml import load_resolved
from imcsim.periphery.adc import Adc
from imcsim.periphery.table import check_increasing, log_log


class Gates(FrozenConfig):
    """Energies (J) of one switching of a gate at ``feature_size_m`` and ``supply_v``."""

    feature_size_m: float = Field(gt=0)
    supply_v: float = Field(gt=0)
    nand_energy_j: float = Field(gt=0)
    full_adder_energy_j: float = Field(gt=0)
    flip_flop_energy_j: float = Field(gt=0)
    booth_selector_nands: float = Field(gt=0, description="NANDs of one bit of a radix-4 Booth selector")


class NodeTable(FrozenConfig):
    """Energy of digital logic at each node's nominal supply, relative; one family of transistors."""

    feature_sizes_m: tuple[float, ...] = Field(min_length=2)
    nominal_supplies_v: tuple[float, ...]
    energy_factors: tuple[float, ...]

    @model_validator(mode="after")
    def _one_entry_per_node(self) -> "NodeTable":
        for name in ("nominal_supplies_v", "energy_factors"):
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


class PublishedUnits(FrozenConfig):
    """See ``models/published/units.toml``. ``weight_bits_per_conversion`` are joined before a converter."""

    name: str
    weight_bits_per_conversion: int = Field(ge=1)
    gates: Gates
    adc: Adc
    nodes: NodeTable

    def gate_scale(self, feature_size_m: float, supply_v: float) -> float:
        """Return the energy of a gate at a node and supply relative to that of ``gates``."""
        here = self.nodes.digital_factor(feature_size_m, supply_v)
        return here / self.nodes.digital_factor(self.gates.feature_size_m, self.gates.supply_v)


def load_units() -> Resolved[PublishedUnits]:
    """Load ``models/published/units.toml`` of the content root; ContentError or ConfigError if it is broken."""
    path = content_root() / "models" / "published" / "units.toml"
    return load_resolved(PublishedUnits, "component", str(path), references={"adc": "component"})
