"""A consolidation as a task graph: rows of each PE, and with two copies the read-back, the record and its mark.

- A row's codes are read from SRAM (or, for PEs that train in RRAM, the master copy), then the row is written. The rows
  of a PE follow one another; ``parallel_write_pes`` PEs are written at once, each to its end.
- Two copies: a PE's written rows are read back once through its own converters; when all PEs are, the changed rows of
  the record are written and read back, then the mark: one cell, one programming event.

Shape letters: P PEs of the network, W row writes.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank
from imcsim.core.errors import EventsError
from imcsim.events.consolidate.memory import UNSETTLED, Levels, Mask, Memory, levels_of
from imcsim.events.consolidate.read_back import codes_j, mean_cell_j, read_out_j
from imcsim.events.consolidate.rows import Rows, event_energies_j, row_times_s, rows_to_write
from imcsim.events.consolidate.scheme import CommitScheme, commits_by_phase, home_of, memory_before
from imcsim.events.graph import GraphBuilder, Task, TaskGraph
from imcsim.events.work import Work

Ints = NDArray[np.int64]

_DRIVERS, _RECORDS = "write drivers", "records"


@dataclass(frozen=True)
class Consolidation:
    """The commit at the end of one phase.

    Parameters
    ----------
    work, scheme
        What is committed, and how.
    before, target
        The home memory at its beginning, and the levels of the new codes.
    pes, copies
        (P,): PEs that are committed, and the copy that each of them is written to.
    rows, row_tasks
        The row writes, and the task of each in ``graph``, (W,).
    map_tasks, mark_task
        Tasks that write rows of the record, as (task, first PE of the row); the task that turns the mark, None with one
        copy or if nothing is committed.
    """

    work: Work
    scheme: CommitScheme
    before: Memory = field(repr=False)
    target: Levels = field(repr=False)
    pes: Mask
    copies: Ints
    rows: Rows
    row_tasks: Ints
    map_tasks: tuple[tuple[int, int], ...]
    mark_task: int | None
    graph: TaskGraph = field(repr=False)

    @property
    def task(self) -> int:
        """The task whose codes are committed."""
        return self.work.task

    @cached_property
    def old(self) -> dict[str, NDArray[np.int32]]:
        """Layer -> (G, D, N) codes of the last commit of each PE: what the home memory holds at the beginning."""
        return self.before.codes()

    @cached_property
    def new(self) -> dict[str, NDArray[np.int32]]:
        """Layer -> (G, D, N) codes of this commit: what the home memory holds at its end."""
        return self.before.committed(self.pes, self.target).codes()


def consolidation(
    work: Work, scheme: CommitScheme, generator: np.random.Generator | None = None, before: Memory | None = None
) -> Consolidation:
    """Return the commit of the phase of ``work`` under ``scheme``.

    Parameters
    ----------
    generator
        Draws the pulses of each row; None takes their mean.
    before
        What the home memory holds, such as after a power cut; None: deployment and every commit since.

    Raises
    ------
    EventsError
        As :func:`~imcsim.events.consolidate.scheme.commits_by_phase`, if it commits nothing, or if ``before`` is
        of the other scheme or was not recovered.
    """
    home, pes = home_of(work), commits_by_phase(work)[work.phase]
    name = home.name.upper()
    if not pes.any():
        raise EventsError(f"task {work.task} commits no PE: its method trained none that has a home in {name}")
    memory = memory_before(work, scheme) if before is None else before
    if (memory.records is None) != (scheme.name == "in-place"):
        raise EventsError(f"what {name} holds is not of scheme '{scheme.name}'")
    if memory.records is not None and (memory.records.marks == UNSETTLED).any():
        raise EventsError("a mark is unsettled since the last power cut: recover before the next commit")
    codes = {name: values[work.phase + 1] for name, values in work.trace.codes.items()}
    target = levels_of(codes, memory.encoding)
    copies = np.zeros(memory.grid.count, np.int64) if memory.records is None else (~memory.valid()).astype(np.int64)
    rows = rows_to_write(memory, copies, target, pes, home)
    builder = _Builder(work, home, generator)
    row_tasks, ends = builder.rows(rows, read_back=memory.records is not None)
    map_tasks, mark = builder.record(memory, pes, ends) if memory.records is not None else ((), None)
    return Consolidation(
        work, scheme, memory, target, pes, copies, rows, row_tasks, map_tasks, mark, builder.build.build()
    )


class _Builder:
    def __init__(self, work: Work, home: Bank, generator: np.random.Generator | None) -> None:
        self.work, self.chip, self.home, self.generator = work, work.chip, home, generator
        self.grid = home.grid
        self.build = GraphBuilder()
        self.build.resource(_DRIVERS, home.memory.parallel_pes or math.inf)
        self.row_j = read_out_j(home, work.phase + 1) / self.grid.rows  # to read one row of a PE as it is written
        away = work.placed.volatile
        self.away = away if away is None else (away, codes_j(away, home, work.phase + 1))

    def rows(self, rows: Rows, *, read_back: bool) -> tuple[Ints, list[int]]:
        """Add the row writes; return their tasks, and the last task of each PE."""
        seconds, tasks, ends = row_times_s(rows.cells, self.home, self.generator), [], []
        read, after, first = (), (), 0  # type: tuple[int, ...], tuple[int, ...], int
        for i in range(rows.count):
            pe = int(rows.pe[i])
            if i == 0 or pe != rows.pe[i - 1]:
                read, after, first = (), (), i
            read = (self.build.add(self._read(pe, read)),)
            name = f"PE {pe} row {rows.row[i]}"
            write = Task(
                name, _DRIVERS, float(seconds[i]), float(rows.energy_j[i]), (*read, *after), pe, phase="row write"
            )
            after = (self.build.add(write),)
            tasks.append(after[0])
            if i + 1 == rows.count or rows.pe[i + 1] != pe:
                ends.append(self._back(pe, i + 1 - first, after) if read_back else after[0])
        return np.array(tasks, dtype=np.int64), ends

    def record(self, memory: Memory, pes: Mask, after: list[int]) -> tuple[tuple[tuple[int, int], ...], int]:
        """Add the record and its mark; return their tasks."""
        if memory.records is None:
            raise EventsError("a memory of one copy has no record")
        changed = (memory.valid() ^ pes) != memory.records.maps[memory.records.next_slot()]
        event_j = float(event_energies_j(self.home)[0, -1])
        gate, width, writes = self.build.meet(after), self.home.site.cols, []
        for start in range(0, len(pes), width):
            cells = np.array([int(changed[start : start + width].sum())])
            if cells[0]:
                seconds = float(row_times_s(cells, self.home, self.generator)[0])
                joules = event_j * int(cells[0])
                gate = (
                    self.build.add(Task(f"record from PE {start}", _DRIVERS, seconds, joules, gate, phase="record")),
                )
                writes.append((gate[0], start))
        gate = (self.build.add(self._record_back(len(pes), gate)),)
        seconds = float(row_times_s(np.ones(1, np.int64), self.home, self.generator)[0])
        mark = self.build.add(Task("mark", _DRIVERS, seconds, event_j, gate, phase="mark"))
        return tuple(writes), mark

    def _read(self, pe: int, after: tuple[int, ...]) -> Task:
        outputs, chip = int(self.grid.outputs[pe]), self.chip
        if self.away is not None and not self.home.trains[self.work.phase, pe]:
            bank, weight_j = self.away
            seconds, joules = float(bank.sheet.row_read.value), outputs * float(weight_j[pe])
            return Task(f"PE {pe} codes", f"{bank.name} PE {pe}", seconds, joules, after, phase="read codes")
        bits, place = outputs * chip.master_copy.bits, chip.master_copy.location
        if place == "buffer":
            takes, costs = chip.buffer.time_price(), chip.buffer.read_price()
        else:
            takes, costs = chip.dram.time_price(), chip.dram.energy_price()
        seconds, joules = bits * float(takes.value), bits * float(costs.value)
        return Task(f"PE {pe} codes", place, seconds, joules, after, phase="read codes")

    def _back(self, pe: int, rows: int, after: tuple[int, ...]) -> int:
        seconds, joules = rows * row_read_s(self.home), rows * float(self.row_j[pe])
        return self.build.add(Task(f"PE {pe} read back", f"array PE {pe}", seconds, joules, after, phase="read back"))

    def _record_back(self, bits: int, after: tuple[int, ...]) -> Task:
        seconds, joules = record_read(self.work, bits)
        return Task("record read back", _RECORDS, seconds, joules, after, phase="record")


def record_read(work: Work, bits: int) -> tuple[float, float]:
    """Return (s, J) of reading one record of ``bits`` bits and its mark through the converters of one PE."""
    home = home_of(work)
    rows = -(-(bits + 1) // home.site.cols)
    return rows * row_read_s(home), mean_cell_j(home) * (bits + 1)


def row_read_s(bank: Bank) -> float:
    """Seconds of reading one row."""
    return float(bank.sheet.row_read.value)
