"""Analog SRAM: a bit switches a capacitor, charge is shared on a column and converted.

Shape letters: F placement phases, P PEs.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from imcsim.core.charge import Charge, Price
from imcsim.devices.sram import SramCell
from imcsim.memory import (
    Activity,
    Component,
    Endurance,
    Lines,
    Memory,
    Numbers,
    Piece,
    ReadTime,
    Site,
    Weights,
    line_drivers,
    memory_sort,
)
from imcsim.periphery.adc import Adc


@memory_sort("sense-amp-sram")
class AnalogSram(Memory):
    """Charge-domain SRAM PEs: volatile; a capacitor of ``capacitor_f`` beside each bit, an ADC for several columns."""

    volatile: ClassVar[bool] = True
    verb: ClassVar[str] = "write"
    senses: ClassVar[str] = "conversion"
    references: ClassVar[Mapping[str, str]] = {"cell": "device", "adc": "component"}

    cell: SramCell
    cell_bits: Literal[1]
    capacitor_f: float = Field(gt=0)
    adc: Adc
    adc_bits: int = Field(ge=1, le=16)
    columns_per_adc: int = Field(ge=1)

    def check(self) -> None:
        """Raise ConfigError if the converter has no figures for its bits."""
        self.adc.area_m2(self.adc_bits)

    def sensed(self, site: Site, weights: Weights, busy: Activity, lines: Lines) -> tuple[Component, ...]:
        """A driven line switches its capacitors; one conversion for each sensed line and cycle."""
        switched = weights.grid.cells * busy.drives[:, weights.grid.layer]
        joules = self.capacitor_f * site.supply_v**2
        own = (*site.of("capacitor_f", "cell_bits", "sign"), "supply_v", "dac_bits")
        converting = self.adc.energy_price(self.adc_bits, site.supply_v, 0.0, f"{site.at}.adc")
        converting = converting.also(*site.of("adc_bits", "cell_bits", "sign"), "dac_bits")
        return (
            Component(
                "cells", switched, "capacitors", "cells in use x expected switches a line",
                Price(joules, "C V_dd^2", own), busy=True,
            ),
            Component("adc", lines.sensed, "conversions", lines.said, converting, per_line=True),
        )  # fmt: skip

    def read_out(self, site: Site, weights: Weights) -> tuple[Component, ...]:
        """Every bit of a weight is read through the port."""
        bits = weights.grid.weights * site.geometry.encoding.weight_bits
        each = self.cell.read_price(f"{site.at}.cell").also("weight_bits")
        return (Component("cells", bits, "bits", "weights x weight_bits", each),)

    def forward_time(self, site: Site, bits: int) -> ReadTime:
        """Each cycle takes a clock to share charge, then each ADC converts its columns in turn."""
        return self._time(site, site.phases(bits), self.columns_per_adc, site.rows)

    def transposed_time(self, site: Site, bits: int) -> ReadTime:
        """The same ADCs convert all rows in turn, once for each cycle and slice."""
        turns = -(-site.rows // max(1, site.cols // self.columns_per_adc))
        return self._time(site, site.phases(bits) * site.geometry.encoding.slices, turns, site.cols)

    def row_read_time(self, site: Site) -> Price:
        """Return the time of one row through the port."""
        return Price(self.cell.read_time_s, "time to read a row", site.of("cell.read_time_s"))

    def row_write_time(self, site: Site) -> Price:
        """Return the time of one row through the port."""
        return self.cell.write_time_price(f"{site.at}.cell")

    def write_energy(self, site: Site) -> Price:
        """Only bits that change are written, all alike."""
        return self.cell.write_price(f"{site.at}.cell")

    def write_time(self, site: Site, events: Numbers, rows: Numbers) -> Charge:
        """Rows of a PE in turn, all PEs at once."""
        most = np.asarray(rows.max(axis=1, initial=0.0), dtype=np.float64)
        said = f"of the {site.name.upper()} PE with the most, by task"
        return Charge("", most, "row writes", said, (), self.row_write_time(site))

    def area(self, site: Site) -> dict[str, Piece]:
        """Cells, converters, drivers and shift-adds."""
        adcs = -(-site.cols // self.columns_per_adc)
        shared = (*site.of("columns_per_adc"), "array.cols")
        converter = self.adc.area_price(self.adc_bits, f"{site.at}.adc").also(*site.of("adc_bits"), *shared)
        pieces = {
            "cells": Piece(site.cells, "cells", self.cell.area_price(f"{site.at}.cell")),
            "adc": Piece(adcs, "converters", converter),
            "driver": line_drivers(site, "rows"),
            "shift_add": Piece(adcs, "shift-adds", site.shift_add.area_price().also(*shared)),
        }
        return pieces | ({"transpose_driver": line_drivers(site, "cols")} if site.transposable else {})

    def leakage(self, site: Site) -> Price:
        """Every powered cell leaks."""
        return self.cell.leakage_price(f"{site.at}.cell")

    @property
    def endurance(self) -> Endurance:
        """Practically without limit."""
        return Endurance(self.cell.endurance_cycles)

    def _time(self, site: Site, passes: int, turns: int, length: int) -> ReadTime:
        shape = ("dac_bits", "array.rows", "array.cols", *site.of("columns_per_adc"))
        settle = Price(passes / site.clock_hz, "read cycles / clock", ("clock_hz", *shape))
        one = self.adc.time_price(self.adc_bits, length, f"{site.at}.adc").also(*site.of("adc_bits"))
        seconds = passes * turns * float(one.value)
        return ReadTime(settle, Price(seconds, "read cycles x turns x t_conversion", one.origins).also(*shape))
