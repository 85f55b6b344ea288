"""Ferroelectric transistors: one transistor a cell, read as charge on a line, written by pulses without verify.

Shape letters: F placement phases, P PEs.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from imcsim.core.charge import Charge, Price
from imcsim.core.config import FrozenConfig
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


class FefetCell(FrozenConfig):
    """A ferroelectric transistor. A rise of one level takes a program pulse; a fall erases, then programs anew."""

    kind: Literal["fefet"]
    name: str
    description: str = ""
    feature_size_m: float = Field(gt=0)
    area_f2: float = Field(gt=0)
    line_f: float = Field(gt=0, description="what a cell adds to its line (F)")
    read_voltage_v: float = Field(gt=0)
    settle_s: float = Field(gt=0)
    program_energy_j: float = Field(gt=0)
    erase_energy_j: float = Field(gt=0)
    program_s: float = Field(gt=0)
    erase_s: float = Field(gt=0)
    guaranteed_cycles: float = Field(gt=0)
    endurance_scale_cycles: float = Field(gt=0)
    endurance_shape: float = Field(gt=0)


@memory_sort("fefet")
class Fefet(Memory):
    """FeFET PEs: nonvolatile; charge on a column is shared out and converted; polarization is switched by pulses."""

    volatile: ClassVar[bool] = False
    verb: ClassVar[str] = "program"
    senses: ClassVar[str] = "conversion"
    references: ClassVar[Mapping[str, str]] = {"cell": "device", "adc": "component"}

    cell: FefetCell
    cell_bits: int = Field(ge=1, le=3)
    adc: Adc
    adc_bits: int = Field(ge=1, le=16)
    columns_per_adc: int = Field(ge=1)

    def check(self) -> None:
        """Raise ConfigError if the converter has no figures for its bits."""
        self.adc.area_m2(self.adc_bits)

    def sensed(self, site: Site, weights: Weights, busy: Activity, lines: Lines) -> tuple[Component, ...]:
        """A driven line charges each of its cells; one conversion for each sensed line and cycle."""
        charged, converting = weights.grid.cells * busy.drives[:, weights.grid.layer], self._conversion(site)
        return (
            Component(
                "cells", charged, "cells charged", "cells in use x expected switches a line",
                self._charging(site).also("dac_bits"), busy=True,
            ),
            Component("adc", lines.sensed, "conversions", lines.said, converting.also("dac_bits"), per_line=True),
        )  # fmt: skip

    def read_out(self, site: Site, weights: Weights) -> tuple[Component, ...]:
        """Every cell is charged once and converted."""
        grid = weights.grid
        driving = site.driver.energy_price(site.cols, site.supply_v).also("array.cols")
        return (
            Component("cells", grid.cells, "cells charged", "cells in use", self._charging(site)),
            Component("adc", grid.cells, "conversions", "cells in use", self._conversion(site)),
            Component("driver", grid.rows, "rows driven", "rows in use", driving),
        )

    def forward_time(self, site: Site, bits: int) -> ReadTime:
        """Each cycle the lines settle, then each ADC converts its columns in turn."""
        return self._time(site, site.phases(bits), self.columns_per_adc, site.rows)

    def transposed_time(self, site: Site, bits: int) -> ReadTime:
        """The same ADCs convert all rows in turn, once for each cycle and slice."""
        turns = -(-site.rows // max(1, site.cols // self.columns_per_adc))
        return self._time(site, site.phases(bits) * site.geometry.encoding.slices, turns, site.cols)

    def row_read_time(self, site: Site) -> Price:
        """Settling, then a turn of the converters for each of their columns."""
        time = self._time(site, 1, self.columns_per_adc, site.rows)
        origins = time.settle.also(*time.convert.origins).origins
        return Price(time.total_s, "t_settle + columns_per_adc x t_conversion", origins)

    def row_write_time(self, site: Site) -> Price:
        """Erase, then as many program pulses as there are levels above 0."""
        pulses = 2**self.cell_bits - 1
        seconds = self.cell.erase_s + pulses * self.cell.program_s
        own = site.of("cell.erase_s", "cell.program_s", "cell_bits")
        return Price(seconds, "t_erase + (levels - 1) t_program", own)

    def write_energy(self, site: Site) -> Price:
        """(levels, levels): a rise takes program pulses, a fall an erase and the pulses from there."""
        level = np.arange(2**self.cell_bits, dtype=np.float64)
        rise = np.maximum(level[None] - level[:, None], 0.0) * self.cell.program_energy_j
        fall = self.cell.erase_energy_j + level[None] * self.cell.program_energy_j
        table = np.where(level[None] < level[:, None], fall, rise)
        own = site.of("cell.program_energy_j", "cell.erase_energy_j", "cell_bits")
        return Price(table, "levels up x E_program; down: E_erase + new level x E_program", own)

    def write_time(self, site: Site, events: Numbers, rows: Numbers) -> Charge:
        """Rows of a PE in turn, all PEs at once."""
        most = np.asarray(rows.max(axis=1, initial=0.0), dtype=np.float64)
        said = f"of the {site.name.upper()} PE with the most, by task"
        return Charge("", most, "row writes", said, (), self.row_write_time(site))

    def area(self, site: Site) -> dict[str, Piece]:
        """Cells, converters, drivers, shift-adds; drivers on the columns where errors come in there."""
        adcs = -(-site.cols // self.columns_per_adc)
        shared = (*site.of("columns_per_adc"), "array.cols")
        cell = Price(
            self.cell.area_f2 * self.cell.feature_size_m**2, "area_f2 F^2",
            site.of("cell.area_f2", "cell.feature_size_m"),
        )  # fmt: skip
        converter = self.adc.area_price(self.adc_bits, f"{site.at}.adc").also(*site.of("adc_bits"), *shared)
        pieces = {
            "cells": Piece(site.cells, "cells", cell),
            "adc": Piece(adcs, "converters", converter),
            "driver": line_drivers(site, "rows"),
            "shift_add": Piece(adcs, "shift-adds", site.shift_add.area_price().also(*shared)),
        }
        return pieces | ({"transpose_driver": line_drivers(site, "cols")} if site.transposable else {})

    @property
    def endurance(self) -> Endurance:
        """Cycles to fatigue of the polarization."""
        cell = self.cell
        return Endurance(cell.guaranteed_cycles, cell.endurance_scale_cycles, cell.endurance_shape)

    def _charging(self, site: Site) -> Price:
        joules = self.cell.line_f * self.cell.read_voltage_v**2
        return Price(joules, "C V_read^2", site.of("cell.line_f", "cell.read_voltage_v", "cell_bits", "sign"))

    def _conversion(self, site: Site) -> Price:
        each = self.adc.energy_price(self.adc_bits, site.supply_v, 0.0, f"{site.at}.adc")
        return each.also(*site.of("adc_bits", "cell_bits", "sign"))

    def _time(self, site: Site, passes: int, turns: int, length: int) -> ReadTime:
        shape = ("dac_bits", "array.rows", "array.cols", *site.of("cell_bits", "columns_per_adc"))
        settle = Price(passes * self.cell.settle_s, "read cycles x t_settle", (*site.of("cell.settle_s"), *shape))
        one = self.adc.time_price(self.adc_bits, length, f"{site.at}.adc").also(*site.of("adc_bits"))
        seconds = passes * turns * float(one.value)
        return ReadTime(settle, Price(seconds, "read cycles x turns x t_conversion", one.origins).also(*shape))
