"""A voltage-controlled oscillator and a counter: it counts for as many clocks as there are codes."""

import math
from typing import ClassVar

from pydantic import Field

from imcsim.periphery.converters import ConverterModel, RangedConverter, Words, converter_model
from imcsim.periphery.table import Amount


@converter_model("vco-counter")
class VcoCounter(RangedConverter):
    """Time 2^b / f; energy 2^b (P / f + E_count); area A_vco + b A_bit."""

    energy_words: ClassVar[Words] = Words("2^b (P / f + E_count)", ("oscillator_w", "counting_hz", "count_j"))
    time_words: ClassVar[Words] = Words("2^b / f", ("counting_hz",))
    area_words: ClassVar[Words | None] = Words("A_vco + b A_bit", ("oscillator_m2", "counter_bit_m2"))

    counting_hz: float = Field(gt=0)
    oscillator_w: float = Field(gt=0)
    count_j: float = Field(ge=0)
    oscillator_m2: float = Field(gt=0)
    counter_bit_m2: float = Field(ge=0)

    def energy_j(self, feature_size_m: float, bits: float, supply_v: float, conductance_s: Amount) -> float:
        """Return the energy (J) of one conversion, of every column alike."""
        return math.exp2(bits) * (self.oscillator_w / self.counting_hz + self.count_j)

    def time_s(self, bits: float, rows: int) -> float:
        """Return the time (s) of one conversion."""
        return math.exp2(bits) / self.counting_hz

    def area_m2(self, feature_size_m: float, bits: float, fallback: ConverterModel | None) -> float:
        """Return the area (m2) of one converter."""
        return self.oscillator_m2 + bits * self.counter_bit_m2
