"""NeuroSim's multilevel sense amplifier: one current comparison for every level, all at once."""

from typing import ClassVar

from pydantic import Field

from imcsim.periphery.converters.column_power import ColumnPower, resistive_power_w
from imcsim.periphery.converters.converter import ConverterType, Words
from imcsim.periphery.converters.registry import converter_model
from imcsim.periphery.table import Amount


@converter_model("neurosim-mlsa")
class MultilevelSenseAmp(ColumnPower):
    """Column power of the current-mode amplifier (DNN_NeuroSim_V1.3 MultilevelSenseAmp.cpp, GetColumnPower, LSTP).

    P = p_ref (2^b - 1) + p_R exp(-k log10(R_column)); energy P t. One entry of each tuple per node; energy between
    nodes is interpolated on log-log axes. Supply voltage is inside the fit, which was made at a read voltage of 0.5 V;
    the original scales the resistance for another one, here it is taken as it is. ``sensing_time_s`` is the floor of
    the sensing time, which holds at 22 nm and below.
    """

    energy_words: ClassVar[Words] = Words(
        "(p_ref (2^b - 1) + p_R exp(-k log10 R_column)) t, between nodes on log-log axes",
        ("feature_sizes_m", "power_per_reference_w", "power_resistive_w", "resistive_slope", "time_s"),
        of_adc=("feature_size_m",),
    )
    time_words: ClassVar[Words] = Words("t, whatever the bits", ("time_s",))

    converter_type: ClassVar[ConverterType] = "sense-amp"

    power_per_reference_w: tuple[float, ...]
    power_resistive_w: tuple[float, ...]
    resistive_slope: tuple[float, ...]
    sensing_time_s: float = Field(alias="time_s", gt=0)

    def energy_at_node_j(self, node: int, bits: float, conductance_s: Amount) -> Amount:
        """Return the energy (J) at entry ``node`` of ``feature_sizes_m``."""
        resistive = resistive_power_w(self.power_resistive_w[node], self.resistive_slope[node], conductance_s)
        power_w = self.power_per_reference_w[node] * float(2**bits - 1) + resistive
        return power_w * self.sensing_time_s

    def time_s(self, bits: float, rows: int) -> float:
        """Return the time (s) of one conversion: all levels are compared at once."""
        return self.sensing_time_s
