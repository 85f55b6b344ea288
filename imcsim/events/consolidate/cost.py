"""What a scheme costs over a whole stream: programming, wear, area, deployment, and what it reads at power-up.

Everything is counted on the codes of the trace: with two copies the codes that a commit overwrites are those of the
commit before last, so that more cells change level at each commit while each cell is written at every second one.

Shape letters: F placement phases, K cells per weight, G groups, D fan-in, N outputs, P PEs of the network.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.report import Lifetime
from imcsim.chip.wear.cell_writes import CellWrites, counted, joined, switch_counts
from imcsim.chip.wear.lifetime import lifetime_at, lifetime_of
from imcsim.events.consolidate.memory import Memory, levels_of
from imcsim.events.consolidate.recovery import recovery_graph
from imcsim.events.consolidate.rows import rows_to_write
from imcsim.events.consolidate.scheme import CommitScheme, commits_by_phase, first_memory, home_of
from imcsim.events.engine import run
from imcsim.events.work import Work

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
        Per commit, the mean over the phases that commit, of weight cells.
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
        As :func:`~imcsim.events.consolidate.scheme.commits_by_phase`, for any phase.
    """
    last = replace(work, phase=work.placed.phases - 1)
    commits = commits_by_phase(last)
    ever: NDArray[np.bool_] = np.asarray(commits.any(axis=0))
    memory, times = first_memory(last, scheme), int(commits.any(axis=1).sum())
    events, joules, turned, counts, memory = _commits(last, commits, memory)
    cells = int(memory.grid.cells[ever].sum()) * len(memory.copies)
    written = _written(last, counts, cells)
    power_up = run(recovery_graph(last, memory))
    second = len(memory.copies) == 2
    return SchemeCost(
        scheme=scheme,
        pes=int(ever.sum()),
        commits=times,
        cells=cells,
        events=sum(events) / max(times, 1),
        programming_j=sum(joules) / max(times, 1),
        worst=written.worst,
        life=lifetime_of(home_of(last).memory.endurance, written, work.chip.horizon),
        deployment_j=_first_programming_j(last, memory, ever) if second else 0.0,
        area_m2=_area(last, scheme, ever) if second else (0.0, 0.0),
        power_up=(power_up.makespan_s, power_up.energy_j),
        records=_records(last, scheme, turned, times) if second else None,
    )


def _written(work: Work, copies: list[Counts], cells: int) -> CellWrites:
    """Return how often weight cells are written: by commits, and by task switches, which rewrite the copy in force."""
    trace, switched = work.trace, work.placed.switched[0]
    encoding = home_of(work).site.geometry.encoding
    tables = []
    for counts in copies:
        for name, events in counts.items():
            tables.append(counted(events, switch_counts(trace, encoding, name) if name in switched else None))
    return joined(tables, cells, trace.meta.tasks, in_force=1 / len(copies))


def _commits(
    work: Work, commits: NDArray[np.bool_], memory: Memory
) -> tuple[list[int], list[float], int, list[Counts], Memory]:
    """Commit phase after phase; return events and joules of weight cells (F), of record cells, and of each cell."""
    home, events, joules, turned = home_of(work), [], [], 0
    counts = [{k: np.zeros(v.shape, np.uint16) for k, v in levels.items()} for levels in memory.copies]
    for phase, pes in enumerate(commits):
        codes = {name: values[phase + 1] for name, values in work.trace.codes.items()}
        target = levels_of(codes, memory.encoding)
        copies = (~memory.valid()).astype(np.int64) if memory.records is not None else np.zeros(len(pes), np.int64)
        rows = rows_to_write(memory, copies, target, pes, home)
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
    rows = rows_to_write(erased, np.zeros(len(ever), np.int64), initial, ever, home_of(work))
    return float(rows.energy_j.sum())


def _area(work: Work, scheme: CommitScheme, ever: NDArray[np.bool_]) -> tuple[float, float]:
    home, pes = home_of(work), int(ever.sum())
    pieces = home.memory.area(home.site)
    records = scheme.record_slots * (len(ever) + 1) * float(pieces["cells"].each.value)
    own = sum(pieces[name].area_m2 for name in ("cells", "driver") if name in pieces)
    return pes * own + records, pes * home.macro.pe_area_m2 + records


def _records(work: Work, scheme: CommitScheme, turned: int, commits: int) -> RecordCost:
    """A mark turns once in as many commits as there are slots; a cell of a map at most as often."""
    home, slots = home_of(work), scheme.record_slots
    cells = slots * (home.grid.count + 1)
    each = CellWrites(np.ones(1, np.int64), np.zeros(1), np.array([cells]), cells, slots)
    life = lifetime_at(each.per_task(0.0), each, home.memory.endurance, work.chip.horizon.tasks_per_day)
    return RecordCost(slots, cells, turned / max(commits, 1), 1.0 / slots, life)
