"""What each lever buys and what it costs: years, joules over the life, area, accuracy. One row a run and lever.

A lever is a line of ``LEVERS``: its name and the policies that :func:`imcsim.life.parse_policies` reads, or the
label of a learner of the study that writes less. A new policy of ``imcsim life`` is one more line.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imcsim.life import Outlook, Tasks, changed_by, outlook, parse_policies
from imcsim.trace.trace import Trace
from studies.lifetime.survival import accuracy
from studies.lifetime.wear import BY_LABEL, HYBRID, STEP, later_tasks

Row = dict[str, Any]
Sets = Mapping[str, Mapping[str, Any]]
DAYS = 365.25
NONE = "none"
LEVER_METHODS = ("er", "sparcl s95", "hyb-learn f50")
SWAP = "swap every 10"
ROWS, SWAPPED_ROWS, WAITING_ROWS = "rows 10 %", "rows 10 % + swap 10", "threshold 4 + rows 10 % + swap 10"


@dataclass(frozen=True)
class Lever:
    """Policies pulled together, on chips written as ``setups`` say.

    ``learner`` is the learner that writes less in place of ``er``: a lever within learning.
    """

    label: str
    policies: tuple[str, ...] = ()
    setups: tuple[str, ...] = (STEP, HYBRID)
    learner: str | None = None


LEVERS = (
    Lever(NONE),
    Lever("rotate every task", ("rotate=1",)),
    Lever("rotate every 10", ("rotate=10",)),
    Lever("rotate every 100", ("rotate=100",)),
    Lever(SWAP, ("swap=10",)),
    Lever("swap every 100", ("swap=100",)),
    Lever("1 spare column", ("spare-columns=1",)),
    Lever("4 spare columns", ("spare-columns=4",)),
    Lever("4 spare rows", ("spare-rows=4",)),
    Lever("refresh, 85 °C", ("refresh=auto",)),
    Lever("refresh, 125 °C", ("refresh=auto:125",)),
    Lever("selective verify", ("selective-verify=0.1",)),
    Lever("coalesce: epoch", ("coalesce=epoch",), (STEP,)),
    Lever("coalesce: task", ("coalesce=task",), (STEP,)),
    Lever("coalesce: epoch + rotate 100", ("coalesce=epoch", "rotate=100"), (STEP,)),
    Lever("coalesce: task + rotate 100", ("coalesce=task", "rotate=100"), (STEP,)),
    Lever("coalesce: task + swap 10", ("coalesce=task", "swap=10"), (STEP,)),
    Lever("coalesce: task + swap 100", ("coalesce=task", "swap=100"), (STEP,)),
    Lever("4 spare columns + swap 10", ("spare-columns=4", "swap=10")),
    Lever("coalesce: task + 4 spare columns", ("coalesce=task", "spare-columns=4"), (STEP,)),
    Lever("SRAM cache of 59 PEs", ("sram-cache=59:life",), (HYBRID,)),
    Lever("SRAM cache of 88 PEs", ("sram-cache=88:life",), (HYBRID,)),
    Lever("threshold 2", learner="er t2"),
    Lever("threshold 4", learner="er t4"),
    Lever(ROWS, learner="er rows10"),
    Lever(SWAPPED_ROWS, ("swap=10",), learner="er rows10"),
    Lever("threshold 4 + rows 10 %", learner="er t4 rows10"),
    Lever(WAITING_ROWS, ("swap=10",), learner="er t4 rows10"),
    Lever("threshold 4 + swap 10", ("swap=10",), learner="er t4"),
    Lever("threshold 4 + coalesce: task", ("coalesce=task",), (STEP,), "er t4"),
    Lever("threshold 4 + 4 spare columns", ("spare-columns=4",), learner="er t4"),
)


def lever_rows(traces: Mapping[str, Sequence[Trace]], sets: Sets, levers: Sequence[Lever] = LEVERS) -> Iterator[Row]:
    """Yield what every lever buys each method on the chip written at each step and on the hybrid."""
    for setup in (STEP, HYBRID):
        for method in (name for name in LEVER_METHODS if name in traces):
            for number, trace in enumerate(traces[method]):
                base = _outlook(trace, setup, sets, ())
                for lever in (lever for lever in levers if setup in lever.setups):
                    if lever.learner is not None and (method != "er" or lever.learner not in traces):
                        continue
                    run = trace if lever.learner is None else traces[lever.learner][number]
                    found = _outlook(run, setup, sets, lever.policies)
                    head = {"method": method, "setup": setup, "lever": lever.label, "seed": trace.meta.seed}
                    yield head | bought(found, base) | _accuracy(run, trace)


def _outlook(trace: Trace, setup: str, sets: Sets, policies: tuple[str, ...]) -> Outlook:
    options = parse_policies(policies)
    chip = BY_LABEL[setup].load(sets, changed_by(options, BY_LABEL[setup].load(sets).config))
    return outlook(later_tasks(trace), chip, options)


def _accuracy(run: Trace, plain: Trace) -> Row:
    """Class-IL of a run, and what it is below that without a lever."""
    now, before = accuracy(run)["class_il"], accuracy(plain)["class_il"]
    return {"class_il": now, "class_il_lost": None if now is None or before is None else before - now}


def bought(found: Outlook, base: Outlook) -> Row:
    """Return the life under a lever, and what it buys over ``base``, the same chip without one.

    Life ends with the first failed cell, with spares when a PE has none left; None: never. Joules: all further energy
    of the tasks of the longer life, the filling of every spare included; below 0 the lever saves energy. Area: that of
    the whole chip, which a cache smaller than the SRAM of ``base`` shrinks.
    """
    end, before = found.spare_limited or found.first_failure, base.first_failure
    more_j = found.energy[0].total_j - base.energy[0].total_j
    area = found.area_m2 - base.area_m2
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
    row["years_per_mm2"] = gained / (area * 1e6) if area > 0 else None
    return row


def programming_j(found: Outlook) -> float:
    """Return the programming energy per task (J) of a fresh chip, moved rows and refresh included."""
    fresh = found.energy[0]
    return fresh.programming_j + fresh.rotation_j + fresh.refresh_j


def filling_j(found: Outlook) -> float:
    """Return the most energy (J) that filling spare lines takes: every spare of every written PE."""
    if found.spares is None:
        return 0.0
    spares = max(found.options.spare_columns, found.options.spare_rows)
    return found.spares.remap_j * spares * int(np.isfinite(found.pe_tasks).sum())


def _years(found: Outlook, end: Tasks | None, name: str) -> float | None:
    return None if end is None else getattr(end, name) / found.tasks_per_day / DAYS
