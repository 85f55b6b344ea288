"""A converter known by a table alone: energy, time and area for each number of bits, nothing between them."""

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.periphery.table import check_increasing


class ConverterTable(FrozenConfig):
    """Energy (J), time (s) and area (m2) of a converter of each of ``bits``; entries need not be one design."""

    bits: tuple[int, ...] = Field(min_length=1)
    energy_j: tuple[float, ...]
    time_s: tuple[float, ...]
    area_m2: tuple[float, ...]

    @model_validator(mode="after")
    def _one_entry_each(self) -> "ConverterTable":
        check_increasing("bits", self.bits)
        for name in ("energy_j", "time_s", "area_m2"):
            column: tuple[float, ...] = getattr(self, name)
            if len(column) != len(self.bits):
                raise ValueError(f"{name} needs one entry for each of bits")
            if min(column) <= 0:
                raise ValueError(f"{name} must hold values > 0, got {min(column)}")
        return self

    def row(self, bits: int) -> tuple[float, float, float]:
        """Return (J, s, m2) at ``bits``, which must be an entry."""
        i = self.bits.index(bits)
        return self.energy_j[i], self.time_s[i], self.area_m2[i]
