"""How often the cells of each memory are written while a stream is learned, in total and at the worst cell.

Shape letters: T tasks, P PEs.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import Assignment
from imcsim.chip.config import ChipConfig
from imcsim.chip.multiplex import reloads
from imcsim.chip.profile import profile_of
from imcsim.chip.report import Lifetime, Writes
from imcsim.chip.switching import switch_cells, switched_in
from imcsim.chip.wear.cell_writes import rram_cell_writes, switch_counts
from imcsim.chip.wear.lifetime import rram_lifetime, sram_lifetime
from imcsim.chip.writes import Programming
from imcsim.mapping.masks import reduce_to_pes
from imcsim.trace.trace import Trace


def rram_wear(
    trace: Trace, chip: ChipConfig, where: Assignment, done: Programming, deployment: int
) -> tuple[Writes, Lifetime]:
    """Return the programming events of RRAM cells, ``worst`` over cells exactly, and how long they live."""
    copies = 2 if chip.input_gradient == "second-copy" else 1
    written = rram_cell_writes(trace, chip, where, done.commits, copies)
    per_task = done.rram_events + done.commit_events
    total = int(per_task.sum())
    writes = Writes(written.cells, total, tuple(map(int, per_task)), written.worst, total / written.cells, deployment)
    return writes, rram_lifetime(chip, written)


def sram_wear(trace: Trace, chip: ChipConfig, where: Assignment, done: Programming) -> tuple[Writes, Lifetime]:
    """Return the write events of SRAM cells, and how long they live; ``worst``: a PE's hottest cell and its loads."""
    geometry, part = chip.sram_geometry, chip.sram
    if geometry is None or part is None:
        raise ValueError("the chip has no SRAM")
    profile, tasks = profile_of(trace, geometry), trace.meta.tasks
    copies = 2 if chip.input_gradient == "second-copy" else 1
    per_task = done.sram_events + done.load_events
    again = reloads(trace, chip)
    if again is not None:
        per_task = per_task + again.events
    used = where.in_sram.any(axis=0)
    cells = int(profile.grid.cells[used].sum()) * copies
    loads = where.arriving.sum(axis=0) if chip.rram is not None else np.zeros(profile.grid.count)
    hottest = profile.policy(part.write_policy).worst * used + loads
    total = int(per_task.sum())
    if again is not None:  # every load goes through the same PE
        hottest = np.maximum(hottest, int(again.loads.sum()))
    mean = total / cells if cells else 0.0
    worst_switch, switched = _switches(trace, chip)
    writes = Writes(cells, total, tuple(map(int, per_task)), int(hottest.max(initial=0)), mean, 0)
    worst_per_task = float((hottest / tasks + worst_switch).max(initial=0.0))
    mean_per_task = mean / tasks + (switched * copies / cells if cells else 0.0)
    return writes, sram_lifetime(chip, worst_per_task, mean_per_task)


def _switches(trace: Trace, chip: ChipConfig) -> tuple[NDArray[np.float64], float]:
    """Return (P,) writes of each SRAM PE's hottest cell, and writes of all cells of one copy, by a task's switches."""
    geometry, (_, layers) = chip.sram_geometry, switched_in(trace, chip)
    if geometry is None or not layers:
        return np.zeros(1), 0.0
    profile, pairs = profile_of(trace, geometry), trace.meta.tasks - 1
    rate, tile = chip.horizon.task_switches_per_task, (geometry.weight_rows, geometry.weight_cols)
    worst = np.zeros(profile.grid.count)
    for spec, span in zip(trace.meta.layers, profile.grid.layer_slices, strict=True):
        if spec.name in layers:
            most = switch_counts(trace, geometry.encoding, spec.name).max(axis=0)
            worst[span] = reduce_to_pes(most, tile, "max").ravel()
    return rate * worst / pairs, rate * float(switch_cells(trace, geometry, layers)[0].sum()) / pairs
