"""Row drivers: one line across the array, charged once per switched input bit."""

from typing import Literal

from pydantic import Field

from imcsim.core.charge import Price
from imcsim.core.config import FrozenConfig


class RowDriver(FrozenConfig):
    """Word-line driver of one row.

    Parameters
    ----------
    wire_capacitance_per_cell_f, gate_capacitance_per_cell_f
        Load of the line for each cell it passes (F).
    dac_capacitance_per_bit_f
        C of E = C b V^2 of a multi-bit input converter; 1-bit inputs need none (ZigZag-IMC, class DAC).
    area_per_row_m2
        Driver area of one row (m2).
    """

    name: str
    wire_capacitance_per_cell_f: float = Field(ge=0)
    gate_capacitance_per_cell_f: float = Field(ge=0)
    dac_capacitance_per_bit_f: float = Field(ge=0)
    area_per_row_m2: float = Field(ge=0)

    def energy_j(self, cols: int, supply_v: float, dac_bits: int = 1) -> float:
        """Return the energy (J) of driving a row line of ``cols`` cells once: cols (C_wire + C_gate) V^2.

        With ``dac_bits`` > 1 the converter adds C_dac dac_bits V^2.
        """
        line_f = cols * (self.wire_capacitance_per_cell_f + self.gate_capacitance_per_cell_f)
        dac_f = self.dac_capacitance_per_bit_f * dac_bits if dac_bits > 1 else 0.0
        return (line_f + dac_f) * supply_v**2

    def area_m2(self, rows: int) -> float:
        """Return the area (m2) of the drivers of ``rows`` rows."""
        return rows * self.area_per_row_m2

    def energy_price(
        self,
        cells: int,
        supply_v: float,
        dac_bits: int = 1,
        across: Literal["cols", "rows"] = "cols",
        at: str = "driver",
    ) -> Price:
        """Return the price (J) of driving a line of ``cells`` cells once, :meth:`energy_j` with its words.

        Parameters
        ----------
        cells, supply_v, dac_bits
            As :meth:`energy_j` takes them.
        across
            What the line crosses: columns, as a word line does, or rows, as a column's line does for a transposed read.
            The caller adds where their number comes from.
        at
            Path of the driver in the chip.
        """
        line, wide = f"{across} (C_wire + C_gate)", dac_bits > 1
        values = ("wire_capacitance_per_cell_f", "gate_capacitance_per_cell_f")
        named = (*values, "dac_capacitance_per_bit_f") if wide else values
        return Price(
            self.energy_j(cells, supply_v, dac_bits),
            f"({line} + C_dac dac_bits) Vdd^2" if wide else f"{line} Vdd^2",
            (*(f"{at}.{name}" for name in named), "supply_v"),
        )

    def area_price(self, at: str = "driver") -> Price:
        """Return the price (m2) of the driver of one line, for the driver at path ``at`` of the chip."""
        return Price(self.area_per_row_m2, "area of a line's driver", (f"{at}.area_per_row_m2",))
