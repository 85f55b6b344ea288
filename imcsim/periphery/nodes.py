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
        For a node outside the table, or a supply too close to the threshold for the law of delay.
    """
    for node_m in (from_m, to_m):
        if not nodes.covers(node_m):
            ends = f"{nodes.feature_sizes_m[0] * 1e9:g} to {nodes.feature_sizes_m[-1] * 1e9:g} nm"
            raise ConfigError(f"feature_size_m must lie in the table of nodes, {ends}, got {node_m * 1e9:g} nm")
    before_v = nodes.nominal_supply_v(from_m) if from_v is None else from_v
    try:
        delay = nodes.delay_factor(to_m, to_v) / nodes.delay_factor(from_m, before_v)
    except ValueError as error:
        raise ConfigError(f"supply_v: {error} at {to_m * 1e9:g} nm") from None
    return Shrink(
        capacitance=nodes.digital_factor(to_m, 1.0) / nodes.digital_factor(from_m, 1.0),
        delay=delay,
        area=nodes.area_factor(to_m) / nodes.area_factor(from_m),
    )
