"""How often the cells of each memory are written, and how long they live: the one definition of a life.

``guaranteed`` is until the worst cell reaches its guaranteed cycles; ``first failure`` until the first cell fails,
each at its own rate. ``price``, ``life``, ``crash`` and the tables of studies print these two and no others.
A cell's events of a task are level changes in place while it trains, commits of what trained elsewhere, loads, and task
switches at the horizon's rate: :mod:`imcsim.chip.wear.cell_writes`.

Shape letters: T tasks, F placement phases, P PEs of the network, M different counts.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.charged import Charged
from imcsim.chip.config import Horizon
from imcsim.chip.placed import Bank, Placed
from imcsim.chip.report import Lifetime, Writes
from imcsim.chip.switching import switch_cells
from imcsim.chip.wear.cell_writes import CellWrites, cell_writes, switch_counts
from imcsim.chip.wear.first_failure import Endurance, first_failure
from imcsim.core.units import DAYS_PER_YEAR
from imcsim.memory.memory import Endurance as CellEndurance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def lifetime_of(cell: CellEndurance, writes: CellWrites, horizon: Horizon) -> Lifetime:
    """Return the life of cells that are written as ``writes`` says, task switches at the horizon's rate."""
    return lifetime_at(writes.per_task(horizon.task_switches_per_task), writes, cell, horizon.tasks_per_day)


def lifetime_at(per_task: Floats, writes: CellWrites, cell: CellEndurance, tasks_per_day: float) -> Lifetime:
    """Return the life of cells with ``per_task`` (M,) events a task; each event is one cycle."""
    worst = float(per_task.max(initial=0.0))
    mean = float(writes.counts @ per_task) / writes.cells if writes.cells else 0.0
    if cell.scale is None or cell.shape is None or worst == 0:
        return limited_by_worst(cell, worst, mean, tasks_per_day)
    first = first_failure(float((writes.counts * per_task**cell.shape).sum()), Endurance(cell.scale, cell.shape))
    if first is None:
        return limited_by_worst(cell, 0.0, 0.0, tasks_per_day)
    years, guaranteed = 1.0 / (tasks_per_day * DAYS_PER_YEAR), cell.guaranteed_cycles / worst
    return Lifetime(
        worst_writes_per_task=worst,
        mean_writes_per_task=mean,
        tasks_guaranteed=guaranteed,
        tasks_first_failure=first.median,
        tasks_first_failure_band=(first.early, first.late),
        years_guaranteed=guaranteed * years,
        years_first_failure=first.median * years,
        tasks_per_day=tasks_per_day,
    )


def limited_by_worst(
    cell: CellEndurance, worst_per_task: float, mean_per_task: float, tasks_per_day: float
) -> Lifetime:
    """Return the life of cells of which only the guaranteed cycles are known; switches are in both rates."""
    if worst_per_task == 0:
        return Lifetime(0.0, 0.0, None, None, None, None, None, tasks_per_day)
    guaranteed = cell.guaranteed_cycles / worst_per_task
    years = guaranteed / (tasks_per_day * DAYS_PER_YEAR)
    return Lifetime(worst_per_task, mean_per_task, guaranteed, None, None, years, None, tasks_per_day)


def wear_of(spent: Charged) -> tuple[dict[str, Writes], dict[str, Lifetime]]:
    """Return, by memory, the events of its cells and how long they live."""
    writes, life = {}, {}
    for bank in spent.placed.banks:
        wear = _volatile_wear if bank.memory.volatile else _nonvolatile_wear
        writes[bank.name], life[bank.name] = wear(spent, bank, spent.writes.events(bank))
    return writes, life


def _nonvolatile_wear(spent: Charged, bank: Bank, per_phase: Ints) -> tuple[Writes, Lifetime]:
    """Of the memory that keeps its weights: ``worst`` over cells exactly; ``per_phase`` (F,) level changes."""
    placed = spent.placed
    written = cell_writes(placed, bank, spent.writes.commits)
    total = int(per_phase.sum())
    mean = total / written.cells if written.cells else 0.0
    writes = Writes(written.cells, total, by_task(placed, per_phase), written.worst, mean, spent.deployed_events)
    return writes, lifetime_of(bank.memory.endurance, written, placed.chip.horizon)


def _volatile_wear(spent: Charged, bank: Bank, per_phase: Ints) -> tuple[Writes, Lifetime]:
    """Of the memory in which weights train: ``worst`` is a PE's hottest cell and its loads."""
    placed, again, tasks = spent.placed, spent.reload, spent.placed.trace.meta.tasks
    used = bank.holds.any(axis=0)
    cells = int(bank.grid.cells[used].sum()) * bank.copies
    loads = bank.arrives.sum(axis=0) if placed.hybrid else np.zeros(bank.grid.count)
    hottest = bank.in_place.worst * used + loads
    if again is not None:  # every load goes through the same PE
        per_phase = per_phase + again.events
        hottest = np.maximum(hottest, int(again.loads.sum()))
    total = int(per_phase.sum())
    mean = total / cells if cells else 0.0
    worst_switch, switched = _switches(placed, bank)
    writes = Writes(cells, total, by_task(placed, per_phase), int(hottest.max(initial=0)), mean, 0)
    worst_per_task = float((hottest / tasks + worst_switch).max(initial=0.0))
    mean_per_task = mean / tasks + (switched * bank.copies / cells if cells else 0.0)
    rate = placed.chip.horizon.tasks_per_day
    return writes, limited_by_worst(bank.memory.endurance, worst_per_task, mean_per_task, rate)


def by_task(placed: Placed, per_phase: Ints) -> tuple[int, ...]:
    """Return (T,) sums over the phases of each task."""
    tasks = np.asarray(placed.trace.meta.phase_tasks)
    return tuple(int(per_phase[tasks == task].sum()) for task in range(placed.trace.meta.tasks))


def _switches(placed: Placed, bank: Bank) -> tuple[NDArray[np.float64], float]:
    """Return (P,) writes of each PE's hottest cell, and writes of all cells of one copy, by a task's switches."""
    trace, (_, layers) = placed.trace, placed.switched
    if not layers:
        return np.zeros(1), 0.0
    pairs, rate = trace.meta.tasks - 1, placed.chip.horizon.task_switches_per_task
    worst = np.zeros(bank.grid.count)
    for layer, (spec, span) in enumerate(zip(trace.meta.layers, bank.grid.layer_slices, strict=True)):
        if spec.name in layers:
            most = switch_counts(trace, bank.grid.geometry.encoding, spec.name).max(axis=0)
            worst[span] = bank.layout.most(most, layer)
    return rate * worst / pairs, rate * float(switch_cells(bank.profile, layers)[0].sum()) / pairs
