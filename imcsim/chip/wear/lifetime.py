"""How long the cells of a memory live at the measured writes per task, without levelling: the one definition.

``guaranteed`` is until the worst cell reaches its guaranteed cycles; ``first failure`` until the first cell fails,
each at its own rate. ``price``, ``life``, ``crash`` and the tables of studies print these two and no others.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.report import Lifetime
from imcsim.chip.wear.cell_writes import CellWrites
from imcsim.chip.wear.first_failure import Endurance, first_failure
from imcsim.core.units import DAYS_PER_YEAR
from imcsim.devices.rram import RramCell

Floats = NDArray[np.float64]


def rram_lifetime(chip: ChipConfig, writes: CellWrites) -> Lifetime:
    """Return the life of RRAM cells that are written as ``writes`` says, task switches at the horizon's rate."""
    if chip.rram is None:
        raise ValueError("the chip has no RRAM")
    per_task = writes.per_task(chip.horizon.task_switches_per_task)
    return lifetime_at(per_task, writes, chip.rram.cell, chip.horizon.tasks_per_day)


def lifetime_at(per_task: Floats, writes: CellWrites, cell: RramCell, tasks_per_day: float) -> Lifetime:
    """Return the life of cells with ``per_task`` (M,) events a task; each event is one cycle."""
    worst = float(per_task.max(initial=0.0))
    years = 1.0 / (tasks_per_day * DAYS_PER_YEAR)
    endurance = Endurance(cell.endurance_scale_cycles, cell.endurance_shape)
    first = first_failure(float((writes.counts * per_task**endurance.shape).sum()), endurance)
    if worst == 0 or first is None:
        return Lifetime(0.0, 0.0, None, None, None, None, None, tasks_per_day)
    guaranteed = cell.guaranteed_cycles / worst
    return Lifetime(
        worst_writes_per_task=worst,
        mean_writes_per_task=float(writes.counts @ per_task) / writes.cells,
        tasks_guaranteed=guaranteed,
        tasks_first_failure=first.median,
        tasks_first_failure_band=(first.early, first.late),
        years_guaranteed=guaranteed * years,
        years_first_failure=first.median * years,
        tasks_per_day=tasks_per_day,
    )


def sram_lifetime(chip: ChipConfig, worst_per_task: float, mean_per_task: float) -> Lifetime:
    """Return the life of SRAM cells at their (practically unlimited) endurance; switches are in both rates."""
    if chip.sram is None:
        raise ValueError("the chip has no SRAM")
    rate = chip.horizon.tasks_per_day
    if worst_per_task == 0:
        return Lifetime(0.0, 0.0, None, None, None, None, None, rate)
    guaranteed = chip.sram.cell.endurance_cycles / worst_per_task
    years = guaranteed / (rate * DAYS_PER_YEAR)
    return Lifetime(worst_per_task, mean_per_task, guaranteed, None, None, years, None, rate)
