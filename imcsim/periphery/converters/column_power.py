"""What NeuroSim's converters share: a power fitted at a few nodes, part of which the column's conductance draws."""

import math
from abc import abstractmethod
from typing import ClassVar

from pydantic import Field, model_validator

from imcsim.periphery.converters.converter import RangedConverter
from imcsim.periphery.table import Amount, check_increasing, log_log


class ColumnPower(RangedConverter):
    """Energy from a fit of the power at each of ``feature_sizes_m``, between them on log-log axes.

    The fits have one entry of each tuple per node. They state no area, and the supply voltage is inside them.
    """

    follows_conductance: ClassVar[bool] = True

    feature_sizes_m: tuple[float, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _one_entry_per_node(self) -> "ColumnPower":
        columns = [value for _, value in self if isinstance(value, tuple)]
        if any(len(column) != len(self.feature_sizes_m) for column in columns):
            raise ValueError("every coefficient needs one entry for each of feature_sizes_m")
        check_increasing("feature_sizes_m", self.feature_sizes_m)
        return self

    @property
    def nodes_m(self) -> tuple[float, ...]:
        """Feature sizes (m) between the first and last of which the energy holds."""
        return self.feature_sizes_m

    def energy_j(self, feature_size_m: float, bits: float, supply_v: float, conductance_s: Amount) -> Amount:
        """Return the energy (J) of converting a column of ``conductance_s`` (S) at a node inside ``nodes_m``."""
        nodes = range(len(self.feature_sizes_m))
        energies: list[Amount] = [self.energy_at_node_j(node, bits, conductance_s) for node in nodes]
        return log_log(feature_size_m, self.feature_sizes_m, energies)

    @abstractmethod
    def energy_at_node_j(self, node: int, bits: float, conductance_s: Amount) -> Amount:
        """Return the energy (J) at entry ``node`` of ``feature_sizes_m``."""


def resistive_power_w(power_w: float, slope: float, conductance_s: Amount) -> Amount:
    """Return p_R exp(-k log10(R_column)) (W), written as a power of G = 1 / R, so that an open column draws nothing."""
    found: Amount = power_w * conductance_s ** (slope / math.log(10))
    return found
