"""Row drivers: one line across the array, charged once per switched input bit."""

from pydantic import Field

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
