"""What each lever buys and what it costs: years, joules over the life, area. One row a run and lever.

A lever is a line of ``LEVERS``: its name and the policies that :func:`imcsim.chip.life.parse_policies` reads. A new
policy of ``imcsim life`` is one more line.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imcsim.chip.life import Outlook, Tasks, outlook, parse_policies
from imcsim.trace.trace import Trace
from studies.lifetime.wear import BY_LABEL, HYBRID, STEP, later_tasks

Row = dict[str, Any]
DAYS = 365.25
NONE = "none"
LEVER_METHODS = ("er", "sparcl s95", "hyb-learn f50")


@dataclass(frozen=True)
class Lever:
    """Policies pulled together; ``in_place`` levers act on writes in place and so say nothing of a hybrid's commits."""

    label: str
    policies: tuple[str, ...] = ()
    in_place: bool = False


LEVERS = (
    Lever(NONE),
    Lever("rotate every task", ("rotate=1",)),
    Lever("rotate every 10", ("rotate=10",)),
    Lever("rotate every 100", ("rotate=100",)),
    Lever("1 spare column", ("spare-columns=1",)),
    Lever("4 spare columns", ("spare-columns=4",)),
    Lever("4 spare rows", ("spare-rows=4",)),
    Lever("coalesce: epoch", ("coalesce=epoch",), in_place=True),
    Lever("coalesce: task", ("coalesce=task",), in_place=True),
    Lever("selective verify", ("selective-verify=0.1",)),
    Lever("coalesce: epoch + rotate 100", ("coalesce=epoch", "rotate=100"), in_place=True),
    Lever("coalesce: task + rotate 100", ("coalesce=task", "rotate=100"), in_place=True),
    Lever("coalesce: task + 4 spare columns", ("coalesce=task", "spare-columns=4"), in_place=True),
)


def lever_rows(
    traces: Mapping[str, Sequence[Trace]], sets: Mapping[str, Mapping[str, Any]], levers: Sequence[Lever] = LEVERS
) -> Iterator[Row]:
    """Yield what every lever buys each method on the chip written at each step and on the hybrid."""
    for setup in (STEP, HYBRID):
        for method in (name for name in LEVER_METHODS if name in traces):
            for trace in traces[method]:
                base: Outlook | None = None
                for lever in (lever for lever in levers if setup == STEP or not lever.in_place):
                    options = parse_policies(lever.policies)
                    found = outlook(later_tasks(trace), BY_LABEL[setup].load(sets, options.overrides), options)
                    base = base or found
                    head = {"method": method, "setup": setup, "lever": lever.label, "seed": trace.meta.seed}
                    yield head | bought(found, base)


def bought(found: Outlook, base: Outlook) -> Row:
    """Return the life under a lever, and what it buys over ``base``, the same chip without one.

    Life ends with the first failed cell, with spares when a PE has none left; None: never. Joules: all further energy
    of the tasks of the longer life, the filling of every spare included; below 0 the lever saves energy.
    """
    end, before = found.spare_limited or found.first_failure, base.first_failure
    more_j = found.energy[0].total_j - base.energy[0].total_j
    area = found.spares.area_m2 if found.spares else 0.0
    row: Row = {f"years_{name}": _years(found, end, name) for name in ("early", "median", "late")}
    row |= {
        "worst_cycles_per_task": found.worst_cycles_per_task,
        "programming_j_per_task": programming_j(found), "more_j_per_task": more_j,
        "task_j": found.energy[0].total_j, "area_m2": area,
        **dict.fromkeys(("years_gained", "life_factor", "joules_over_life", "years_per_joule", "years_per_mm2")),
    }  # fmt: skip
    if end is None or before is None:
        return row
    gained = (end.median - before.median) / base.tasks_per_day / DAYS
    life_j = more_j * end.median + filling_j(found)
    row |= {"years_gained": gained, "life_factor": end.median / before.median, "joules_over_life": life_j}
    row["years_per_joule"] = gained / life_j if life_j > 0 else None
    row["years_per_mm2"] = gained / (area * 1e6) if area else None
    return row


def programming_j(found: Outlook) -> float:
    """Return the programming energy per task (J) of a fresh chip, rotation included."""
    return found.energy[0].programming_j + found.energy[0].rotation_j


def filling_j(found: Outlook) -> float:
    """Return the most energy (J) that filling spare lines takes: every spare of every written PE."""
    if found.spares is None:
        return 0.0
    spares = max(found.options.spare_columns, found.options.spare_rows)
    return found.spares.remap_j * spares * int(np.isfinite(found.pe_tasks).sum())


def _years(found: Outlook, end: Tasks | None, name: str) -> float | None:
    return None if end is None else getattr(end, name) / found.tasks_per_day / DAYS
