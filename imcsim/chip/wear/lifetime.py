"""How long the cells of a memory live at the measured writes per task, without levelling: the one definition.

``guaranteed`` is until the worst cell reaches its guaranteed cycles; ``first failure`` until the first cell fails,
each at its own rate. ``price``, ``life``, ``crash`` and the tables of studies print these two and no others.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import Horizon
from imcsim.chip.report import Lifetime
from imcsim.chip.wear.cell_writes import CellWrites
from imcsim.chip.wear.first_failure import Endurance, first_failure
from imcsim.core.units import DAYS_PER_YEAR
from imcsim.memory.memory import Endurance as CellEndurance

Floats = NDArray[np.float64]


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
