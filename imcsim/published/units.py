"""What a published macro is built from where its row says nothing: the components of a chip, and assumed facts."""

import math

from pydantic import Field

from imcsim.core.config import FrozenConfig
from imcsim.core.content import content_root
from imcsim.core.sources import Resolved
from imcsim.core.toml import load_resolved
from imcsim.devices.rram import RramCell
from imcsim.devices.sram import SramCell
from imcsim.periphery.adc import Adc
from imcsim.periphery.digital import AdderTree, ShiftAdd
from imcsim.periphery.driver import RowDriver
from imcsim.periphery.nodes import NodeTable


class Assumed(FrozenConfig):
    """Facts that a row need not state, and what is then taken; their ranges widen its band.

    Parameters
    ----------
    input_toggle, weight_density
        Share of input bits and of weight bits that are one.
    on_current_a, on_current_exponent
        Current of a cell at its highest level (A) where one row is open; of N open rows each cell is taken to carry
        N^-exponent of it, as arrays that open many rows are built of cells of less current.
    on_off_ratio
        Highest over lowest conductance.
    clamp_current_a
        Current of the amplifier that clamps a sensed line (A).
    cell_bits
        Bits of a resistive cell.
    weight_bits_per_conversion
        Bits of a weight whose columns are joined before a converter.
    control_share
        Energy of control, clock and decoders over that of the rest.
    sar_supply_v
        Supply (V) at which the successive-approximation converter's times hold.
    tree_activity, chain_activity
        Share of full adders that switch in a cycle.
    product_capacitance_f_per_m
        Charge over supply of a product of ones (F) for each metre of feature size, where it moves a cell's share of a
        line.
    capacitor_f_per_m
        The same, where each cell has a capacitor of its own.
    idle_share
        Share of an analog SRAM cell's mean charge that moves whatever the data.
    analog_share_m2_per_m
        Area of an analog SRAM cell's capacitor, wires and share of its column (m2) for each metre of feature size.
    capacitor_s_per_row
        Time (s) of each row of a column of cells with a capacitor of their own, until its charge is shared.
    high_voltage_line_m2
        Area of what writes one line, row or column, of an array of resistive cells (m2), at every node the same.
    """

    input_toggle: float = Field(ge=0, le=1)
    weight_density: float = Field(ge=0, le=1)
    on_current_a: float = Field(gt=0)
    on_current_exponent: float = Field(ge=0, le=1)
    on_off_ratio: float = Field(gt=1)
    clamp_current_a: float = Field(ge=0)
    cell_bits: int = Field(ge=1, le=4)
    weight_bits_per_conversion: int = Field(ge=1)
    control_share: float = Field(ge=0)
    sar_supply_v: float = Field(gt=0)
    tree_activity: float = Field(gt=0, le=1)
    chain_activity: float = Field(gt=0, le=1)
    product_capacitance_f_per_m: float = Field(gt=0)
    capacitor_f_per_m: float = Field(gt=0)
    idle_share: float = Field(ge=0, lt=1)
    analog_share_m2_per_m: float = Field(gt=0)
    capacitor_s_per_row: float = Field(gt=0)
    high_voltage_line_m2: float = Field(gt=0)


class PublishedUnits(FrozenConfig):
    """See ``models/published/units.toml``: components of ``feature_size_m`` at ``supply_v``, and what is assumed."""

    name: str
    feature_size_m: float = Field(gt=0)
    supply_v: float = Field(gt=0)
    rram_cell: RramCell
    sram_cell: SramCell
    adc: Adc
    adder_tree: AdderTree
    driver: RowDriver
    shift_add: ShiftAdd
    assumed: Assumed
    nodes: NodeTable

    def settling_s(self, feature_size_m: float) -> float:
        """Return how long a line of resistive cells settles: its wires and clamps are slower at a larger node."""
        return self.rram_cell.read_time_s * math.sqrt(feature_size_m / self.feature_size_m)

    def gate_scale(self, feature_size_m: float, supply_v: float) -> float:
        """Return the energy of a gate at a node and supply relative to that of the components."""
        here = self.nodes.digital_factor(feature_size_m, supply_v)
        return here / self.nodes.digital_factor(self.feature_size_m, self.supply_v)

    def delay_scale(self, feature_size_m: float, supply_v: float) -> float:
        """Return the delay of a gate at a node and supply relative to that of the components."""
        here = self.nodes.delay_factor(feature_size_m, supply_v)
        return here / self.nodes.delay_factor(self.feature_size_m, self.supply_v)

    def area_scale(self, feature_size_m: float) -> float:
        """Return the area of a gate at a node relative to that of the components."""
        return self.nodes.area_factor(feature_size_m) / self.nodes.area_factor(self.feature_size_m)


_REFERENCES = {
    "rram_cell": "device", "sram_cell": "device", "adc": "component", "adder_tree": "component", "driver": "component",
    "shift_add": "component",
}  # fmt: skip


def load_units() -> Resolved[PublishedUnits]:
    """Load ``models/published/units.toml`` of the content root; ContentError or ConfigError if it is broken."""
    path = content_root() / "models" / "published" / "units.toml"
    return load_resolved(PublishedUnits, "component", str(path), references=_REFERENCES)
