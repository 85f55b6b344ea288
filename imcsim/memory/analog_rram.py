"""Analog RRAM: currents add up on a column and are converted; cells are programmed with write and verify.

Formulas with their sources: docs/accounting.md. Shape letters: F placement phases, P PEs, K cells per weight.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import numpy as np
from pydantic import Field

from imcsim.core.charge import Charge, Price
from imcsim.crossbar.encoding import Reference
from imcsim.crossbar.replicas import PAIR
from imcsim.devices.programming import WriteRule, event_price, event_pulses
from imcsim.devices.pulses import lognormal_parameters
from imcsim.devices.retention import margin_cycles, specified_retention_s
from imcsim.devices.row_time import expected_max_pulses, row_write_time_s
from imcsim.devices.rram import RramCell
from imcsim.devices.worn_out import stuck_low_share
from imcsim.devices.write_failure import pulse_growth, temporary_failure_share, tries
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.ageing import Ageing, EventPulses
from imcsim.memory.memory import (
    Activity,
    Component,
    Endurance,
    Floats,
    Memory,
    Numbers,
    Piece,
    ReadTime,
    Weights,
    accumulated,
    line_drivers,
    line_drives,
    memory_sort,
    shift_adds,
)
from imcsim.memory.replica_cells import ReplicaCells
from imcsim.memory.site import Site
from imcsim.periphery.adc import Adc

_WINDOW = ("cell.conductance_min_s", "cell.conductance_max_s")
_PULSE = ("set_pulse_share", "set_energy_j", "reset_energy_j", "verify_energy_j")
_ROWS = (
    "row writes one after the other: those of the PE that takes longest, or of all PEs / parallel_write_pes where that "
    "takes more, by task"
)
_ROW_TIME = "pulses in turn (SET, then RESET) x t_pulse + verify turns (columns_per_adc columns each) x t_verify"


@memory_sort("analog-rram")
class AnalogRram(Memory):
    """RRAM PEs: analog read through shared column ADCs, write-verify programming.

    ``parallel_write_pes`` is how many PEs may be programmed at once (write current limits it); within a PE the rows
    are written one after the other, the cells of a row in parallel. ``wl_segment_ohm`` and ``bl_segment_ohm`` are the
    resistance (ohm) of a word line or bit line from one cell to the next: they act on products, not on energy.
    ``reference`` is what offset codes are read against: ``replica`` columns, or an ``ideal`` subtraction that costs
    nothing; a differential pair needs neither.
    """

    volatile: ClassVar[bool] = False
    verb: ClassVar[str] = "program"
    rows_vary: ClassVar[bool] = True
    references: ClassVar[Mapping[str, str]] = {"cell": "device", "adc": "component"}

    cell: RramCell
    cell_bits: int = Field(ge=1, le=4)
    adc: Adc
    adc_bits: int = Field(ge=1, le=16)
    columns_per_adc: int = Field(ge=1)
    write_rule: WriteRule
    parallel_write_pes: int = Field(ge=1)
    wl_segment_ohm: float = Field(0.0, ge=0)
    bl_segment_ohm: float = Field(0.0, ge=0)
    reference: Reference = "replica"

    def check(self) -> None:
        """Raise ConfigError if the cell or the converter has no figures for its bits."""
        self.cell.pulse_statistics(self.cell_bits)
        self.adc.area_m2(self.adc_bits)

    def replicas(self, site: Site) -> ReplicaCells | None:
        """Return the replica columns and rows of a PE; None where it has none."""
        if self.sign != "offset" or self.reference != "replica":
            return None
        return ReplicaCells.of(site, self.cell, self.columns_per_adc)

    def conductance_s(self, weights: Weights, *, after: bool = False) -> Floats:
        """Return the sum of the conductances of each PE's cells that a read meets, (F, P) in siemens.

        Those are all where a used row crosses a used column, erased ones that hold no weight among them.
        A phase is read with the codes at its start: those that stand in frozen PEs all along, and from which PEs that
        train in place depart. ``after``: with the codes at its end, which serve once the task is learned.
        """
        levels = weights.grid.geometry.encoding.level_count
        step = (self.cell.conductance_max_s - self.cell.conductance_min_s) / (levels - 1)
        sums = weights.level_sums[1:] if after else weights.level_sums[:-1]
        return np.asarray(weights.grid.crossed * self.cell.conductance_min_s + sums * step, dtype=np.float64)

    def forward(self, site: Site, weights: Weights, busy: Activity, *, after: bool = False) -> tuple[Component, ...]:
        """One conversion for each used column and read cycle, those of replicas among them."""
        grid, replicas = weights.grid, self.replicas(site)
        conductance_s, columns, said = self.conductance_s(weights, after=after), grid.cols, "used columns x phases"
        if replicas is not None:
            conductance_s = conductance_s + replicas.of_columns_s(grid)
            columns, said = columns + replicas.columns_in_use(grid), "used columns and their replicas x phases"
        conversions = self._conversions(site, conductance_s, columns, grid.layer, busy, said)
        return (
            line_drives(site, grid, busy, beside=0 if replicas is None else replicas.columns),
            self._cells(site, conductance_s, busy.power[:, grid.layer], "end" if after else "start"),
            conversions,
            shift_adds(site, conversions.amount, conversions.formula, "conversion"),
            accumulated(site, grid, less_a_replica=replicas is not None),
        )

    def transposed(self, site: Site, weights: Weights, busy: Activity) -> tuple[Component, ...]:
        """Columns are driven, rows are sensed.

        The slices of a weight share a row, so that each takes a read of its own; the two columns of a differential
        pair are driven with opposite polarity in the same read. Rows x phases x slices conversions, where the forward
        read needs one for each used column and phase. A pair of replica rows is read with the top slice.
        """
        grid, conductance_s, replicas = weights.grid, self.conductance_s(weights), self.replicas(site)
        lines, said = grid.rows * grid.geometry.encoding.slices, "used rows x slices x phases"
        if replicas is not None:
            conductance_s = conductance_s + replicas.of_rows_s(grid)
            lines, said = lines + PAIR, "(used rows x slices + 2 replica rows) x phases"
        conversions = self._conversions(site, conductance_s, lines, grid.layer, busy, said)
        return (
            line_drives(site, grid, busy, transposed=True, beside=0 if replicas is None else PAIR),
            self._cells(site, conductance_s, busy.power[:, grid.layer], "start"),
            conversions,
            shift_adds(site, conversions.amount, said, "conversion"),
        )

    def read_out(self, site: Site, weights: Weights) -> tuple[Component, ...]:
        """Every cell conducts once and is converted, row by row; a conversion sees a mean cell.

        Levels of single cells need no replica.
        """
        grid, crossed_s = weights.grid, self.conductance_s(weights)
        empty = 0 if grid.held is None else grid.crossed - grid.cells
        sums_s = np.asarray(crossed_s - empty * self.cell.conductance_min_s, dtype=np.float64)
        converting = self._conversion(site, sums_s / grid.cells)
        replicas = self.replicas(site)
        length = site.cols + (0 if replicas is None else replicas.columns)
        driving = site.driver.energy_price(length, site.supply_v).also("array.cols")
        reading = self._siemens(site)
        start = "conductance at the task's start of cells in use"
        return (
            Component("cells", sums_s, "siemens read", start, reading, codes=True),
            Component("adc", grid.cells, "conversions", "cells in use", converting, codes=self.adc.follows_conductance),
            Component("driver", grid.rows, "rows driven", "rows in use", driving),
        )

    def forward_time(self, site: Site, bits: int) -> ReadTime:
        """Each cycle the array settles, then each ADC converts its columns in turn, and their replica pair."""
        turns, said = self.columns_per_adc, "columns_per_adc"
        if self.replicas(site) is not None:
            turns, said = turns + PAIR, "(columns_per_adc + 2 replica columns)"
        return self._time(site, -(-bits // site.dac_bits), turns, site.rows, said)

    def transposed_time(self, site: Site, bits: int) -> ReadTime:
        """The same ADCs convert all rows in turn, once for each cycle and slice."""
        adcs = max(1, site.cols // self.columns_per_adc)
        rows, said = site.rows, "ceil(rows / ADCs)"
        if self.replicas(site) is not None:
            rows, said = rows + PAIR, "ceil((rows + 2 replica rows) / ADCs)"
        passes = -(-bits // site.dac_bits) * site.geometry.encoding.slices
        return self._time(site, passes, -(-rows // adcs), site.cols, said, transposed=True)

    def row_read_time(self, site: Site) -> Price:
        """Settling, then a turn of the converters for each of their columns."""
        time = self._time(site, 1, self.columns_per_adc, site.rows, "columns_per_adc")
        return Price(
            time.total_s, "t_read + columns_per_adc x t_conversion", time.settle.also(*time.convert.origins).origins
        )

    def row_write_time(self, site: Site) -> Price:
        """Pulses of the two directions and verify reads of a row's cells, in their turns."""
        return self._row_price(site, float(self._row_s(np.array(float(site.cols)))))

    def write_energy(self, site: Site) -> Price:
        """One number where every level change costs the same (rule ``flat``), else one for each pair of levels."""
        each = event_price(self.cell, self.cell_bits, self.write_rule, site.at)
        if self.write_rule == "flat":
            return Price(float(np.max(each.value)), each.formula, each.origins)
        return each

    def fixed_cells(self, site: Site, grid: PeGrid) -> tuple[Numbers, Price] | None:
        """Replica cells that are raised, each by one event from the lowest level."""
        replicas = self.replicas(site)
        if replicas is None:
            return None
        each = event_price(self.cell, self.cell_bits, self.write_rule, site.at)
        joules = np.asarray(each.value)[0, replicas.raised_level]
        price = Price(float(joules), each.formula, each.origins).also(*_of(site, "reference"))
        return replicas.raised(grid, site), price

    def write_time(self, site: Site, events: Numbers, rows: Numbers) -> Charge:
        """Rows of a PE in turn, ``parallel_write_pes`` PEs at once, a row as long as its cells take together."""
        each_s = self.pe_write_s(site, events, rows)
        longest, all_s = each_s.max(axis=1, initial=0.0), each_s.sum(axis=1) / self.parallel_write_pes
        count = np.asarray(rows, dtype=np.float64)
        # the rows that decide: of the PE that takes longest, or of all of them
        last = count[np.arange(len(count)), each_s.argmax(axis=1)] if count.shape[1] else np.zeros(len(count))
        amount = np.where(longest >= all_s, last, count.sum(axis=1) / self.parallel_write_pes)
        mean_s = np.divide(np.maximum(longest, all_s), amount, out=np.zeros_like(amount), where=amount > 0)
        return Charge("", amount, "row writes, one after the other", _ROWS, (), self._row_price(site, mean_s))

    @property
    def parallel_pes(self) -> int:
        """``parallel_write_pes``."""
        return self.parallel_write_pes

    def pe_write_s(self, site: Site, events: Numbers, rows: Numbers) -> Floats:
        """Rows one after the other, each as long as its cells take together by expectation."""
        together = np.divide(events, rows, out=np.ones(rows.shape), where=rows > 0)
        return np.asarray(rows * self._row_s(np.maximum(together, 1.0)), dtype=np.float64)

    def drawn_rows_s(self, site: Site, cells: Numbers, generator: np.random.Generator) -> Floats:
        """A row is as much longer than its mean as the largest of its cells' pulse counts, lognormal, is above its own.

        The maximum of n draws is the quantile U^(1 / n) of one (definition of an order statistic). Pulses are of any
        length, as in the mean, so that the mean over many draws is that of :meth:`pe_write_s`.
        """
        from scipy.special import ndtri  # here, so that importing the package loads no scipy

        mu, sigma = lognormal_parameters(*self.cell.pulse_statistics(self.cell_bits))
        count = np.asarray(cells, dtype=np.float64)
        slowest = np.exp(mu + sigma * ndtri(generator.random(len(cells)) ** (1.0 / count)))
        mean = expected_max_pulses(self.cell, self.cell_bits, count)
        return np.asarray(slowest / mean * self._row_s(count), dtype=np.float64)

    def area(self, site: Site) -> dict[str, Piece]:
        """Cells, converters, drivers, shift-adds; drivers on the columns where errors come in there."""
        adcs = -(-site.cols // self.columns_per_adc)
        sharing = (*_of(site, "columns_per_adc"), "array.cols")
        converter = self.adc.area_price(self.adc_bits, f"{site.at}.adc").also(*_of(site, "adc_bits"), *sharing)
        pieces = {
            "cells": Piece(site.cells, "cells", self.cell.area_price(f"{site.at}.cell")),
            "adc": Piece(adcs, "converters", converter),
            "driver": line_drivers(site, "rows"),
            "shift_add": Piece(adcs, "shift-adds", site.shift_add.area_price().also(*sharing)),
        }
        replicas = self.replicas(site)
        if replicas is not None:
            pieces["replica"] = replicas.area(site, f"{site.at}.cell", self.cell)
        return pieces | ({"transpose_driver": line_drivers(site, "cols")} if site.transposable else {})

    @property
    def endurance(self) -> Endurance:
        """Guaranteed cycles, and the Weibull distribution of the cycles to failure, at its bits per cell."""
        life = self.cell.endurance(self.cell_bits)
        return Endurance(life.guaranteed_cycles, life.scale_cycles, life.shape)

    @property
    def event_pulses(self) -> EventPulses:
        """Those of its write rule; only rule ``flat`` charges verify reads, which an event can then do without."""
        cell, rule = self.cell, self.write_rule
        pulses, unverified = event_pulses(cell, self.cell_bits, rule)[0], None
        if rule == "flat":
            pulse_j = cell.set_pulse_share * cell.set_energy_j + (1 - cell.set_pulse_share) * cell.reset_energy_j
            unverified = pulse_j / float(np.max(event_price(cell, self.cell_bits, rule).value))
        return EventPulses(pulses, max(cell.set_pulse_share, 1 - cell.set_pulse_share), unverified)

    @property
    def ageing(self) -> Ageing:
        """What was measured of retries, pulses and margins at its bits per cell, and of retention."""
        return Ageing(
            tries=tries(temporary_failure_share(self.cell_bits) or 0.0),
            pulse_growth=partial(pulse_growth, cell_bits=self.cell_bits),
            margin_cycles=margin_cycles(self.cell_bits),
            margin_note="the measured 5,000 cycles of 3-bit cells (bit errors 0.5 % to 10 %); cells still switch.",
            retention_s=specified_retention_s,
            retention_note="10 years at 85 C, specified for fresh cells of one bit, and 2.25 eV; of more bits and of "
            "cycled cells no figure was found.",
            stuck_low_share=stuck_low_share(self.cell),
        )

    def failed_write(self, site: Site) -> tuple[Price, Price]:
        """Go on to the pulses after which the controller gives up, taken as the 99th percentile.

        Design choice: 1 % of good writes would be given up, too.
        """
        mean, most = self.cell.pulse_statistics(self.cell_bits)
        cell, beyond = self.cell, most - mean
        pulse_j = cell.set_pulse_share * cell.set_energy_j + (1 - cell.set_pulse_share) * cell.reset_energy_j
        names = ("cell.pulses_mean", "cell.pulses_p99", "cell_bits")
        joules = Price(
            beyond * (pulse_j + cell.verify_energy_j),
            "(n_p99 - n) (s E_set + (1 - s) E_reset + E_verify)",
            _of(
                site, *names, "cell.set_pulse_share", "cell.set_energy_j", "cell.reset_energy_j", "cell.verify_energy_j"
            ),
        )
        seconds = beyond * (cell.pulse_time_s + cell.verify_time_s) / self.parallel_write_pes
        own = _of(site, *names, "cell.pulse_time_s", "cell.verify_time_s", "parallel_write_pes")
        return joules, Price(seconds, "(n_p99 - n) (t_pulse + t_verify) / parallel_write_pes", own)

    def doubts(self, site: Site) -> tuple[str, ...]:
        """A converter too narrow for a column's sum; levels closer than an erased cell's conductance."""
        found = []
        need = int(np.ceil(np.log2(site.rows * (2**self.cell_bits - 1) * (2**site.dac_bits - 1) + 1)))
        if self.adc_bits < need:
            found.append(f"{site.at}.adc_bits = {self.adc_bits} can clip or round: a column sum needs {need} bits")
        low, high, levels = self.cell.conductance_min_s, self.cell.conductance_max_s, 2**self.cell_bits
        if high < levels * low:  # levels are evenly spaced
            found.append(
                f"the on/off ratio of {site.at}.cell ({high / low:.3g}) is too low for {site.at}.cell_bits = "
                f"{self.cell_bits}: below {levels}, an erased cell conducts more than the step between two levels"
            )
        return tuple(found)

    def read_out_leaf(self, site: Site) -> str:
        """Weights are read out through the converters."""
        return "read_out"

    def _cells(self, site: Site, conductance_s: Floats, power: Floats, when: str) -> Component:
        said = f"cell conductances at the task's {when} x expected squared digit, all phases"
        each = self._siemens(site).also("dac_bits")
        return Component("cells", power * conductance_s, "siemens read", said, each, busy=True, codes=True)

    def _siemens(self, site: Site) -> Price:
        return self.cell.read_price(f"{site.at}.cell").also(*_of(site, *_WINDOW, "cell_bits", "sign"))

    def _conversions(
        self, site: Site, conductance_s: Floats, lines: Numbers, layer: Numbers, busy: Activity, said: str
    ) -> Component:
        """Conversions of ``lines`` sensed lines a PE: each sees the conductance of a mean line, when it is driven."""
        driven_s = conductance_s * busy.drives[:, layer] / lines
        each = self._conversion(site, driven_s / busy.phases).also("dac_bits")
        follows = self.adc.follows_conductance
        return Component(
            "adc", lines * busy.phases, "conversions", said, each, busy=follows, codes=follows, per_line=True
        )

    def _conversion(self, site: Site, line_s: Floats) -> Price:
        each = self.adc.energy_price(self.adc_bits, site.supply_v, line_s, f"{site.at}.adc")
        own = ("adc_bits", "cell_bits", "sign", *(_WINDOW if self.adc.follows_conductance else ()))
        mean = "; mean over conversions of the lines of each PE in each task" if self.adc.follows_conductance else ""
        return Price(each.value, each.formula + mean, each.also(*_of(site, *own)).origins)

    def _time(
        self, site: Site, passes: int, turns: int, length: int, said: str, *, transposed: bool = False
    ) -> ReadTime:
        slices = " x slices" if transposed else ""
        shape = (*_of(site, "cell_bits"), "array.rows", "array.cols") if transposed else ()
        own = ("dac_bits", *shape)
        settle = Price(passes * self.cell.read_time_s, f"phases{slices} x t_read", _of(site, "cell.read_time_s")).also(
            *own
        )
        one = self.adc.time_price(self.adc_bits, length, f"{site.at}.adc").also(
            *_of(site, "adc_bits", "columns_per_adc")
        )
        seconds = passes * (turns * float(one.value))
        return ReadTime(settle, Price(seconds, f"phases{slices} x {said} x t_conversion", one.origins).also(*own))

    def _row_s(self, cells: Floats) -> Floats:
        return row_write_time_s(self.cell, self.cell_bits, cells, self.columns_per_adc)

    def _row_price(self, site: Site, seconds: float | Floats) -> Price:
        names = ("pulse_time_s", "verify_time_s", "pulses_mean", "pulses_p99", "set_pulse_share")
        cell = (f"cell.{name}" for name in names)
        return Price(seconds, _ROW_TIME, _of(site, *cell, "cell_bits", "columns_per_adc", "parallel_write_pes"))


def _of(site: Site, *names: str) -> tuple[str, ...]:
    """Dotted paths of values of the memory."""
    return tuple(f"{site.at}.{name}" for name in names)
