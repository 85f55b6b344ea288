"""How long a chip lives that keeps learning, from the traces of this study.

Run the study first (``imcsim run lifetime``), then this file from the checkout with the folder of its results:
``python -m studies.lifetime.analyse results/lifetime/digits``. It writes survival.csv, wear.csv, levers.csv, rates.csv,
scaling.csv, sensitivity.csv, crossover.csv, target.csv, claims.csv (one row a setting, means and standard deviations
over seeds), analysis_stamp.json, and figures/*.png there.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imcsim.core.files import write_atomic
from imcsim.report.style import save_as
from imcsim.study.spec import load_study
from imcsim.study.stamp import git_commit
from studies.lifetime.claims import claim_rows, target_rows
from studies.lifetime.drawings import draw_levers, draw_sensitivity, draw_survival, draw_wear
from studies.lifetime.levers import lever_rows
from studies.lifetime.scaling import rate_rows, scaling_rows
from studies.lifetime.sensitivity import Book, crossover_rows, grid_rows
from studies.lifetime.survival import StudySets, Traces, mean_rows, rule_rows, survival_rows
from studies.lifetime.tables import sets_of, traces_by_method, write_rows
from studies.lifetime.wear import SETUPS, Setup, later_tasks, wear_of

HERE = Path(__file__).resolve().parent
Row = dict[str, Any]


def book_of(traces: Traces, sets: StudySets) -> Book:
    """Return the wear of every run, by method and setup: the four ways to write the default cell."""
    chips = {setup.label: setup.load(sets).config for setup in SETUPS[:4]}
    return {
        (method, label): [wear_of(later_tasks(trace), chip) for trace in seeds]
        for method, seeds in traces.items()
        for label, chip in chips.items()
    }


def tables(traces: Traces, sets: StudySets, setups: Sequence[Setup] = SETUPS) -> dict[str, list[Row]]:
    """Return file name -> rows of everything that is written; ``setups`` are those of survival.csv."""
    book = book_of(traces, sets)
    steps = {method: book[method, SETUPS[0].label] for method in traces}
    found = {
        "survival": mean_rows(list(survival_rows(traces, sets, setups)), ("method", "setup")),
        "wear": mean_rows(list(rule_rows(traces, sets)), ("method", "setup", "wear")),
        "levers": mean_rows(list(lever_rows(traces, sets)), ("method", "setup", "lever")),
        "rates": mean_rows(list(rate_rows(steps)), ("method",)),
        "scaling": list(scaling_rows(steps)),
        "sensitivity": list(grid_rows(book)),
        "crossover": list(crossover_rows(book)),
    }
    found["target"] = list(target_rows(found["survival"]))
    found["claims"] = list(claim_rows(found, book))
    return found


def draw(found: Mapping[str, list[Row]], folder: Path) -> None:
    """Write the figures."""
    for name, figure in (
        ("survival", draw_survival(found["survival"])),
        ("sensitivity", draw_sensitivity(found["sensitivity"])),
        ("levers", draw_levers(found["levers"])),
        ("wear_rules", draw_wear(found["wear"])),
    ):
        save_as(figure, folder / f"{name}.png")


def main(folder: Path) -> None:
    """Read the traces below ``folder`` and write what they say."""
    spec = load_study("lifetime").spec
    found = tables(traces_by_method(spec, folder), sets_of(spec))
    for name, rows in found.items():
        write_rows(rows, folder / f"{name}.csv")
    write_atomic(folder / "analysis_stamp.json", json.dumps({"commit": git_commit(HERE)}, indent=1) + "\n")
    draw(found, folder / "figures")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
