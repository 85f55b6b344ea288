"""A fit to complete macros: the successive-approximation converter as published 22-28 nm arrays have it."""

import math
from typing import ClassVar, Self

from pydantic import Field

from imcsim.periphery.converters.converter import ConverterModel, RangedConverter, Words
from imcsim.periphery.converters.registry import converter_model
from imcsim.periphery.nodes import Shrink
from imcsim.periphery.table import Amount


@converter_model("macro-fit")
class MacroFit(RangedConverter):
    """Fit to complete 22-28 nm macros (KULeuven-MICAS/zigzag-imc@df34a6f aimc_cost_model.py, class ADC).

    Energy (k1 b + k2 4^b) Vdd^2; time b (t_row rows + t_0); area 10^(a1 b + a0) 2^b um2. From node to node the time
    goes as that of gates; energy and area stay, since noise and matching set capacitors, not the node.
    """

    fractions: ClassVar[bool] = True

    energy_words: ClassVar[Words] = Words("(k1 b + k2 4^b) Vdd^2", ("linear_f", "exponential_f"), of_chip=("supply_v",))
    time_words: ClassVar[Words] = Words(
        "b (t_row rows + t_0)", ("time_per_bit_and_row_s", "time_per_bit_s"), of_chip=("array.rows",)
    )
    area_words: ClassVar[Words] = Words("10^(a1 b + a0) 2^b um2", ("area_log10_slope", "area_log10_offset_um2"))

    linear_f: float = Field(gt=0, description="k1, F per bit")
    exponential_f: float = Field(ge=0, description="k2, F")
    time_per_bit_and_row_s: float = Field(ge=0)
    time_per_bit_s: float = Field(gt=0)
    area_log10_slope: float
    area_log10_offset_um2: float = Field(description="a0: log10 of an area in um2, as published")

    def scaled(self, by: Shrink) -> Self:
        """Return the fit at another node and supply: its times go as those of gates."""
        times = ("time_per_bit_and_row_s", "time_per_bit_s")
        return self.model_copy(update={name: getattr(self, name) * by.delay for name in times})

    def energy_j(self, feature_size_m: float, bits: float, supply_v: float, conductance_s: Amount) -> float:
        """Return the energy (J) of one conversion, of every column alike."""
        return (self.linear_f * bits + self.exponential_f * math.pow(4.0, bits)) * supply_v**2

    def time_s(self, bits: float, rows: int) -> float:
        """Return the time (s) of one conversion: it finds a bit after the other."""
        return bits * (self.time_per_bit_and_row_s * rows + self.time_per_bit_s)

    def area_m2(self, feature_size_m: float, bits: float, fallback: ConverterModel | None) -> float:
        """Return the area (m2) of one converter."""
        return float(10 ** (self.area_log10_slope * bits + self.area_log10_offset_um2) * 2.0**bits * 1e-12)
