"""How many tasks each learner's chip survives, by the way it writes: one row a run, and means over seeds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from imcsim.life import LifeOptions, Tasks
from imcsim.trace.trace import Trace
from studies.lifetime.wear import SETUPS, STEP, Setup, Wear, later_tasks, over_seeds, wear_of

Row = dict[str, Any]
Traces = Mapping[str, Sequence[Trace]]
StudySets = Mapping[str, Mapping[str, Any]]
WEAR_RULES = ("events", "pulses", "window")
RULE_METHODS = ("er", "sparcl s95", "hyb-learn f50", "piggyback fast")
RULE_SETUPS = SETUPS[:4]


def survival_rows(traces: Traces, sets: StudySets, setups: Iterable[Setup] = SETUPS) -> Iterator[Row]:
    """Yield one row for each run and setup: tasks to each limit, counted over the tasks after the first."""
    for setup in setups:
        chip = setup.load(sets).config
        for method, seeds in traces.items():
            for trace in seeds:
                wear = wear_of(later_tasks(trace), chip)
                head: Row = {"method": method, "setup": setup.label, "seed": trace.meta.seed}
                yield head | accuracy(trace) | limits(wear)


def accuracy(trace: Trace) -> Row:
    """Return the mean accuracy over all tasks at the end, Class-IL only where the method serves it."""
    class_il = float(trace.class_il[-1].mean()) if "class-il" in trace.meta.scenarios else None
    return {"class_il": class_il, "task_il": float(trace.task_il[-1].mean())}


def limits(wear: Wear) -> Row:
    """Return the limits of one chip's life, in tasks; None where never reached."""
    worst, first = wear.rates.worst, wear.first()
    written = float(wear.rates.counts[1].sum()) / wear.rates.cells
    return {
        "steps_per_task": wear.steps_per_task,
        "cells": wear.rates.cells * wear.rates.copies,
        "written_share": written,
        "mean_cycles_per_task": wear.mean,
        "worst_cycles_per_task": worst,
        **tasks_columns("first", first),
        **tasks_columns("one_percent", wear.one_percent()),
        "guaranteed_tasks": wear.guaranteed_cycles / worst if worst else None,
        "first_median_steps": first.median * wear.steps_per_task if first else None,
    }


def tasks_columns(name: str, found: Tasks | None) -> Row:
    """Return early, median and late tasks of one limit as columns."""
    return {f"{name}_{key}": getattr(found, key) if found else None for key in ("early", "median", "late")}


def rule_rows(traces: Traces, sets: StudySets) -> Iterator[Row]:
    """Yield one row a run, setup and wear rule: the same writes, counted in three ways."""
    for setup in RULE_SETUPS:
        chip = setup.load(sets).config
        for method in (name for name in RULE_METHODS if name in traces):
            for trace in traces[method]:
                for rule, exponent in (
                    ("events", 2.5),
                    ("pulses", 2.5),
                    ("window", 2.0),
                    ("window", 2.5),
                    ("window", 3.0),
                ):
                    wear = wear_of(later_tasks(trace), chip, LifeOptions(wear=rule, weak_exponent=exponent))
                    name = rule if rule != "window" else f"window m={exponent:g}"
                    head = {"method": method, "setup": setup.label, "wear": name, "seed": trace.meta.seed}
                    found = limits(wear)
                    yield head | {key: found[key] for key in _RULE_COLUMNS}


def mean_rows(rows: Sequence[Row], keys: tuple[str, ...]) -> list[Row]:
    """Return one row for each value of ``keys``: mean and standard deviation over seeds of every other column."""
    found = []
    for group in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        same = [row for row in rows if tuple(row[key] for key in keys) == group]
        row: Row = {**dict(zip(keys, group, strict=True)), "seeds": len(same)}
        for name in same[0]:
            if name not in (*keys, "seed"):
                row[f"{name}_mean"], row[f"{name}_sd"] = over_seeds([entry[name] for entry in same])
        found.append(row)
    return found


def pick(rows: Sequence[Mapping[str, Any]], method: str, setup: str = STEP, **more: Any) -> Mapping[str, Any]:
    """Return the one row of ``method`` and ``setup``."""
    wanted = {"method": method, "setup": setup, **more}
    (row,) = (row for row in rows if all(row[key] == value for key, value in wanted.items()))
    return row


_RULE_COLUMNS = (
    "worst_cycles_per_task", "first_early", "first_median", "first_late", "one_percent_median", "guaranteed_tasks",
)  # fmt: skip
