"""Writes of every cell, and how long a memory lives at them.

Shape letters: F placement phases, P PEs, K cells per weight, G groups, D fan-in, N outputs.
"""

import math
from typing import Any

import numpy as np

from tests.oracle import turns
from tests.oracle.cells import Memory
from tests.oracle.facts import Array
from tests.oracle.place import arriving, commits_of
from tests.oracle.scene import Scene
from tests.oracle.serve import pairs, rewritten_in
from tests.oracle.writes import Written, cell_changes, deployment_events, moved

Number = int | float | None
_DAYS_PER_YEAR = 365.25
_NEVER: dict[str, Number] = dict.fromkeys(
    ("tasks_guaranteed", "tasks_first_failure", "years_guaranteed", "years_first_failure", "tasks_first_failure_band")
)


def of_rram(scene: Scene, memory: Memory, written: Written) -> dict[str, Number]:
    """Return writes and life of RRAM by dotted name."""
    events = [np.zeros((memory.per_weight, pe.height, pe.width), np.int64) for pe in memory.pes]
    for f in scene.phase_count():
        for p, pe in enumerate(memory.pes):
            if scene.place.rram_trains[f, p]:
                events[p] += cell_changes(scene, memory, pe, memory.part.write_policy, f)
    if scene.sram is not None:
        for commit in commits_of(scene.place, scene.chip.commit):
            old, new = moved(memory, memory.pes[commit.pe], commit.first, commit.last)
            events[commit.pe] += old != new
    switches = [_switches(scene, memory, "rram", p) for p in range(len(memory.pes))]
    per_phase = [a + b for a, b in zip(written.by["rram_events"], written.by["commit_events"], strict=True)]
    cells = sum(array.size for array in events) * scene.copies
    found = _writes(scene, "rram", cells, per_phase, max(int(array.max()) for array in events))
    found["writes.rram.deployment"] = deployment_events(scene, memory)[1]
    rates = np.concatenate([(a / scene.facts.tasks + b).ravel() for a, b in zip(events, switches, strict=True)])
    return found | {f"lifetime.rram.{name}": value for name, value in _rram_life(scene, rates).items()}


def _switches(scene: Scene, memory: Memory, kind: str, p: int) -> Array:
    """Events a task of each cell of a PE (K, rows, outputs) from task switches at the horizon's rate."""
    pe, count = memory.pes[p], len(pairs(scene))
    total = np.zeros((memory.per_weight, pe.height, pe.width))
    if scene.facts.layers[pe.layer].name not in rewritten_in(scene, kind):
        return total
    for first, second in pairs(scene):
        old, new = moved(memory, pe, first, second)
        total += old != new
    return total / count * float(scene.chip.horizon.task_switches_per_task)


def _writes(scene: Scene, kind: str, cells: int, per_phase: list[float], worst: int) -> dict[str, Number]:
    """Events of all cells together, of each task, and of the worst one."""
    total, of = int(sum(per_phase)), scene.facts.task_of
    by_task = {task: sum(n for n, its in zip(per_phase, of, strict=True) if its == task) for task in of}
    return {
        f"writes.{kind}.cells": cells,
        f"writes.{kind}.total": total,
        **{f"writes.{kind}.per_task.{task}": int(events) for task, events in by_task.items()},
        f"writes.{kind}.worst": worst,
        f"writes.{kind}.mean": total / cells if cells else 0.0,
        f"writes.{kind}.deployment": 0,
    }


def _rram_life(scene: Scene, rates: Array) -> dict[str, Number]:
    """Life of cells at ``rates`` events a task (of one copy): the worst one guaranteed, the first one to fail.

    A cell lives t tasks with the chance exp(-(rate t / scale)^shape); all live with the product of their chances.
    """
    cell, horizon, level = scene.chip.rram.cell, scene.chip.horizon, scene.chip.rram.cell_bits - 1
    promised, scale, shape = (
        table[level if len(table) > 1 else 0]
        for table in (cell.guaranteed_cycles, cell.endurance_scale_cycles, cell.endurance_shape)
    )
    worst, years = float(rates.max()), 1 / (horizon.tasks_per_day * _DAYS_PER_YEAR)
    found = _rates(horizon, worst, float(rates.mean()))
    if worst == 0:
        return found
    hazard = scene.copies * math.fsum(float(rate) ** shape for rate in rates if rate > 0)

    def failed(share: float) -> float:
        """Tasks until this share of the chips has lost a cell."""
        return float(scale * (-math.log(1 - share) / hazard) ** (1 / shape))

    guaranteed = promised / worst
    del found["tasks_first_failure_band"]
    return found | {
        "tasks_guaranteed": guaranteed,
        "years_guaranteed": guaranteed * years,
        "tasks_first_failure": failed(0.5),
        "years_first_failure": failed(0.5) * years,
        "tasks_first_failure_band.0": failed(0.05),
        "tasks_first_failure_band.1": failed(0.95),
    }


def _rates(horizon: Any, worst: float, mean: float) -> dict[str, Number]:
    return _NEVER | {
        "worst_writes_per_task": worst,
        "mean_writes_per_task": mean if worst else 0.0,
        "tasks_per_day": horizon.tasks_per_day,
    }


def of_sram(scene: Scene, memory: Memory, written: Written) -> dict[str, Number]:
    """Return writes and life of SRAM by dotted name; its worst cell has its hottest level changes and all loads."""
    used = [p for p in range(len(memory.pes)) if scene.place.in_sram[:, p].any()]
    per_phase = [a + b for a, b in zip(written.by["sram_events"], written.by["load_events"], strict=True)]
    cells = sum(memory.cells(memory.pes[p]) for p in used) * scene.copies
    come = arriving(scene.place).sum(axis=0) if scene.rram is not None else np.zeros(len(memory.pes), np.int64)
    turning = [turns.of_phase(scene, f) for f in scene.phase_count()]
    through_one = sum(int(done.pes) for done in turning if done is not None)  # all reloads go through the last place
    per_phase = [a + (0 if done is None else int(done.cells)) for a, done in zip(per_phase, turning, strict=True)]
    hottest, worst_rate, switched = 0, 0.0, 0.0
    for p, pe in enumerate(memory.pes):
        heat = int(come[p])
        if p in used:
            policy = memory.part.write_policy
            by_phase = [cell_changes(scene, memory, pe, policy, f) for f in scene.phase_count()]
            heat += int(np.sum(by_phase, axis=0).max())
        heat, rewritten = max(heat, through_one), _switches(scene, memory, "sram", p)
        hottest, worst_rate = max(hottest, heat), max(worst_rate, heat / scene.facts.tasks + float(rewritten.max()))
        switched += float(rewritten.sum()) * scene.copies
    found = _writes(scene, "sram", cells, per_phase, hottest)
    mean = float(found["writes.sram.mean"] or 0.0) / scene.facts.tasks + (switched / cells if cells else 0.0)
    life = _rates(scene.chip.horizon, worst_rate, mean)
    if worst_rate > 0:
        guaranteed = scene.chip.sram.cell.endurance_cycles / worst_rate
        years = guaranteed / (scene.chip.horizon.tasks_per_day * _DAYS_PER_YEAR)
        life |= {"tasks_guaranteed": guaranteed, "years_guaranteed": years}
    return found | {f"lifetime.sram.{name}": value for name, value in life.items()}
