"""One SRAM bit of a compute-in-memory array, as plain SI numbers."""

from typing import Literal

from pydantic import Field

from imcsim.core.charge import Price
from imcsim.core.config import FrozenConfig


class SramCell(FrozenConfig):
    """An SRAM bit with its local compute logic (the adder tree is a component of its own).

    Parameters
    ----------
    feature_size_m, area_f2
        Node (m) and cell area in squares of it, local logic included.
    write_energy_j, read_energy_j
        Energy per bit written or read through the port (J).
    write_time_s, read_time_s
        Time per row (s).
    leakage_w
        Leakage per bit (W).
    endurance_cycles
        Writes that a bit survives.
    """

    kind: Literal["sram"]
    name: str
    description: str = ""
    feature_size_m: float = Field(gt=0)
    area_f2: float = Field(gt=0)
    write_energy_j: float = Field(gt=0)
    read_energy_j: float = Field(gt=0)
    write_time_s: float = Field(gt=0)
    read_time_s: float = Field(gt=0)
    leakage_w: float = Field(ge=0)
    endurance_cycles: float = Field(gt=0)

    @property
    def area_m2(self) -> float:
        """Area of one bit (m2)."""
        return self.area_f2 * self.feature_size_m**2

    def read_price(self, at: str = "sram.cell") -> Price:
        """Return the price (J) of reading one bit through the port, for the cell at path ``at`` of the chip."""
        return Price(self.read_energy_j, "energy of reading one cell", (f"{at}.read_energy_j",))

    def write_price(self, at: str = "sram.cell") -> Price:
        """Return the price (J) of writing one bit."""
        return Price(self.write_energy_j, "energy of writing one cell", (f"{at}.write_energy_j",))

    def write_time_price(self, at: str = "sram.cell") -> Price:
        """Return the price (s) of writing one row."""
        return Price(self.write_time_s, "time to write a row", (f"{at}.write_time_s",))

    def leakage_price(self, at: str = "sram.cell") -> Price:
        """Return the price (J) of one bit that is powered for a second."""
        return Price(self.leakage_w, "leakage of one cell", (f"{at}.leakage_w",))

    def area_price(self, at: str = "sram.cell") -> Price:
        """Return the price (m2) of one bit."""
        return Price(self.area_m2, "area_f2 F^2", (f"{at}.area_f2", f"{at}.feature_size_m"))
