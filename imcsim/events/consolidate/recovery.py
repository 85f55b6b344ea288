"""After power-up: what each scheme reads and serves, and what of it is right.

One copy has nothing to read: the chip serves what its cells hold and cannot know that rows are torn. With two copies it
reads the ring of records, takes the newest, and settles the mark that it decided by, so that no later power-up reads it
otherwise; nothing is copied. A second cut in the middle of that leaves the ring as it was.

Shape letters: G groups, D fan-in, N outputs, P PEs of the network.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import EventsError
from imcsim.events.consolidate.graph import Consolidation, record_read
from imcsim.events.consolidate.memory import UNSETTLED, Memory
from imcsim.events.consolidate.rows import event_energies_j, row_times_s
from imcsim.events.consolidate.scheme import home_of
from imcsim.events.engine import run
from imcsim.events.graph import GraphBuilder, Task, TaskGraph
from imcsim.events.work import Work
from imcsim.mapping.masks import reduce_to_pes
from imcsim.trace.trace import Trace

Whole = Literal["old", "new", "neither"]
PE_STATES = ("same", "old", "new", "torn")

DEPLOYMENT = -1


@dataclass(frozen=True)
class Recovered:
    """What a chip serves after a power cut, held against the codes of the trace.

    Parameters
    ----------
    codes
        Layer -> int32 (G, D, N), from cells and records alone.
    memory
        RRAM after recovery, its marks settled.
    whole
        "old": exactly the codes of the last committed task (or of deployment); "new": exactly those that were being
        committed; "neither" otherwise.
    pe_state
        (P,) of ``PE_STATES``: not to be changed, as before the commit, as after it, or a mixture.
    wrong
        Layer -> bool (G, D, N): weights that are not those of the last whole commit.
    torn_weights
        Weights that have neither their old nor their new code.
    tasks_lost
        Committed tasks that use a wrong weight (-1: deployment, if no task was committed yet).
    train_again
        Whether the task that was being committed is lost: its weights were in SRAM.
    time_s, energy_j
        What recovery reads and writes before the chip serves.
    """

    codes: dict[str, NDArray[np.int32]] = field(repr=False)
    memory: Memory = field(repr=False)
    whole: Whole
    pe_state: NDArray[np.str_] = field(repr=False)
    wrong: dict[str, NDArray[np.bool_]] = field(repr=False)
    torn_weights: int
    tasks_lost: tuple[int, ...]
    train_again: bool
    time_s: float
    energy_j: float

    @property
    def wrong_weights(self) -> int:
        """Weights that are not those of the last whole commit."""
        return sum(int(wrong.sum()) for wrong in self.wrong.values())

    def pes(self, state: str) -> int:
        """Return how many PEs are in ``state``, one of ``PE_STATES``."""
        return int((self.pe_state == state).sum())


def recover(found: Consolidation, memory: Memory, unsettled_as: int = 0) -> Recovered:
    """Return what the chip of ``found`` serves from ``memory`` after power-up.

    Parameters
    ----------
    memory
        What :func:`~imcsim.events.consolidate.cut.power_cut` left.
    unsettled_as
        0 or 1: how a mark reads whose event was cut.
    """
    codes = memory.codes(unsettled_as)
    whole, lost = _against(found, codes)
    wrong = {k: codes[k] != (found.new if whole == "new" else found.old)[k] for k in codes}
    schedule = run(recovery_graph(found.work, memory))
    return Recovered(
        codes=codes,
        memory=_settled(memory, unsettled_as),
        whole=whole,
        pe_state=_pe_states(found, codes, lost),
        wrong=wrong,
        torn_weights=sum(int(part.sum()) for part in lost.values()),
        tasks_lost=_tasks_lost(found, wrong) if whole == "neither" else (),
        train_again=whole != "new",
        time_s=schedule.makespan_s,
        energy_j=schedule.energy_j,
    )


def recovery_graph(work: Work, memory: Memory) -> TaskGraph:
    """Return recovery as a graph: every record is read, then an unsettled mark is programmed; empty with one copy."""
    build, records = GraphBuilder(), memory.records
    if records is None:
        return build.build()
    home = home_of(work)
    after: tuple[int, ...] = ()
    seconds, joules = record_read(work, memory.grid.count)
    for slot in range(len(records.marks)):
        after = (build.add(Task(f"record {slot}", "records", seconds, joules, after, phase="recovery")),)
    if (records.marks == UNSETTLED).any():
        event_j = float(event_energies_j(home)[0, -1])
        once = float(row_times_s(np.ones(1, np.int64), home)[0])
        build.add(Task("settle the mark", "write drivers", once, event_j, after, phase="recovery"))
    return build.build()


def cut_again(work: Work, memory: Memory, at_s: float, unsettled_as: int = 0) -> Memory:
    """Return what RRAM holds if power goes again, ``at_s`` into the recovery of ``memory``.

    Raises
    ------
    EventsError
        For a time outside the recovery.
    """
    schedule = run(recovery_graph(work, memory))
    if not 0 <= at_s <= schedule.makespan_s:
        raise EventsError(f"recovery lasts from 0 to {schedule.makespan_s:g} s, and the cut is at {at_s:g} s")
    return _settled(memory, unsettled_as) if at_s == schedule.makespan_s else memory


def recovered_trace(found: Consolidation, recovered: Recovered) -> Trace:
    """Return the trace with the recovered codes in the place of the last committed ones.

    ``imcsim.network_after(recovered_trace(...), task - 1)`` is the network that the chip serves: its biases and
    batch-norm are those of the last commit (-1: of deployment), for the chip model has no place for them in RRAM.
    """
    codes, first = {}, found.work.trace.meta.phase_tasks.index(found.task)  # commit at which the task began
    for name, values in found.work.trace.codes.items():
        codes[name] = values.copy()
        codes[name][first] = recovered.codes[name]
    return replace(found.work.trace, codes=codes, cache={})


def _against(found: Consolidation, codes: dict[str, NDArray[np.int32]]) -> tuple[Whole, dict[str, NDArray[np.bool_]]]:
    """Return which commit ``codes`` are as a whole, and which weights are of neither."""
    old, new = found.old, found.new
    lost = {k: (codes[k] != old[k]) & (codes[k] != new[k]) for k in codes}
    if all(np.array_equal(codes[k], new[k]) for k in codes):
        return "new", lost
    return ("old" if all(np.array_equal(codes[k], old[k]) for k in codes) else "neither"), lost


def _pe_states(
    found: Consolidation, codes: dict[str, NDArray[np.int32]], lost: dict[str, NDArray[np.bool_]]
) -> NDArray[np.str_]:
    grid = found.before.grid
    changes = _any_in_pe(found, {k: found.old[k] != found.new[k] for k in codes})
    not_old = _any_in_pe(found, {k: codes[k] != found.old[k] for k in codes})
    not_new = _any_in_pe(found, {k: codes[k] != found.new[k] for k in codes})
    state = np.full(grid.count, "torn")
    state[~not_old & changes] = "old"
    state[~not_new & changes] = "new"
    state[~changes & ~_any_in_pe(found, lost)] = "same"
    return state


def _any_in_pe(found: Consolidation, weights: dict[str, NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """(P,): whether any weight of a PE is True."""
    geometry = found.before.grid.geometry
    tile = (geometry.weight_rows, geometry.weight_cols)
    return np.concatenate([reduce_to_pes(weights[spec.name], tile, "any").ravel() for spec in found.before.layers])


def _tasks_lost(found: Consolidation, wrong: dict[str, NDArray[np.bool_]]) -> tuple[int, ...]:
    """Committed tasks one of whose weights is wrong: all weights, unless the trace tells which a task uses."""
    active, last = found.work.trace.active, found.work.trace.meta.last_phases
    if found.task == 0:
        return (DEPLOYMENT,)
    return tuple(
        task
        for task in range(found.task)
        if any((part & active[k][last[task]] if k in active else part).any() for k, part in wrong.items())
    )


def _settled(memory: Memory, unsettled_as: int) -> Memory:
    records = memory.records
    if records is None:
        return memory
    marks = np.where(records.marks == UNSETTLED, np.uint8(unsettled_as), records.marks).astype(np.uint8)
    return replace(memory, records=replace(records, marks=marks))
