"""What analog memories share: how an array is read through converters, in joules, seconds and square metres.

Lines are sensed by converters that lines share. A line stands for one column, or for several that are joined before
the converter: the two of a differential pair, whose difference is converted, or the bits of a weight, weighted by
their currents or charges. If fewer rows are open at once than hold weights, a vector takes several passes.

Formulas with their sources: docs/memories.md. Shape letters: F placement phases, P PEs.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from imcsim.core.charge import Price
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.memory import (
    Activity,
    Component,
    Floats,
    Ints,
    Memory,
    Numbers,
    Piece,
    ReadTime,
    Weights,
    accumulated,
    line_drivers,
    line_drives,
    shift_adds,
    with_control,
    with_control_area,
)
from imcsim.memory.site import Site
from imcsim.periphery.adc import Adc

Pair = Literal["subtracted", "converted"]


class AnalogArray(Memory):
    """An analog memory: ``columns_per_adc`` lines share a converter of ``adc_bits``.

    Parameters
    ----------
    adc, adc_bits, transposed_adc_bits
        The converter, its bits in a forward read, and in a transposed one (0: the same).
    columns_per_adc
        Lines that take turns at a converter.
    open_rows
        Rows that are open at once; 0 means all.
    pair
        Whether the two columns of a differential pair are subtracted before the converter, or converted one by one.
    joined_columns
        Columns (pairs, where they are subtracted) of one weight that are joined before the converter.
    """

    references: ClassVar[Mapping[str, str]] = {"cell": "device", "adc": "component"}

    adc: Adc
    adc_bits: int = Field(ge=1, le=16)
    transposed_adc_bits: int = Field(0, ge=0, le=16)
    columns_per_adc: int = Field(ge=1)
    open_rows: int = Field(0, ge=0)
    pair: Pair = "subtracted"
    joined_columns: int = Field(1, ge=1)

    @abstractmethod
    def conductance_s(self, weights: Weights, *, after: bool = False) -> Floats:
        """Return the sum of the conductances of each PE's cells that a read meets, (F, P) in siemens; 0: none."""

    @abstractmethod
    def cells(
        self, site: Site, weights: Weights, busy: Activity, *, after: bool = False, transposed: bool = False
    ) -> Component:
        """Return what the cells of each PE take of a vector."""

    @abstractmethod
    def cell_area(self, site: Site) -> Price:
        """Return what one cell covers (m2)."""

    @abstractmethod
    def settling(self, site: Site) -> Price:
        """Return how long a line takes to settle before its conversion (s)."""

    def check(self) -> None:
        """Raise ConfigError if the converter has no figures for its bits."""
        self.adc.area_m2(self.adc_bits)
        self.adc.time_s(self.back_bits, 1)

    @property
    def back_bits(self) -> int:
        """Bits of a conversion in a transposed read."""
        return self.transposed_adc_bits or self.adc_bits

    @property
    def columns_a_line(self) -> int:
        """Columns of cells that stand behind one sensed line."""
        pairs = 2 if self.sign == "differential" and self.pair == "subtracted" else 1
        return pairs * self.joined_columns

    def passes(self, site: Site, rows: Numbers | int) -> Ints:
        """Return the passes that ``rows`` rows in use take."""
        return np.asarray(-(-np.asarray(rows) // (self.open_rows or site.rows)), dtype=np.int64)

    def summed(self, site: Site) -> int:
        """Return the rows that one conversion of a forward read sums at most."""
        return min(site.rows, self.open_rows or site.rows)

    def lines(self, grid: PeGrid) -> Ints:
        """Return the lines that are sensed in each PE, (P,): a weight's columns are joined among themselves alone."""
        return np.asarray(grid.outputs * -(-grid.cells_per_weight // self.columns_a_line), dtype=np.int64)

    def conversions(self, site: Site, grid: PeGrid) -> Ints:
        """Return the conversions of one read cycle of each PE, (P,)."""
        return np.asarray(self.lines(grid) * self.passes(site, grid.rows))

    def forward(self, site: Site, weights: Weights, busy: Activity, *, after: bool = False) -> tuple[Component, ...]:
        """One conversion for each line in use, pass and read cycle."""
        grid = weights.grid
        said = f"{self._line_words}{self._pass_words} x phases"
        converting = self._converting(
            site, weights, self.conversions(site, grid), busy, self.adc_bits, said, after=after
        )
        parts = (
            line_drives(site, grid, busy),
            self.cells(site, weights, busy, after=after),
            converting,
            shift_adds(site, converting.amount, said, "conversion").also(*self._line_origins(site)),
            accumulated(site, grid),
        )
        return with_control(self, site, parts)

    def transposed(self, site: Site, weights: Weights, busy: Activity) -> tuple[Component, ...]:
        """Columns are driven, rows are sensed.

        The slices of a weight share a row, so that each takes a read of its own; the two columns of a differential
        pair are driven with opposite polarity in the same read. Rows x phases x slices conversions.
        """
        grid = weights.grid
        lines, said = grid.rows * grid.geometry.encoding.slices, "used rows x slices x phases"
        converting = self._converting(site, weights, lines, busy, self.back_bits, said)
        parts = (
            line_drives(site, grid, busy, transposed=True),
            self.cells(site, weights, busy, transposed=True),
            converting,
            shift_adds(site, converting.amount, said, "conversion").also(*site.of("cell_bits", "sign")),
        )
        return with_control(self, site, parts)

    def forward_time(self, site: Site, bits: int) -> ReadTime:
        """Each cycle and pass the array settles, then each converter takes its lines in turn."""
        passes = int(self.passes(site, site.rows))
        said = "columns_per_adc" + (" x passes" if self.open_rows else "")
        origins = self._line_origins(site) if self.open_rows else ()
        return self._time(site, site.phases(bits) * passes, self.columns_per_adc, self.summed(site), said, origins)

    def transposed_time(self, site: Site, bits: int) -> ReadTime:
        """The same converters take all rows in turn, once for each cycle and slice."""
        turns = -(-site.rows // self.converters(site))
        passes = site.phases(bits) * site.geometry.encoding.slices
        origins = (*site.of("cell_bits", "sign"), "array.rows", "array.cols", *self._line_origins(site))
        return self._time(
            site, passes, turns, site.cols, "ceil(rows / ADCs)", origins, slices=" x slices", bits=self.back_bits
        )

    def row_read_time(self, site: Site) -> Price:
        """Settling, then a turn of the converters for each of their lines."""
        time = self._time(site, 1, self.columns_per_adc, site.rows, "columns_per_adc", ())
        said = "t_read + columns_per_adc x t_conversion"
        return Price(time.total_s, said, time.settle.also(*time.convert.origins).origins)

    def converters(self, site: Site) -> int:
        """Return the converters of a PE."""
        lines = site.geometry.weight_cols * -(-site.geometry.encoding.cells_per_weight // self.columns_a_line)
        return max(1, -(-lines // self.columns_per_adc))

    def area(self, site: Site) -> dict[str, Piece]:
        """Cells, converters, drivers, shift-adds; drivers on the columns where errors come in there."""
        adcs = self.converters(site)
        sharing = (*site.of("columns_per_adc"), *self._line_origins(site), "array.cols")
        converter = self.adc.area_price(self.adc_bits, f"{site.at}.adc").also(*site.of("adc_bits"), *sharing)
        pieces = {
            "cells": Piece(site.cells, "cells", self.cell_area(site)),
            "adc": Piece(adcs, "converters", converter),
            "driver": line_drivers(site, "rows"),
            "shift_add": Piece(adcs, "shift-adds", site.shift_add.area_price().also(*sharing)),
        }
        if site.transposable:
            pieces["transpose_driver"] = line_drivers(site, "cols")
        return with_control_area(self, site, pieces)

    def conversion(self, site: Site, line_s: Floats, bits: int, transposed: bool = False) -> Price:
        """Return the price of one conversion (J) of lines that conduct ``line_s`` (S)."""
        each = self.adc.energy_price(bits, site.supply_v, line_s, f"{site.at}.adc")
        name = "transposed_adc_bits" if transposed and self.transposed_adc_bits else "adc_bits"
        follows = self.adc.follows_conductance
        value = each.value if follows else float(np.ravel(each.value)[0])  # of every line alike
        own = (name, "cell_bits", "sign", *(self.window if follows else ()))
        mean = "; mean over conversions of the lines of each PE in each task" if follows else ""
        return Price(value, each.formula + mean, each.also(*site.of(*own)).origins)

    @property
    def window(self) -> tuple[str, ...]:
        """Names of the values that a cell's conductance follows from."""
        return ()

    @property
    def _line_words(self) -> str:
        return "used columns" if self.columns_a_line == 1 else "used columns / columns joined before the converter"

    @property
    def _pass_words(self) -> str:
        return " x ceil(used rows / open_rows)" if self.open_rows else ""

    def _line_origins(self, site: Site) -> tuple[str, ...]:
        """Paths of what sets the number of sensed lines and passes."""
        pairs = ("pair",) if self.sign == "differential" else ()
        passes = ("open_rows",) if self.open_rows else ()
        return site.of("joined_columns", *pairs, *passes)

    def _converting(
        self, site: Site, weights: Weights, lines: Numbers, busy: Activity, bits: int, said: str, *, after: bool = False
    ) -> Component:
        """Conversions of ``lines`` lines a PE and cycle: each sees the conductance of a mean line, when driven."""
        follows, layer, transposed = self.adc.follows_conductance, weights.grid.layer, "slices" in said
        line_s = np.zeros(1)
        if follows:
            line_s = self.conductance_s(weights, after=after) * busy.drives[:, layer] / (lines * busy.phases)
        each = self.conversion(site, line_s, bits, transposed).also("dac_bits", *self._line_origins(site))
        return Component(
            "adc", lines * busy.phases, "conversions", said, each, busy=follows, codes=follows, per_line=True
        )

    def _time(
        self, site: Site, passes: int, turns: int, length: int, said: str, origins: tuple[str, ...], *,
        slices: str = "", bits: int = 0,
    ) -> ReadTime:  # fmt: skip
        bits, name = bits or self.adc_bits, "transposed_adc_bits" if bits and self.transposed_adc_bits else "adc_bits"
        own, each = ("dac_bits", *origins), self.settling(site)
        settle = Price(passes * float(each.value), f"phases{slices} x {each.formula}", each.origins).also(*own)
        one = self.adc.time_price(bits, length, f"{site.at}.adc").also(*site.of(name, "columns_per_adc"))
        seconds = passes * (turns * float(one.value))
        return ReadTime(settle, Price(seconds, f"phases{slices} x {said} x t_conversion", one.origins).also(*own))
