"""A converter known by a table alone: energy, time and area for each number of bits, nothing between them."""

from typing import ClassVar

from pydantic import Field, model_validator

from imcsim.periphery.converters.converter import ConverterModel, ConverterType, Words
from imcsim.periphery.converters.registry import converter_model
from imcsim.periphery.table import Amount, check_increasing

_ENTRY = "entry of a table over bits"


@converter_model("table")
class ConverterTable(ConverterModel):
    """Energy (J), time (s) and area (m2) of a converter of each of ``bits``; entries need not be one design.

    ``type`` says how they find a code; it enters no number of the table.
    """

    energy_words: ClassVar[Words] = Words(_ENTRY, ("bits", "energy_j"))
    time_words: ClassVar[Words] = Words(_ENTRY, ("bits", "time_s"))
    area_words: ClassVar[Words] = Words(_ENTRY, ("bits", "area_m2"))

    bits: tuple[int, ...] = Field(min_length=1)
    energies_j: tuple[float, ...] = Field(alias="energy_j")
    times_s: tuple[float, ...] = Field(alias="time_s")
    areas_m2: tuple[float, ...] = Field(alias="area_m2")
    stated_type: ConverterType = Field("sar", alias="type")

    @model_validator(mode="after")
    def _one_entry_each(self) -> "ConverterTable":
        check_increasing("bits", self.bits)
        for name, column in (("energy_j", self.energies_j), ("time_s", self.times_s), ("area_m2", self.areas_m2)):
            if len(column) != len(self.bits):
                raise ValueError(f"{name} needs one entry for each of bits")
            if min(column) <= 0:
                raise ValueError(f"{name} must hold values > 0, got {min(column)}")
        return self

    @property
    def kind(self) -> ConverterType:
        """What the table says."""
        return self.stated_type

    @property
    def bits_known(self) -> tuple[int, ...]:
        """Numbers of bits that the table has an entry for."""
        return self.bits

    def energy_j(self, feature_size_m: float, bits: float, supply_v: float, conductance_s: Amount) -> float:
        """Return the energy (J) of one conversion, of every column alike."""
        return self.energies_j[self.bits.index(int(bits))]

    def time_s(self, bits: float, rows: int) -> float:
        """Return the time (s) of one conversion."""
        return self.times_s[self.bits.index(int(bits))]

    def area_m2(self, feature_size_m: float, bits: float, fallback: ConverterModel | None) -> float:
        """Return the area (m2) of one converter."""
        return self.areas_m2[self.bits.index(int(bits))]
