"""Analog SRAM: a cell that multiplies moves charge on its column, and the column's charge is converted.

Formulas with their sources: docs/memories.md. Shape letters: F placement phases, P PEs.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from imcsim.core.charge import Charge, Price
from imcsim.devices.sram import SramCell
from imcsim.memory.analog_array import AnalogArray
from imcsim.memory.memory import (
    Activity,
    Component,
    Endurance,
    Floats,
    Lines,
    Numbers,
    Weights,
    memory_sort,
    with_control,
)
from imcsim.memory.site import Site

_MEAN_PRODUCT = 0.25  # half of the rows driven, half of the cells at one


@memory_sort("analog-sram")
class AnalogSram(AnalogArray):
    """SRAM PEs that are read in analog form: charge of the cells of a column is shared and converted.

    Parameters
    ----------
    product_capacitance_f
        Charge over supply of one product of two ones, with the wires that it moves (F).
    unit_capacitors
        Capacitors of a cell: 3 in a C-2C ladder (one, and two in series twice as large), else 1.
    idle_share
        Share of a mean product's charge (half of the rows driven, half of the cells at one) that a cell's share of a
        line moves whatever the data: precharge and clocks.
    """

    volatile: ClassVar[bool] = True
    verb: ClassVar[str] = "write"

    cell: SramCell
    cell_bits: Literal[1]
    product_capacitance_f: float = Field(ge=0)
    unit_capacitors: int = Field(1, ge=1)
    idle_share: float = Field(0.0, ge=0, lt=1)

    def conductance_s(self, weights: Weights, lines: Lines) -> Floats:
        """Nothing conducts: columns hold charge."""
        return np.zeros((len(weights.level_sums) - 1, weights.grid.count))

    def cells(self, site: Site, weights: Weights, busy: Activity, lines: Lines) -> Component:
        """Cells that hold a one move a charge in proportion to the digit on their line, C Vdd^2 for the highest."""
        sums = weights.level_sums[1:] if lines.after else weights.level_sums[:-1]
        moved = sums * busy.level[:, weights.grid.layer]
        always = _MEAN_PRODUCT * weights.grid.crossed * busy.phases
        amount = np.asarray((1 - self.idle_share) * moved + self.idle_share * always, dtype=np.float64)
        joules = self.unit_capacitors * self.product_capacitance_f * site.supply_v**2
        own = (*site.of("unit_capacitors", "product_capacitance_f"), "supply_v", "dac_bits")
        each = Price(joules, "unit_capacitors x product_capacitance_f Vdd^2", own)
        said = "cells that hold a one x expected digit on their line over the highest, all phases"
        if self.idle_share:
            said, each = f"(1 - idle_share) x {said} + idle_share x cells / 4", each.also(*site.of("idle_share"))
        return Component("cells", amount, "products of ones", said, each, busy=True, codes=True)

    def cell_area(self, site: Site) -> Price:
        """Cell with its capacitor."""
        return self.cell.area_price(f"{site.at}.cell")

    def settling(self, site: Site) -> Price:
        """Return the time of a row through the port, which a line's charge takes as well."""
        return Price(self.cell.read_time_s, "time to read a row", site.of("cell.read_time_s"))

    def read_out(self, site: Site, weights: Weights) -> tuple[Component, ...]:
        """Every bit of a weight is read through the port."""
        bits = weights.grid.weights * site.geometry.encoding.cells_per_weight
        each = self.cell.read_price(f"{site.at}.cell").also("weight_bits")
        parts = (Component("cells", bits, "bits", "weights x cells of a weight", each),)
        return with_control(self, site, parts)

    def row_read_time(self, site: Site) -> Price:
        """Return the time of one row through the port."""
        return Price(self.cell.read_time_s, "time to read a row", site.of("cell.read_time_s"))

    def row_write_time(self, site: Site) -> Price:
        """Return the time of one row through the port."""
        return Price(self.cell.write_time_s, "time to write a row", site.of("cell.write_time_s"))

    def write_energy(self, site: Site) -> Price:
        """Only bits that change are written, all alike."""
        return self.cell.write_price(f"{site.at}.cell")

    def write_time(self, site: Site, events: Numbers, rows: Numbers) -> Charge:
        """Rows of a PE in turn, all PEs at once."""
        most = np.asarray(rows.max(axis=1, initial=0.0), dtype=np.float64)
        said = f"of the {site.name.upper()} PE with the most, by task"
        return Charge("", most, "row writes", said, (), self.row_write_time(site))

    def leakage(self, site: Site) -> Price | None:
        """Every powered cell leaks."""
        return self.cell.leakage_price(f"{site.at}.cell")

    @property
    def endurance(self) -> Endurance:
        """Practically without limit; no distribution of failures is known."""
        return Endurance(self.cell.endurance_cycles)
