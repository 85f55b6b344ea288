"""A regression on the Murmann survey of published converters."""

import math
from typing import ClassVar

from pydantic import Field, model_validator

from imcsim.periphery.converters.converter import ConverterModel, Words
from imcsim.periphery.converters.registry import converter_model
from imcsim.periphery.table import Amount, check_increasing, log_linear


@converter_model("survey")
class SurveyTable(ConverterModel):
    """Regression on the Murmann survey at one node (PyPI hwcomponents-adc 1.0.21 adc_data/model.yaml).

    Energy is read from a table over bits, log-linear between entries; ln(area/um2) = a_node ln(nm) + a_rate ln(Hz) +
    a_energy ln(pJ) + a_0.
    """

    energy_words: ClassVar[Words] = Words("table over bits, log-linear between entries", ("bits", "energy_j"))
    time_words: ClassVar[Words] = Words("1 / rate", ("rate_hz",))
    area_words: ClassVar[Words] = Words(
        "exp(a_node ln nm + a_rate ln Hz + a_energy ln pJ + a_0) um2",
        ("area_ln_per_ln_nm", "area_ln_per_ln_hz", "area_ln_per_ln_pj", "area_ln_offset_um2", "rate_hz", "bits",
         "energy_j"),
        of_adc=("feature_size_m",),
    )  # fmt: skip

    bits: tuple[int, ...] = Field(min_length=2)
    energies_j: tuple[float, ...] = Field(alias="energy_j")
    rate_hz: float = Field(gt=0)
    area_ln_per_ln_nm: float
    area_ln_per_ln_hz: float
    area_ln_per_ln_pj: float
    area_ln_offset_um2: float

    @model_validator(mode="after")
    def _one_energy_per_entry(self) -> "SurveyTable":
        if len(self.energies_j) != len(self.bits):
            raise ValueError("energy_j needs one entry for each of bits")
        if min(self.energies_j) <= 0:
            raise ValueError(f"energy_j must hold values > 0, got {min(self.energies_j)}")
        check_increasing("bits", self.bits)
        return self

    @property
    def bits_known(self) -> range:
        """Numbers of bits that the model holds for: from the first entry to the last."""
        return range(self.bits[0], self.bits[-1] + 1)

    def energy_j(self, feature_size_m: float, bits: float, supply_v: float, conductance_s: Amount) -> float:
        """Return the energy (J) of one conversion, of every column alike."""
        return log_linear(bits, self.bits, self.energies_j)

    def time_s(self, bits: float, rows: int) -> float:
        """Return the time (s) of one conversion."""
        return 1 / self.rate_hz

    def area_m2(self, feature_size_m: float, bits: float, fallback: ConverterModel | None) -> float:
        """Return the area (m2) of one converter."""
        log_um2 = (
            self.area_ln_per_ln_nm * math.log(feature_size_m * 1e9)
            + self.area_ln_per_ln_hz * math.log(self.rate_hz)
            + self.area_ln_per_ln_pj * math.log(log_linear(bits, self.bits, self.energies_j) * 1e12)
            + self.area_ln_offset_um2
        )
        return math.exp(log_um2) * 1e-12
