"""NeuroSim's successive-approximation converter."""

from typing import ClassVar

from pydantic import Field

from imcsim.periphery.converters.column_power import ColumnPower, resistive_power_w
from imcsim.periphery.converters.converter import Words
from imcsim.periphery.converters.registry import converter_model
from imcsim.periphery.table import Amount


@converter_model("neurosim")
class NeurosimFit(ColumnPower):
    """Column power of NeuroSim's SAR converter (DNN_NeuroSim_V2.1@18289cb SarADC.cpp, GetColumnPower, LSTP, 300 K).

    P = p_bit b + p_0 + p_R exp(-k log10(R_column)); energy P (b + 1) t_bit. One entry of each tuple per node; energy
    between nodes is interpolated on log-log axes. Supply voltage is inside the fit.
    """

    energy_words: ClassVar[Words] = Words(
        "(p_bit b + p_0 + p_R exp(-k log10 R_column)) (b + 1) t_bit, between nodes on log-log axes",
        ("feature_sizes_m", "power_per_bit_w", "power_offset_w", "power_resistive_w", "resistive_slope",
         "time_per_bit_s"),
        of_adc=("feature_size_m",),
    )  # fmt: skip
    time_words: ClassVar[Words] = Words("(b + 1) t_bit", ("time_per_bit_s",))

    power_per_bit_w: tuple[float, ...]
    power_offset_w: tuple[float, ...]
    power_resistive_w: tuple[float, ...]
    resistive_slope: tuple[float, ...]
    time_per_bit_s: float = Field(gt=0)

    def energy_at_node_j(self, node: int, bits: float, conductance_s: Amount) -> Amount:
        """Return the energy (J) at entry ``node`` of ``feature_sizes_m``."""
        resistive = resistive_power_w(self.power_resistive_w[node], self.resistive_slope[node], conductance_s)
        power_w = self.power_per_bit_w[node] * bits + self.power_offset_w[node] + resistive
        return power_w * (bits + 1) * self.time_per_bit_s

    def time_s(self, bits: float, rows: int) -> float:
        """Return the time (s) of one conversion: sampling, and a bit after the other."""
        return (bits + 1) * self.time_per_bit_s
