"""How well a chip learns and serves as its cells die, from the traces of this study: accuracy against tasks.

Run the study first, then this file from the checkout: ``python -m studies.lifetime.ageing results/lifetime/digits``.
It writes accuracy.csv (a row an age), accuracy_limits.csv (a row a curve), ageing_stamp.json and figures/accuracy.png
there.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from imcsim.chip.wear.worn import weibull_for, worn_memory
from imcsim.core.files import write_atomic
from imcsim.core.units import DAYS_PER_YEAR
from imcsim.learn.wear.curve import AccuracyCurve, age_grid, limit_reached
from imcsim.learn.wear.learned import learned_accuracy
from imcsim.learn.wear.served import served_accuracy
from imcsim.life import Outlook, Tasks, outlook
from imcsim.report.style import save_as
from imcsim.study.spec import load_study
from imcsim.study.stamp import git_commit
from imcsim.trace.trace import Trace
from studies.lifetime.ageing_picture import draw_accuracy
from studies.lifetime.tables import sets_of, traces_by_method, write_rows
from studies.lifetime.wear import BY_LABEL, HYBRID, STEP, TASK, later_tasks

HERE = Path(__file__).resolve().parent
Row = dict[str, Any]
Sets = Mapping[str, Mapping[str, Any]]
LIMITS = (0.95, 0.9)


@dataclass(frozen=True)
class Curves:
    """What one curve is of: a learner on a chip, what it learned once or the stream learned again; and how many."""

    method: str
    setup: str
    kind: str
    ages: int
    chips: int
    seeds: int


SERVED = ("er", "hyb-learn f50", "sparcl s95", "xma", "er t4")
AGAIN = ("er", "hyb-learn f50", "sparcl s95")
JOBS = (
    *(Curves(method, setup, "learned", 6, 3, 1) for method in AGAIN for setup in (STEP, HYBRID)),
    Curves("er", TASK, "learned", 6, 3, 1),  # written as seldom as the hybrid, but in place
    *(Curves(method, setup, "served", 16, 8, 3) for method in SERVED for setup in (STEP, HYBRID)),
)


def measured(job: Curves, traces: Sequence[Trace], sets: Sets) -> tuple[list[Row], Row]:
    """Return a row for each age, and one with the tasks to each limit, of the drawn chips of all seeds of ``job``.

    Every seed is looked at in the same ages, those of the first. Cells wear as in the tasks after the first.
    """
    chip = BY_LABEL[job.setup].load(sets)
    endurance = weibull_for(worn_memory(chip.config), "accuracies at an age")
    outlooks = [outlook(later_tasks(trace), chip) for trace in traces[: job.seeds]]
    ages = age_grid(outlooks[0].rates, endurance, job.ages)
    measure = served_accuracy if job.kind == "served" else learned_accuracy
    curves = [measure(t, chip.config, o, ages, job.chips) for t, o in zip(traces, outlooks, strict=False)]
    head: Row = {"method": job.method, "setup": job.setup, "kind": job.kind, "scenario": curves[0].scenario}
    return [head | row for row in age_rows(curves)], head | limit_row(curves) | failures(outlooks)


def age_rows(curves: Sequence[AccuracyCurve]) -> Iterator[Row]:
    """Yield accuracy at each age (5 %, half, 95 % of the drawn chips of all seeds) and the mean share of dead cells."""
    every = pooled(curves, relative=False)
    for at, (tasks, band) in enumerate(zip(every.ages_tasks, every.band().T, strict=True)):
        yield {
            "tasks": float(tasks),
            "years_at_one_a_day": float(tasks) / DAYS_PER_YEAR,
            "dead_share": float(every.dead_share[:, at].mean()),
            **{f"accuracy_{name}": float(v) for name, v in zip(("early", "median", "late"), band, strict=True)},
            "accuracy_fresh": every.fresh,
            "chips": len(every.accuracy),
        }


def limit_row(curves: Sequence[AccuracyCurve]) -> Row:
    """Return the tasks by which 5 %, half and 95 % of chips fall to each share of their own fresh accuracy.

    None: not within the ages looked at. ``dead_share``: cells dead when half of the chips have got there.
    """
    every = pooled(curves, relative=True)
    row: Row = {"fresh": float(np.mean([curve.fresh for curve in curves])), "chips": len(every.accuracy)}
    row["last_age"] = float(every.ages_tasks[-1])
    for limit in LIMITS:
        found, name = limit_reached(every, limit), f"to_{limit * 100:.0f}_percent"
        row |= {f"{name}_{end}": getattr(found, end) for end in ("early", "median", "late")}
        row[f"{name}_dead_share"] = None if found.median is None else dead_at(every, found.median)
    return row


def pooled(curves: Sequence[AccuracyCurve], relative: bool) -> AccuracyCurve:
    """Return the chips of all curves as one; ``relative``: accuracy as a share of each curve's fresh one."""
    shares = [curve.accuracy / (curve.fresh if relative else 1.0) for curve in curves]
    fresh = 1.0 if relative else float(np.mean([curve.fresh for curve in curves]))
    dead = np.concatenate([curve.dead_share for curve in curves])
    first = curves[0]
    return AccuracyCurve(first.kind, first.scenario, fresh, first.ages_tasks, np.concatenate(shares), dead)


def dead_at(curve: AccuracyCurve, tasks: float) -> float:
    """Return the mean share of dead cells after ``tasks``, linear in log time between two ages."""
    return float(np.interp(np.log(tasks), np.log(curve.ages_tasks), curve.dead_share.mean(axis=0)))


def failures(outlooks: Sequence[Outlook]) -> Row:
    """Return median tasks to the first failed cell and to 1 % of cells, means over seeds."""
    return {
        "first_failed_cell": _mean([found.first_failure for found in outlooks]),
        "one_percent_failed": _mean([found.one_percent for found in outlooks]),
    }


def _mean(found: Sequence[Tasks | None]) -> float | None:
    known = [tasks.median for tasks in found if tasks is not None]
    return float(np.mean(known)) if len(known) == len(found) else None


def _job(folder: Path, job: Curves) -> tuple[list[Row], Row]:
    spec = load_study("lifetime").spec
    return measured(job, traces_by_method(spec, folder, (job.method,))[job.method], sets_of(spec))


def main(folder: Path, workers: int = 2) -> None:
    """Measure every curve, ``workers`` at once, and write what was found."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(partial(_job, folder), JOBS))
    rows = [row for ages, _ in found for row in ages]
    write_rows(rows, folder / "accuracy.csv")
    write_rows([limits for _, limits in found], folder / "accuracy_limits.csv")
    write_atomic(folder / "ageing_stamp.json", json.dumps({"commit": git_commit(HERE)}, indent=1) + "\n")
    save_as(draw_accuracy(rows), folder / "figures" / "accuracy.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
