"""What a scheme costs over a whole stream: programming, wear, area, deployment, and what it reads at power-up.

Everything is counted on the codes of the trace: with two copies the codes that a commit overwrites are those of the
commit before last, so that more cells change level at each commit while each cell is written at every second one.

Shape letters: T tasks, K cells per weight, G groups, D fan-in, N outputs, P PEs of the network.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.area import rram_pe_area
from imcsim.chip.profile import profile_of
from imcsim.chip.report import Lifetime
from imcsim.chip.switching import switched_in
from imcsim.chip.wear.cell_writes import CellWrites, counted, joined, switch_counts
from imcsim.chip.wear.lifetime import lifetime_at, rram_lifetime
from imcsim.events.consolidate.memory import Memory, deployed, levels_of
from imcsim.events.consolidate.recovery import recovery_graph
from imcsim.events.consolidate.rows import rows_to_write
from imcsim.events.consolidate.scheme import CommitScheme, commits_by_task, rram_of
from imcsim.events.engine import run
from imcsim.events.work import Work, work_of

Counts = dict[str, NDArray[np.uint16]]  # layer -> (K, G, D, N)


@dataclass(frozen=True)
class RecordCost:
    """The ring of records: its cells, what a mark takes per commit, and how long it lasts if every task commits."""

    slots: int
    cells: int
    events_per_commit: float
    worst_per_commit: float
    life: Lifetime


@dataclass(frozen=True)
class SchemeCost:
    """One scheme over the stream of a trace.

    Parameters
    ----------
    scheme, pes
        Which, and how many PEs are ever committed.
    events, programming_j
        Per commit, the mean over the tasks that commit, of weight cells.
    worst
        Most events of any weight cell over the stream.
    life
        At that rate.
    deployment_j
        Programming the second copy, once (J).
    area_m2
        (cells and row drivers alone, converters shared; whole PEs) of the second copy, records included.
    power_up
        (s, J) of what is read before the chip serves.
    records
        None with one copy.
    """

    scheme: CommitScheme
    pes: int
    commits: int
    cells: int
    events: float
    programming_j: float
    worst: int
    life: Lifetime
    deployment_j: float
    area_m2: tuple[float, float]
    power_up: tuple[float, float]
    records: RecordCost | None


def scheme_cost(work: Work, scheme: CommitScheme) -> SchemeCost:
    """Return what ``scheme`` costs over all tasks of the trace of ``work``.

    Raises
    ------
    EventsError
        As :func:`~imcsim.events.consolidate.scheme.commits_by_task`, for any task.
    """
    last = work_of(work.trace, work.chip, -1)
    commits = commits_by_task(last)
    ever: NDArray[np.bool_] = np.asarray(commits.any(axis=0))
    memory, tasks = _start(last, scheme), int(commits.any(axis=1).sum())
    events, joules, turned, counts, memory = _commits(last, commits, memory)
    cells = int(memory.grid.cells[ever].sum()) * len(memory.copies)
    written = _written(last, counts, cells)
    power_up = run(recovery_graph(last, memory))
    second = len(memory.copies) == 2
    return SchemeCost(
        scheme=scheme,
        pes=int(ever.sum()),
        commits=tasks,
        cells=cells,
        events=sum(events) / max(tasks, 1),
        programming_j=sum(joules) / max(tasks, 1),
        worst=written.worst,
        life=rram_lifetime(work.chip, written),
        deployment_j=_first_programming_j(last, memory, ever) if second else 0.0,
        area_m2=_area(last, scheme, ever) if second else (0.0, 0.0),
        power_up=(power_up.makespan_s, power_up.energy_j),
        records=_records(last, scheme, turned, tasks) if second else None,
    )


def _start(work: Work, scheme: CommitScheme) -> Memory:
    grid = profile_of(work.trace, work.chip.geometry).grid
    initial = {name: values[0] for name, values in work.trace.codes.items()}
    return deployed(work.trace.meta.layers, grid, initial, scheme.record_slots if scheme.name == "two-copy" else None)


def _written(work: Work, copies: list[Counts], cells: int) -> CellWrites:
    """Return how often weight cells are written: by commits, and by task switches, which rewrite the copy in force."""
    trace, switched = work.trace, switched_in(work.trace, work.chip)[0]
    encoding = profile_of(trace, work.chip.geometry).geometry.encoding
    tables = []
    for counts in copies:
        for name, events in counts.items():
            tables.append(counted(events, switch_counts(trace, encoding, name) if name in switched else None))
    return joined(tables, cells, trace.meta.tasks, in_force=1 / len(copies))


def _commits(
    work: Work, commits: NDArray[np.bool_], memory: Memory
) -> tuple[list[int], list[float], int, list[Counts], Memory]:
    """Commit task after task; return events and joules of weight cells (T), of record cells, and of each cell."""
    part, events, joules, turned = rram_of(work), [], [], 0
    counts = [{k: np.zeros(v.shape, np.uint16) for k, v in levels.items()} for levels in memory.copies]
    for task, pes in enumerate(commits):
        codes = {name: values[task + 1] for name, values in work.trace.codes.items()}
        target = levels_of(codes, memory.encoding)
        copies = (~memory.valid()).astype(np.int64) if memory.records is not None else np.zeros(len(pes), np.int64)
        rows = rows_to_write(memory, copies, target, pes, part)
        after = memory.committed(pes, target) if pes.any() else memory
        for total, old, new in zip(counts, memory.copies, after.copies, strict=True):
            for name, changed in total.items():
                changed += old[name] != new[name]
        if memory.records is not None and after.records is not None:
            turned += int((memory.records.maps != after.records.maps).sum())
            turned += int((memory.records.marks != after.records.marks).sum())
        events.append(int(rows.cells.sum()))
        joules.append(float(rows.energy_j.sum()))
        memory = after
    return events, joules, turned, counts, memory


def _first_programming_j(work: Work, memory: Memory, ever: NDArray[np.bool_]) -> float:
    """Joules of programming the initial codes into erased cells of the PEs of ``ever`` (P,)."""
    initial = levels_of({name: values[0] for name, values in work.trace.codes.items()}, memory.encoding)
    erased = replace(memory, copies=({k: np.zeros_like(v) for k, v in initial.items()},), records=None)
    rows = rows_to_write(erased, np.zeros(len(ever), np.int64), initial, ever, rram_of(work))
    return float(rows.energy_j.sum())


def _area(work: Work, scheme: CommitScheme, ever: NDArray[np.bool_]) -> tuple[float, float]:
    part, pes = rram_of(work), int(ever.sum())
    parts = rram_pe_area(work.chip, part)
    records = scheme.record_slots * (len(ever) + 1) * part.cell.area_m2
    return pes * (parts["cells"] + parts["driver"]) + records, pes * sum(parts.values()) + records


def _records(work: Work, scheme: CommitScheme, turned: int, tasks: int) -> RecordCost:
    """A mark turns once in as many commits as there are slots; a cell of a map at most as often."""
    cell, slots = rram_of(work).cell, scheme.record_slots
    cells = slots * (work.where.in_rram.shape[1] + 1)
    each = CellWrites(np.ones(1, np.int64), np.zeros(1), np.array([cells]), cells, slots)
    life = lifetime_at(each.per_task(0.0), each, cell, work.chip.horizon.tasks_per_day)
    return RecordCost(slots, cells, turned / max(tasks, 1), 1.0 / slots, life)
