"""Analog RRAM: currents add up on a column and are converted; cells are programmed with write and verify.

How many lines a read senses is counted in :mod:`imcsim.memory.analog_array`: joined columns x passes x phases
forward, used rows x slices x phases of the error bits in a transposed read, where each slice takes a pass of its own;
replicas of an offset code are lines among them. Each is one conversion at the conductance of a mean line, and cells
conduct as long as their line is sensed. How long a row takes to write: :mod:`imcsim.devices.row_time`; how often rows
are written is counted by :func:`imcsim.chip.cell_counts.row_writes`.
Formulas with their sources: docs/accounting.md. Shape letters: F placement phases, P PEs, K cells per weight.
"""

from functools import partial
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from imcsim.core.charge import Charge, Price
from imcsim.crossbar.encoding import Reference
from imcsim.devices.programming import WriteRule, event_price, event_pulses
from imcsim.devices.pulses import lognormal_parameters
from imcsim.devices.retention import margin_cycles, specified_retention_s
from imcsim.devices.row_time import expected_max_pulses, row_write_time_s
from imcsim.devices.rram import RramCell
from imcsim.devices.worn_out import stuck_low_share
from imcsim.devices.write_failure import pulse_growth, temporary_failure_share, tries
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.ageing import Ageing, EventPulses
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

Sensing = Literal["current-clamp", "voltage", "dc-free"]

_WINDOW = ("cell.conductance_min_s", "cell.conductance_max_s")
_PULSE = ("set_pulse_share", "set_energy_j", "reset_energy_j", "verify_energy_j")
_ROWS = (
    "row writes one after the other: those of the PE that takes longest, or of all PEs / parallel_write_pes where that "
    "takes more, by task"
)
_ROW_TIME = "pulses in turn (SET, then RESET) x t_pulse + verify turns (the columns of each converter) x t_verify"


@memory_sort("analog-rram")
class AnalogRram(AnalogArray):
    """RRAM PEs: analog read through shared column ADCs, write-verify programming.

    ``parallel_write_pes`` is how many PEs may be programmed at once (write current limits it); within a PE the rows
    are written one after the other, the cells of a row in parallel. ``wl_segment_ohm`` and ``bl_segment_ohm`` are the
    resistance (ohm) of a word line or bit line from one cell to the next: they act on products, not on energy.
    ``pair``: the two columns of a differential pair are ``subtracted`` ahead of one conversion, or each ``converted``.
    ``open_rows``: rows open at once, 0 for all. ``transposed_adc_bits``: bits of a conversion of the transposed read,
    0 for ``adc_bits``. ``reference`` is what offset codes are read against: ``replica`` columns, or an ``ideal``
    subtraction that costs nothing; a differential pair needs neither.
    """

    volatile: ClassVar[bool] = False
    verb: ClassVar[str] = "program"
    rows_vary: ClassVar[bool] = True
    cell: RramCell
    cell_bits: int = Field(ge=1, le=4)
    sensing: Sensing = "current-clamp"
    clamp_current_a: float = Field(0.0, ge=0, description="of the amplifier that holds a sensed line, beside its cells")
    write_rule: WriteRule
    parallel_write_pes: int = Field(ge=1)
    wl_segment_ohm: float = Field(0.0, ge=0)
    bl_segment_ohm: float = Field(0.0, ge=0)
    reference: Reference = "replica"

    def check(self) -> None:
        """Raise ConfigError if the cell or the converter has no figures for its bits."""
        super().check()
        self.cell.pulse_statistics(self.cell_bits)

    def conductance_s(self, weights: Weights, lines: Lines) -> Floats:
        """Return the sum of the conductances of each PE's cells that a read of ``lines`` meets, (F, P) in siemens."""
        own_s = self._of_weights_s(weights, after=lines.after)
        return own_s if lines.beside is None else own_s + lines.beside.siemens

    def _of_weights_s(self, weights: Weights, *, after: bool = False) -> Floats:
        """Return the same without replicas.

        Those are all where a used row crosses a used column, erased ones that hold no weight among them.
        A phase is read with the codes at its start: those that stand in frozen PEs all along, and from which PEs that
        train in place depart. ``after``: with the codes at its end, which serve once the task is learned.
        """
        levels = weights.grid.geometry.encoding.level_count
        step = (self.cell.conductance_max_s - self.cell.conductance_min_s) / (levels - 1)
        sums = weights.level_sums[1:] if after else weights.level_sums[:-1]
        return np.asarray(weights.grid.crossed * self.cell.conductance_min_s + sums * step, dtype=np.float64)

    @property
    def replica_by_level_s(self) -> Floats | None:
        """The cell's, for offset codes that are not read against an ideal subtraction."""
        if self.sign != "offset" or self.reference != "replica":
            return None
        return self.cell.conductances_s(self.cell_bits)

    def cells(self, site: Site, weights: Weights, busy: Activity, lines: Lines) -> Component:
        """Cells conduct as long as the line that they stand on is sensed.

        ``current-clamp``: the line is held at the read voltage and the supply gives its current, so that one siemens
        takes V_read Vdd t, in proportion to the digit. ``voltage``: the line floats, and the rows at V_read feed those
        that are not driven, V_read^2 p (1 - p) t for a share p of driven rows. ``dc-free``: lines are charged and cut
        off.
        """
        if self.sensing == "dc-free":
            return self._charged_lines(site, lines)
        level, said = busy.level[:, weights.grid.layer], f"cell conductances at the task's {_when(lines)}"
        if self.sensing == "voltage":
            level, said = (
                level * (1 - level / busy.phases),
                f"{said} x p (1 - p), p the share of driven rows, all phases",
            )
        else:
            said = f"{said} x expected digit, all phases"
        amount = self.conductance_s(weights, lines) * level
        origins = () if lines.beside is None else lines.beside.origins
        each = self._siemens(site, transposed=lines.transposed).also("dac_bits", *origins)
        return Component("cells", amount, "siemens read", said, each, busy=True, codes=True)

    def sensed(self, site: Site, weights: Weights, busy: Activity, lines: Lines) -> tuple[Component, ...]:
        """As in all analog arrays; clamps draw their own current beside the cells', as long as a line is sensed."""
        parts = super().sensed(site, weights, busy, lines)
        if not self.clamp_current_a or self.sensing != "current-clamp":
            return parts
        sensed = self._sensed_s(site, transposed=lines.transposed)
        each = Price(
            self.clamp_current_a * site.supply_v * float(sensed.value),
            f"I_clamp Vdd ({sensed.formula})",
            (*site.of("clamp_current_a"), "supply_v", *sensed.origins),
        ).also("dac_bits", *lines.origins)
        return (*parts, Component("clamp", lines.sensed, "lines clamped", lines.said, each, per_line=True))

    def _sensed_s(self, site: Site, *, transposed: bool) -> Price:
        """Return how long a line is sensed (s): it settles and is converted."""
        settle, convert = self.settling(site), self.converting_time(site, transposed=transposed)
        seconds = float(settle.value) + float(convert.value)
        return Price(seconds, f"{settle.formula} + {convert.formula}", (*settle.origins, *convert.origins))

    def _siemens(self, site: Site, *, transposed: bool = False) -> Price:
        """Return what a siemens takes (J) that conducts while its line settles and is converted.

        A flash converter compares 2^b - 1 copies of the current at once.
        """
        read_v, of_read = self.cell.read_voltage_v, site.of("cell.read_voltage_v")
        sensed = self._sensed_s(site, transposed=transposed)
        seconds, formula = float(sensed.value), sensed.formula
        origins = (*of_read, *sensed.origins, *site.of(*_WINDOW, "cell_bits", "sign"))
        if self.sensing == "voltage":
            return Price(read_v**2 * seconds, f"V_read^2 ({formula})", origins)
        copies = self.adc.mirrors(self.back_bits if transposed else self.adc_bits)
        many = " for each comparator" if copies > 1 else ""
        return Price(read_v * site.supply_v * seconds * copies, f"V_read Vdd ({formula}){many}", (*origins, "supply_v"))

    def _charged_lines(self, site: Site, lines: Lines) -> Component:
        """Return the charge of the sensed lines: each is brought to the read voltage in every cycle."""
        length, columns = (site.cols, 1) if lines.transposed else (site.rows, self.columns_a_line)
        amount = lines.sensed * columns
        if lines.beside is not None:  # a replica column is a line of its own; lines cross those that run across them
            length += lines.beside.along
            amount = amount - lines.beside.lines * lines.phases * (columns - 1)
        joules = length * site.driver.wire_capacitance_per_cell_f * self.cell.read_voltage_v * site.supply_v
        values = ("driver.wire_capacitance_per_cell_f", *site.of("cell.read_voltage_v"), "supply_v", "array.rows")
        each = Price(joules, "cells of a line x C_wire V_read Vdd", (*values, "array.cols", "dac_bits"))
        each = each.also(*lines.origins, *site.of("cell_bits", "sign"))
        said = f"{lines.said} x columns of a line" if columns > 1 else lines.said
        return Component("cells", amount, "lines charged", said, each, per_line=True)

    def cell_area(self, site: Site) -> Price:
        """Cell with its selector."""
        return self.cell.area_price(f"{site.at}.cell")

    def settling(self, site: Site) -> Price:
        """The cell's read time."""
        return Price(self.cell.read_time_s, "t_read", site.of("cell.read_time_s"))

    @property
    def window(self) -> tuple[str, ...]:
        """The cell's conductances."""
        return _WINDOW

    def read_out(self, site: Site, weights: Weights) -> tuple[Component, ...]:
        """Every cell conducts once, row by row, and every line is converted; a conversion sees mean cells.

        Levels of single cells need no replica.
        """
        grid, crossed_s = weights.grid, self._of_weights_s(weights)
        empty = 0 if grid.held is None else grid.crossed - grid.cells
        sums_s = np.asarray(crossed_s - empty * self.cell.conductance_min_s, dtype=np.float64)
        conversions = grid.weights * self.lines_of_a_weight(grid.geometry)
        converting = self.conversion(site, sums_s / conversions).also(*self.joining(site))
        replicas = None if self.replica_by_level_s is None else self.replicas(site)
        more, origins = (0, ()) if replicas is None else (replicas.columns, replicas.origins)
        driving = site.driver.energy_price(site.cols + more, site.supply_v).also("array.cols", *origins)
        start, follows = "conductance at the task's start of cells in use", self.adc.follows_conductance
        said = "weights x lines of a weight"
        parts = (
            Component("cells", sums_s, "siemens read", start, self._siemens(site), codes=True),
            Component("adc", conversions, "conversions", said, converting, codes=follows),
            Component("driver", grid.rows, "rows driven", "rows in use", driving),
        )
        return with_control(self, site, parts)

    def row_write_time(self, site: Site) -> Price:
        """Pulses of the two directions and verify reads of a row's cells, in their turns."""
        return self._row_price(site, float(self._row_s(site, np.array(float(site.cols)))))

    def write_energy(self, site: Site) -> Price:
        """One number where every level change costs the same (rule ``flat``), else one for each pair of levels."""
        each = event_price(self.cell, self.cell_bits, self.write_rule, site.at)
        if self.write_rule == "flat":
            return Price(float(np.max(each.value)), each.formula, each.origins)
        return each

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

    def fixed_cells(self, site: Site, grid: PeGrid) -> tuple[Numbers, Price] | None:
        """Replica cells that are raised, each by one event from the lowest level."""
        replicas = None if self.replica_by_level_s is None else self.replicas(site)
        if replicas is None:
            return None
        each = event_price(self.cell, self.cell_bits, self.write_rule, site.at)
        joules = np.asarray(each.value)[0, replicas.raised_level]
        return replicas.raised(grid, site), Price(float(joules), each.formula, each.origins).also(*replicas.origins)

    @property
    def parallel_pes(self) -> int:
        """``parallel_write_pes``."""
        return self.parallel_write_pes

    def pe_write_s(self, site: Site, events: Numbers, rows: Numbers) -> Floats:
        """Rows one after the other, each as long as its cells take together by expectation."""
        together = np.divide(events, rows, out=np.ones(rows.shape), where=rows > 0)
        return np.asarray(rows * self._row_s(site, np.maximum(together, 1.0)), dtype=np.float64)

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
        return np.asarray(slowest / mean * self._row_s(site, count), dtype=np.float64)

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
        found = list(super().doubts(site))
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

    def _row_s(self, site: Site, cells: Floats) -> Floats:
        """Return the time (s) of a row of which ``cells`` are written together.

        A converter verifies all columns behind its lines, cell by cell.
        """
        columns = self.columns_per_adc * min(self.columns_a_line, site.geometry.encoding.cells_per_weight)
        return row_write_time_s(self.cell, self.cell_bits, cells, columns)

    def _row_price(self, site: Site, seconds: float | Floats) -> Price:
        names = ("pulse_time_s", "verify_time_s", "pulses_mean", "pulses_p99", "set_pulse_share")
        cell = (f"cell.{name}" for name in names)
        own = ("cell_bits", "sign", "pair", "columns_per_adc", "joined_columns", "parallel_write_pes")
        return Price(seconds, _ROW_TIME, _of(site, *cell, *own))


def _of(site: Site, *names: str) -> tuple[str, ...]:
    """Dotted paths of values of the memory."""
    return tuple(f"{site.at}.{name}" for name in names)


def _when(lines: Lines) -> str:
    """Which codes stand in the cells."""
    return "end" if lines.after else "start"
