"""Ageing-aware row swapping: every few tasks the most worn row of each PE changes places with the least worn one.

Swapping rows by their age is published with the gradient sparsification of Long Live TIME (DAC 2018, abstract:
hdl.handle.net/1721.1/129549), which together lengthen life 356 times; how its rows are chosen, the abstract does not
say. Design choice: one counter a row, its cycles so far; one pair a PE and time; no swap where the most worn row is by
now written less than the least worn one, since that would give the worn row more to do.

Shape letters: P PEs of a layer, R rows, C columns.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.wear.ledger import WearLedger
from imcsim.core.errors import ConfigError
from imcsim.life.cycles import CellRates, event_cycles
from imcsim.life.event_energy import moves_j
from imcsim.life.options import LifeOptions
from imcsim.memory.macro import Macro
from imcsim.trace.trace import Trace

TURNS = 16  # swaps simulated for each row of a PE: the mean rates then lie within a few percent of their limit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Swapping:
    """Rates with swapping, and its cost per task, copies included: swaps of two rows, events, energy (J), time (s).

    ``simulated_tasks`` is the time over which rates are means; a shorter life is levelled less.
    """

    rates: CellRates
    swaps_per_task: float
    events_per_task: float
    energy_per_task_j: float
    time_per_task_s: float
    simulated_tasks: int


@dataclass
class SwappedPes:
    """PEs of one layer while rows change places.

    Parameters
    ----------
    rates
        (P, R, C) cycles per task of each cell of the rows as learning sees them (logical rows).
    levels
        (P, R, C) what those cells hold.
    cycles
        Full-window cycles of an event across the window, and of a weaker one.
    level_count
        Levels of a cell.
    """

    rates: NDArray[np.floating]
    levels: NDArray[np.integer]
    cycles: tuple[float, float]
    level_count: int
    hosted: Ints = field(init=False)
    wear: Floats = field(init=False)
    transitions: Ints = field(init=False)
    swaps: Ints = field(init=False)
    events: Ints = field(init=False)
    _flushed: Ints = field(init=False)
    _tasks: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        pes, rows, _ = self.rates.shape
        self.hosted = np.tile(np.arange(rows), (pes, 1))  # which logical row lies in each row of the array
        self.wear = np.zeros(self.rates.shape)  # of rows of the array; brought up to date when a row moves
        self.transitions = np.zeros((self.level_count, self.level_count), dtype=np.int64)
        self.swaps, self.events = np.zeros(pes, np.int64), np.zeros(pes, np.int64)
        self._flushed = np.zeros((pes, rows), np.int64)
        self._busy = self.rates.sum(axis=2, dtype=np.float64)  # cycles per task of what lies in each row of the array
        self._age = np.zeros((pes, rows))

    def learn(self, tasks: int) -> None:
        """Let ``tasks`` tasks write the rows where they lie."""
        self._tasks += tasks
        self._age += tasks * self._busy

    def swap(self) -> None:
        """Exchange the contents of the most and the least worn row of each PE, where that spares the worn one."""
        every = np.arange(len(self._age))
        worn, fresh = self._age.argmax(axis=1), self._age.argmin(axis=1)
        pes = every[self._busy[every, worn] > self._busy[every, fresh]]
        if not len(pes):
            return
        worn, fresh = worn[pes], fresh[pes]
        for rows in (worn, fresh):
            self._flush(pes, rows)
        old = self.levels[pes, self.hosted[pes, worn]].astype(np.int64)
        new = self.levels[pes, self.hosted[pes, fresh]].astype(np.int64)
        distance = np.abs(old - new)
        cost = np.where(distance == self.level_count - 1, self.cycles[0], self.cycles[1]) * (distance > 0)
        for rows in (worn, fresh):
            self.wear[pes, rows] += cost
            self._age[pes, rows] += cost.sum(axis=1)
        pairs = np.bincount((old * self.level_count + new).ravel(), minlength=self.level_count**2)
        both = pairs.reshape(self.level_count, self.level_count)
        self.transitions += both + both.T - np.diag(np.diag(2 * both))
        self.events[pes] += 2 * (distance > 0).sum(axis=1)
        self.swaps[pes] += 1
        for lies in (self.hosted, self._busy):
            lies[pes, worn], lies[pes, fresh] = lies[pes, fresh], lies[pes, worn]

    def settle(self) -> Floats:
        """Return (P, R, C) cycles of each cell of the array so far."""
        for row in range(self.hosted.shape[1]):
            self._flush(np.arange(len(self.hosted)), np.full(len(self.hosted), row))
        return self.wear

    def _flush(self, pes: Ints, rows: Ints) -> None:
        since = (self._tasks - self._flushed[pes, rows]).astype(np.float64)
        self.wear[pes, rows] += since[:, None] * self.rates[pes, self.hosted[pes, rows]]
        self._flushed[pes, rows] = self._tasks


def swap(
    trace: Trace, rates: CellRates, ledger: WearLedger, macro: Macro, options: LifeOptions, tasks: float = math.inf
) -> Swapping:
    """Swap rows every ``swap_every_tasks`` tasks, simulated swap by swap on the rates of ``rates``.

    The simulation runs for :data:`TURNS` swaps of each row, or over ``tasks`` tasks if those are fewer. A swap writes
    both rows: a cell whose level differs between them is one event in each. Codes are those after the last task.
    Nothing is charged for the counters (one a row), the row table or for reading the two rows out.

    Raises
    ------
    ConfigError
        If the options name no period.
    """
    period = options.swap_every_tasks
    if period is None:
        raise ConfigError("swap_every_tasks is not given")
    encoding = ledger.geometry.encoding
    count = max(1, int(min(TURNS * ledger.geometry.rows, tasks // period)))
    layers, joules, events, swaps, seconds = {}, 0.0, [], [], 0.0
    layout = ledger.placed
    for at, (spec, wear) in enumerate(ledger):
        layer = rates.layers[spec.name]
        levels = layout.to_arrays(encoding.levels(trace.codes[spec.name][-1]).astype(np.int8), at)
        written = np.flatnonzero(layer.any(axis=(1, 2)))
        pes = SwappedPes(layer[written], levels[written], event_cycles(wear, macro, options), encoding.level_count)
        for _ in range(count):
            pes.learn(period)
            pes.swap()
        layers[spec.name] = np.zeros_like(layer)
        layers[spec.name][written] = (pes.settle() / (count * period)).astype(np.float32)
        joules += moves_j(pes.transitions, macro)
        events.append(pes.events)
        swaps.append(pes.swaps)
    done, moved = np.concatenate(events), np.concatenate(swaps)
    if done.size:
        seconds = macro.memory.write_time(macro.site, done[None], 2.0 * moved[None].astype(np.float64)).total
    each = rates.copies / (count * period)
    return Swapping(
        CellRates(layers, rates.cells, rates.copies, rates.layout), float(moved.sum()) * each, float(done.sum()) * each,
        joules * each, seconds * each, count * period,
    )  # fmt: skip
