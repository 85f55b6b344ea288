"""What one task costs with everything around it: training is spread over inferences, switches and days."""

import math
from collections.abc import Sequence

from imcsim.report.numbers import common_unit, plain, short
from imcsim.report.tables import TextTable
from imcsim.study.summary import Group

PARTS = {
    "Write": "write_energy_per_task_j",
    "Compute": "compute_energy_per_task_j",
    "Infer": "inference_energy_per_task_j",
    "Switch": "switch_energy_per_task_j",
    "Power-up": "power_up_energy_per_task_j",
    "Retain": "retention_energy_per_task_j",
}


def horizon_table(groups: Sequence[Group]) -> TextTable:
    """Return one row per method and chip: mean energy per task by use, and their sum, in one common unit."""
    sums = [math.fsum(_parts(group)) for group in groups]
    unit, factor = common_unit(sums, "J")
    rows = tuple(
        (group.method, group.chip, *(plain(value / factor) for value in _parts(group)), plain(total / factor))
        for group, total in zip(groups, sums, strict=True)
    )
    first = groups[0]
    notes = (
        f"Per task: training (writes, compute), {short(first.mean('inferences_per_task') or 0.0)} inferences, switches "
        f"between learned tasks, power-ups, and retention between tasks at {first.mean('tasks_per_day'):g} a day.",
        "Retention: leakage of SRAM that alone holds the weights; zero where they are committed to RRAM.",
    )
    columns = (("Method", ""), ("Chip", ""), *((name, unit) for name in PARTS), ("Sum", unit))
    return TextTable("Horizon: energy of one task with what surrounds it, mean over seeds", columns, rows, notes)


def _parts(group: Group) -> list[float]:
    return [group.mean(column) or 0.0 for column in PARTS.values()]
