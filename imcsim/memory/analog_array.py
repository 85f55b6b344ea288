"""What analog memories share: how an array is read through converters, in joules, seconds and square metres.

Lines are sensed by converters that lines share. A line stands for one column, or for several that are joined before
the converter: the two of a differential pair, whose difference is converted, or the bits of a weight, weighted by
their currents or charges. If fewer rows are open at once than hold weights, a vector takes several passes. Replicas
of an offset code (:mod:`imcsim.memory.replica_cells`) are lines beside those of the weights, in every pass.

Formulas with their sources: docs/memories.md. Shape letters: F placement phases, P PEs.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import Field

from imcsim.core.charge import Price
from imcsim.crossbar.converter_bits import fewest_bits, transposed_bits
from imcsim.crossbar.encoding import PairReading
from imcsim.crossbar.replicas import PAIR
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.beside import Beside
from imcsim.memory.memory import (
    Activity,
    Component,
    Floats,
    Ints,
    Lines,
    Memory,
    Numbers,
    Piece,
    ReadTime,
    Weights,
    line_drivers,
)
from imcsim.memory.replica_cells import ReplicaCells
from imcsim.memory.site import Site
from imcsim.periphery.adc import Adc


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

    senses: ClassVar[str] = "conversion"
    references: ClassVar[Mapping[str, str]] = {"cell": "device", "adc": "component"}

    adc: Adc
    adc_bits: int = Field(ge=1, le=16)
    transposed_adc_bits: int = Field(0, ge=0, le=16)
    columns_per_adc: int = Field(ge=1)
    open_rows: int = Field(0, ge=0)
    pair: PairReading = "subtracted"
    joined_columns: int = Field(1, ge=1)

    @abstractmethod
    def conductance_s(self, weights: Weights, lines: Lines) -> Floats:
        """Return the sum of the conductances of each PE's cells that a read of ``lines`` meets, (F, P) in S; 0: none.

        Those of replicas are among them.
        """

    @property
    def replica_by_level_s(self) -> Floats | None:
        """Conductance (S) of a replica's cell at each level; None where codes are read against no replica."""
        return None

    def replicas(self, site: Site) -> ReplicaCells | None:
        """Return the replica columns and rows of a PE; None where it has none."""
        by_level = self.replica_by_level_s
        if by_level is None:
            return None
        return ReplicaCells.of(site, by_level, self.columns_per_adc, self.lines_of_a_weight(site.geometry))

    @abstractmethod
    def cells(self, site: Site, weights: Weights, busy: Activity, lines: Lines) -> Component:
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

    def fewest_bits(self, site: Site) -> tuple[int, int]:
        """Return the fewest bits that lose nothing, of a forward and of a transposed conversion.

        Columns of a weight that are joined before the converter weigh as the slices that they hold.
        """
        encoding, rows = site.geometry.encoding, min(site.rows, self.open_rows or site.rows)
        signed = encoding.sign == "differential" and self.pair == "subtracted"
        level = (1 << self.cell_bits * min(self.joined_columns, encoding.slices)) - 1
        forward = fewest_bits(rows, level, (1 << site.dac_bits) - 1, signed=signed)
        return forward, transposed_bits(encoding, outputs=site.geometry.weight_cols, digit_bits=site.dac_bits)

    def doubts(self, site: Site) -> tuple[str, ...]:
        """A converter too narrow for a line's sum."""
        forward, transposed = self.fewest_bits(site)
        found = []
        if self.adc_bits < forward:
            found.append(f"{site.at}.adc_bits = {self.adc_bits} can clip or round: a column sum needs {forward} bits")
        if site.transposable and self.back_bits < transposed:
            field = self.bits_name(transposed=True)
            found.append(f"{site.at}.{field} = {self.back_bits} can clip or round: a row sum needs {transposed} bits")
        return tuple(found)

    def lines(self, site: Site, grid: PeGrid, *, transposed: bool = False) -> Lines:
        """Columns that are joined before the converter are one line; rows that are opened in turn take passes.

        Where columns are driven, the two of a differential pair have opposite polarity in the same read.
        """
        replicas, origins = self.replicas(site), self.joining(site)
        if transposed:
            rows = replace(super().lines(site, grid, transposed=True), origins=site.of("cell_bits", "sign"))
            said = "(used rows x slices + 2 replica rows) x phases"
            return rows if replicas is None else _with(rows, replicas.beside_rows(grid), said)
        turns = self.passes(site, grid.rows)
        said = "used columns" if self.columns_a_line == 1 else "used columns / columns joined before the converter"
        passes = " x ceil(used rows / open_rows)" if self.open_rows else ""
        count = grid.outputs * self.lines_of_a_weight(grid.geometry) * turns
        own = Lines(count, grid.rows, f"{said}{passes} x phases", origins=origins)
        if replicas is None:
            return own
        return _with(own, replicas.beside_columns(grid, turns, site), f"({said} and their replicas){passes} x phases")

    def lines_of_a_weight(self, geometry: PeGeometry) -> int:
        """Return the lines that a weight's columns are: they are joined among themselves alone."""
        return -(-geometry.encoding.cells_per_weight // self.columns_a_line)

    def joining(self, site: Site) -> tuple[str, ...]:
        """Return the paths of what sets the number of sensed lines and passes."""
        pairs = ("pair",) if self.sign == "differential" else ()
        passes = ("open_rows",) if self.open_rows else ()
        return site.of("joined_columns", *pairs, *passes)

    def sensed(self, site: Site, weights: Weights, busy: Activity, lines: Lines) -> tuple[Component, ...]:
        """Cells, and a conversion for each sensed line: it sees the conductance of a mean line, when it is driven."""
        follows, line_s = self.adc.follows_conductance, np.zeros(1)
        if follows:
            driven_s = self.conductance_s(weights, lines) * busy.drives[:, weights.grid.layer]
            line_s = driven_s / lines.sensed
        each = self.conversion(site, line_s, transposed=lines.transposed).also("dac_bits", *lines.origins)
        converting = Component(
            "adc", lines.sensed, "conversions", lines.said, each, busy=follows, codes=follows, per_line=True
        )
        return self.cells(site, weights, busy, lines), converting

    def forward_time(self, site: Site, bits: int) -> ReadTime:
        """Each cycle and pass the array settles, then each converter takes its lines in turn, replicas among them."""
        passes, turns, replicas = int(self.passes(site, site.rows)), self.columns_per_adc, self.replicas(site)
        said, origins = "columns_per_adc", self.joining(site) if self.open_rows else ()
        if replicas is not None:
            turns += -(-replicas.columns // self.converters(site))
            said = "(columns_per_adc + ceil(replica columns / ADCs))"
            origins = (*self.joining(site), *replicas.origins, "array.cols")
        said += " x passes" if self.open_rows else ""
        return self._time(site, site.phases(bits) * passes, turns, said, origins)

    def transposed_time(self, site: Site, bits: int) -> ReadTime:
        """The same converters take all rows in turn, once for each cycle and slice."""
        passes, replicas, rows = site.phases(bits) * site.geometry.encoding.slices, self.replicas(site), site.rows
        origins = (*site.of("cell_bits", "sign"), "array.rows", "array.cols", *self.joining(site))
        said = "ceil(rows / ADCs)"
        if replicas is not None:
            rows, said = rows + PAIR, "ceil((rows + 2 replica rows) / ADCs)"
            origins = (*origins, *replicas.origins)
        return self._time(site, passes, -(-rows // self.converters(site)), said, origins, transposed=True)

    def row_read_time(self, site: Site) -> Price:
        """Settling, then a turn of the converters for each of their lines."""
        time = self._time(site, 1, self.columns_per_adc, "columns_per_adc", ())
        said = "t_read + columns_per_adc x t_conversion"
        return Price(time.total_s, said, time.settle.also(*time.convert.origins).origins)

    def converters(self, site: Site) -> int:
        """Return the converters of a PE."""
        lines = site.geometry.weight_cols * self.lines_of_a_weight(site.geometry)
        return max(1, -(-lines // self.columns_per_adc))

    def area(self, site: Site) -> dict[str, Piece]:
        """Cells, converters, drivers, shift-adds, replica cells; drivers on the columns where errors come in there."""
        adcs = self.converters(site)
        sharing = (*site.of("columns_per_adc"), *self.joining(site), "array.cols")
        converter = self.adc.area_price(self.adc_bits, f"{site.at}.adc").also(*site.of("adc_bits"), *sharing)
        pieces = {
            "cells": Piece(site.cells, "cells", self.cell_area(site)),
            "adc": Piece(adcs, "converters", converter),
            "driver": line_drivers(site, "rows"),
            "shift_add": Piece(adcs, "shift-adds", site.shift_add.area_price().also(*sharing)),
        }
        replicas = self.replicas(site)
        if replicas is not None:
            pieces["replica"] = replicas.area(site, self.cell_area(site))
        if site.transposable:
            pieces["transpose_driver"] = line_drivers(site, "cols")
        return pieces

    def conversion(self, site: Site, line_s: Floats, *, transposed: bool = False) -> Price:
        """Return the price of one conversion (J) of lines that conduct ``line_s`` (S)."""
        bits = self.back_bits if transposed else self.adc_bits
        each = self.adc.energy_price(bits, site.supply_v, line_s, f"{site.at}.adc")
        follows = self.adc.follows_conductance
        mean = "; mean over conversions of the lines of each PE in each task" if follows else ""
        value = each.value if follows else float(np.ravel(each.value)[0])  # of every line alike
        own = (self.bits_name(transposed=transposed), "cell_bits", "sign", *(self.window if follows else ()))
        return Price(value, each.formula + mean, each.also(*site.of(*own)).origins)

    def bits_name(self, *, transposed: bool) -> str:
        """Return the field that gives the bits of a conversion."""
        return "transposed_adc_bits" if transposed and self.transposed_adc_bits else "adc_bits"

    @property
    def window(self) -> tuple[str, ...]:
        """Names of the values that a cell's conductance follows from."""
        return ()

    def _time(
        self, site: Site, passes: int, turns: int, said: str, origins: tuple[str, ...], *, transposed: bool = False
    ) -> ReadTime:
        slices, own, each = " x slices" if transposed else "", ("dac_bits", *origins), self.settling(site)
        settle = Price(passes * float(each.value), f"phases{slices} x {each.formula}", each.origins).also(*own)
        one = self.converting_time(site, transposed=transposed).also(*site.of("columns_per_adc"))
        seconds = passes * (turns * float(one.value))
        return ReadTime(settle, Price(seconds, f"phases{slices} x {said} x t_conversion", one.origins).also(*own))

    def converting_time(self, site: Site, *, transposed: bool = False) -> Price:
        """Return the time of one conversion of a line (s)."""
        bits, length = (self.back_bits, site.cols) if transposed else (self.adc_bits, self.summed(site))
        names = (self.bits_name(transposed=transposed), *(("open_rows",) if self.open_rows and not transposed else ()))
        return self.adc.time_price(bits, length, f"{site.at}.adc").also(*site.of(*names))

    def summed(self, site: Site) -> int:
        """Return the rows that one conversion of a forward read sums at most."""
        return min(site.rows, self.open_rows or site.rows)


def _with(lines: Lines, beside: Beside, said: str) -> Lines:
    """Return ``lines`` and those of replicas among them."""
    origins = (*lines.origins, *beside.origins)
    return replace(lines, count=lines.count + beside.lines, said=said, origins=origins, beside=beside)
