"""Digital logic from node to node and from supply to supply: energy, delay and area, relative."""

import math
from dataclasses import dataclass

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError
from imcsim.periphery.table import check_increasing, log_log


class NodeTable(FrozenConfig):
    """Energy, delay and area of digital logic at each node's nominal supply, relative; one family of transistors."""

    feature_sizes_m: tuple[float, ...] = Field(min_length=2)
    nominal_supplies_v: tuple[float, ...]
    energy_factors: tuple[float, ...]
    delay_factors: tuple[float, ...]
    area_factors: tuple[float, ...]
    thresholds_v: tuple[float, ...]
    velocity_exponent: float = Field(ge=1, le=2, description="of the alpha-power law of a transistor's current")
    near_threshold_v: float = Field(gt=0, description="2 n k T / q: how sharply current sets in at the threshold")
    carried_on: float = Field(ge=1, description="by which factor a node may lie outside the table")

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
        """Tell whether a node lies inside the table, or so little beyond that its last power law is carried on."""
        low, high = self.feature_sizes_m[0], self.feature_sizes_m[-1]
        return low / self.carried_on <= feature_size_m <= high * self.carried_on

    def nominal_supply_v(self, feature_size_m: float) -> float:
        """Return the nominal supply (V) at a node, a power law between entries."""
        return self._at(feature_size_m, self.nominal_supplies_v)

    def digital_factor(self, feature_size_m: float, supply_v: float) -> float:
        """Return the relative energy of digital logic: the factor at nominal supply, times the supply's square.

        The published quadratic in the supply is taken at the nominal supply alone: for planar nodes its minimum lies
        near 0.6 V, below which it would rise as the supply falls.
        """
        nominal_j = self._at(feature_size_m, self.energy_factors)
        return nominal_j * (supply_v / self.nominal_supply_v(feature_size_m)) ** 2

    def delay_factor(self, feature_size_m: float, supply_v: float) -> float:
        """Return the relative delay of digital logic: the factor at nominal supply, moved by the alpha-power law.

        Delay goes as V / Vod^alpha (Sakurai & Newton 1990), Vod the overdrive. Far above the threshold that is
        V - Vth; near it, v ln(1 + exp((V - Vth) / v)) with v = ``near_threshold_v`` (EKV model, Enz et al. 1995). The
        published cubics in the supply are taken at the nominal supply alone: beyond it they rise.
        """
        nominal, there = self._at(feature_size_m, self.delay_factors), self.nominal_supply_v(feature_size_m)
        moved = self._overdrive_v(feature_size_m, there) / self._overdrive_v(feature_size_m, supply_v)
        return nominal * supply_v / there * math.pow(moved, self.velocity_exponent)

    def area_factor(self, feature_size_m: float) -> float:
        """Return the relative area of digital logic at a node."""
        return self._at(feature_size_m, self.area_factors)

    def _overdrive_v(self, feature_size_m: float, supply_v: float) -> float:
        above = (supply_v - self._at(feature_size_m, self.thresholds_v)) / self.near_threshold_v
        return self.near_threshold_v * math.log1p(math.exp(min(above, 700.0)))

    def _at(self, feature_size_m: float, values: tuple[float, ...]) -> float:
        """Return a value of the table, a power law between entries and beyond them; ValueError farther out."""
        nodes = self.feature_sizes_m
        if nodes[0] <= feature_size_m <= nodes[-1]:
            return log_log(feature_size_m, nodes, values)
        if not self.covers(feature_size_m):
            raise ValueError(f"a node of {feature_size_m:g} m lies too far outside the table")
        edge, inner = (0, 1) if feature_size_m < nodes[0] else (-1, -2)
        slope = math.log(values[edge] / values[inner]) / math.log(nodes[edge] / nodes[inner])
        return values[edge] * math.pow(feature_size_m / nodes[edge], slope)


@dataclass(frozen=True)
class Shrink:
    """What gates become from one node and supply to another, as factors.

    Parameters
    ----------
    capacitance
        On a capacitance, so that energy is the factor times the square of either supply.
    delay, area
        On a delay between the two supplies, and on an area.
    """

    capacitance: float
    delay: float
    area: float


def shrink(nodes: NodeTable, from_m: float, to_m: float, to_v: float, from_v: float | None = None) -> Shrink:
    """Return how gates change from node ``from_m`` (m) to ``to_m`` (m), and from supply ``from_v`` (V) to ``to_v`` (V).

    ``from_v`` is by default the nominal supply of the first node.

    Raises
    ------
    ConfigError
        For a node too far outside the table.
    """
    for node_m in (from_m, to_m):
        if not nodes.covers(node_m):
            ends = f"{nodes.feature_sizes_m[0] * 1e9:g} to {nodes.feature_sizes_m[-1] * 1e9:g} nm"
            raise ConfigError(f"feature_size_m must lie in the table of nodes, {ends}, got {node_m * 1e9:g} nm")
    before_v = nodes.nominal_supply_v(from_m) if from_v is None else from_v
    delay = nodes.delay_factor(to_m, to_v) / nodes.delay_factor(from_m, before_v)
    return Shrink(
        capacitance=nodes.digital_factor(to_m, 1.0) / nodes.digital_factor(from_m, 1.0),
        delay=delay,
        area=nodes.area_factor(to_m) / nodes.area_factor(from_m),
    )
