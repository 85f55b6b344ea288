"""How often cells have been written, and how long they live at that rate.

Shape letters: T tasks, P PEs, K cells per weight, G groups, D fan-in, N outputs.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import Assignment
from imcsim.chip.config import ChipConfig
from imcsim.chip.multiplex import reloads
from imcsim.chip.profile import TileProfile, profile_of
from imcsim.chip.report import Lifetime, Writes
from imcsim.chip.writes import Programming
from imcsim.core.units import DAYS_PER_YEAR
from imcsim.devices.wear import first_failure_cycles
from imcsim.mapping.masks import expand_pe_mask
from imcsim.trace.trace import Trace


def rram_writes(trace: Trace, chip: ChipConfig, where: Assignment, done: Programming, deployment: int) -> Writes:
    """Return the programming events of RRAM cells; ``worst`` is over cells, exactly."""
    geometry = chip.rram_geometry
    if geometry is None:
        raise ValueError("the chip has no RRAM")
    profile = profile_of(trace, geometry)
    per_task = done.rram_events + done.commit_events
    copies = 2 if chip.input_gradient == "second-copy" else 1
    cells = int(profile.grid.cells.sum()) * copies
    worst = _worst_rram_cell(profile, chip, where, done)
    total = int(per_task.sum())
    return Writes(cells, total, tuple(map(int, per_task)), worst, total / cells, deployment)


def sram_writes(trace: Trace, chip: ChipConfig, where: Assignment, done: Programming) -> Writes:
    """Return the write events of SRAM cells; ``worst`` takes a PE's hottest cell, loads included."""
    geometry, part = chip.sram_geometry, chip.sram
    if geometry is None or part is None:
        raise ValueError("the chip has no SRAM")
    profile = profile_of(trace, geometry)
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
    worst = int(hottest.max(initial=0))
    if again is not None:  # every load goes through the same PE
        worst = max(worst, int(again.loads.sum()))
    return Writes(cells, total, tuple(map(int, per_task)), worst, total / cells if cells else 0.0, 0)


def rram_lifetime(chip: ChipConfig, writes: Writes, tasks: int) -> Lifetime:
    """Lifetime without levelling: the worst cell's writes per task against its cycles (docs/accounting.md, 6)."""
    if chip.rram is None:
        raise ValueError("the chip has no RRAM")
    cell, rate = chip.rram.cell, chip.horizon.tasks_per_day
    worst = writes.worst / tasks
    if worst == 0:
        return Lifetime(0.0, 0.0, None, None, None, None, rate)
    guaranteed = cell.guaranteed_cycles / worst
    failure = first_failure_cycles(writes.cells, cell.endurance_scale_cycles, cell.endurance_shape) / worst
    years = 1.0 / (rate * DAYS_PER_YEAR)
    return Lifetime(worst, writes.mean / tasks, guaranteed, failure, guaranteed * years, failure * years, rate)


def sram_lifetime(chip: ChipConfig, writes: Writes, tasks: int) -> Lifetime:
    """Lifetime of SRAM cells at their (practically unlimited) endurance."""
    if chip.sram is None:
        raise ValueError("the chip has no SRAM")
    rate, worst = chip.horizon.tasks_per_day, writes.worst / tasks
    if worst == 0:
        return Lifetime(0.0, 0.0, None, None, None, None, rate)
    guaranteed = chip.sram.cell.endurance_cycles / worst
    years = guaranteed / (rate * DAYS_PER_YEAR)
    return Lifetime(worst, writes.mean / tasks, guaranteed, None, years, None, rate)


def _worst_rram_cell(profile: TileProfile, chip: ChipConfig, where: Assignment, done: Programming) -> int:
    if chip.rram is None:
        return 0
    in_place = where.rram_training.any(axis=0)
    committed = np.zeros(profile.grid.count, dtype=bool)
    plain = np.ones(profile.grid.count, dtype=bool)  # committed after every task it trained in
    for commit in done.commits:
        committed |= commit.pes
        if commit.last != commit.task + 1:
            plain &= ~commit.pes
    worst = 0
    only_in_place = in_place & ~committed
    if only_in_place.any():
        worst = max(worst, int(profile.policy(chip.rram.write_policy).worst[only_in_place].max()))
    only_commits = committed & plain & ~in_place
    if only_commits.any():
        worst = max(worst, int(profile.policy("task").worst[only_commits].max()))
    mixed = (in_place | committed) & ~only_in_place & ~only_commits
    for spec, span in zip(profile.trace.meta.layers, profile.grid.layer_slices, strict=True):
        if mixed[span].any():
            worst = max(worst, _worst_mixed(profile, chip, where, done, spec.name, span))
    return worst


def _worst_mixed(
    profile: TileProfile, chip: ChipConfig, where: Assignment, done: Programming, layer: str, span: slice
) -> int:
    """Count each cell of a layer whose PEs were written both in place and by commits, or lazily."""
    if chip.rram is None:
        return 0
    spec = profile.trace.meta.layers[profile.trace.layer_index[layer]]
    encoding, geometry = profile.geometry.encoding, profile.geometry
    tile = (geometry.weight_rows, geometry.weight_cols)
    grid_shape = (spec.groups, *geometry.tiles(spec.fan_in, spec.outputs))

    def spread(pes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return expand_pe_mask(pes[span].reshape(grid_shape), spec.matrix_shape, tile)

    steps = profile.cell_changes(chip.rram.write_policy, layer)
    total = np.zeros(steps.shape[1:], dtype=np.int64)
    for task in range(len(steps)):
        total += steps[task] * spread(where.rram_training[task])
    levels = encoding.levels(profile.trace.codes[layer])  # (K, T+1, G, D, N)
    for commit in done.commits:
        total += (levels[:, commit.first] != levels[:, commit.last]) & spread(commit.pes)
    return int(total.max(initial=0))
