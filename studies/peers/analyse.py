"""imcsim beside NeuroSim V1.4 and V2.1 and MNSIM 2.0 on the networks on which they were measured.

Run from the checkout with a folder for the results: ``python -m studies.peers.analyse results/peers``. It writes
steps.csv (from our unit figures to each peer's, one change a row), inference.csv and training.csv (item by item beside
what the peer printed, with a sentence on each difference), peers.png and stamp.json.
"""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from imcsim.chip.config import load_chip
from imcsim.core.config import config_hash
from imcsim.core.csv_text import to_csv
from imcsim.core.files import write_atomic
from imcsim.report.style import save_as
from imcsim.study.code import code_version
from imcsim.study.stamp import git_commit, versions
from studies.peers.chips import configured, figures
from studies.peers.drawings import draw
from studies.peers.runs import RUNS, TRAINING, Run, TrainingRun
from studies.peers.training import epoch, gradients_through_dram
from studies.peers.workloads import workload

HERE = Path(__file__).resolve().parent
Row = dict[str, Any]
Found = dict[str, list[dict[str, float]]]  # run -> items of each step


def measured(path: Path = HERE / "measured.csv") -> list[Row]:
    """Return what the peers printed: run, item, value (None where the peer crashed), unit, source, why."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{**row, "value": float(row["value"]) if row["value"] else None} for row in csv.DictReader(file)]


def inference_figures(runs: Sequence[Run] = RUNS) -> Found:
    """Return run -> items of each of its steps, for one image."""
    return {
        run.name: [figures(run.workload(step), configured(step.chip, step.overrides)) for step in run.steps]
        for run in runs
    }


def training_figures(runs: Sequence[TrainingRun] = TRAINING) -> Found:
    """Return run -> items of an epoch: with our units, with the peer's, and with each image's gradients in DRAM."""
    found: Found = {}
    for run in runs:
        network = workload(run.network)
        ours, theirs = (load_chip(chip, dict(overrides)) for chip, overrides in (run.ours, run.theirs))
        items = epoch(network, theirs)
        found[run.name] = [epoch(network, ours), items, gradients_through_dram(network, theirs.config, items)]
    return found


def step_rows(found: Found, runs: Sequence[Run] = RUNS) -> list[Row]:
    """Return one row per run and step: all items."""
    return [
        {"run": run.name, "peer": run.peer, "network": run.network, "step": step.name, "chip": step.chip, **items}
        for run in runs
        for step, items in zip(run.steps, found[run.name], strict=True)
    ]


def beside(found: Found, rows: Iterable[Row], nodes: Mapping[str, int]) -> list[Row]:
    """Return the measured rows with ours beside them; blank where there is nothing to set beside.

    Parameters
    ----------
    nodes
        Run -> index of the step that has all the peer's unit figures.
    """
    table = []
    for row in rows:
        steps = found.get(row["run"], [])
        ours = [items.get(row["item"]) for items in steps]
        units = ours[nodes[row["run"]]] if ours else None
        last, value = (ours[-1] if ours else None), row["value"]
        table.append(
            {
                "run": row["run"],
                "item": row["item"],
                "unit": row["unit"],
                "measured": value,
                "our_units": ours[0] if ours else None,
                "peer_units": units,
                "peer_form": last,
                "ratio": last / value if last is not None and value else None,
                "why": row["why"],
                "source": row["source"],
            }
        )
    return table


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV, four digits of each number, blanks for None."""
    shown = [{k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    write_atomic(path, to_csv(shown))


def stamp() -> dict[str, Any]:
    """Return what made the results: commit, versions, and a hash of every chip as it was set."""
    settings = {f"{run.name}: {step.name}": configured(step.chip, step.overrides) for run in RUNS for step in run.steps}
    for run in TRAINING:
        for label, (chip, overrides) in (("our units", run.ours), ("its units", run.theirs)):
            settings[f"{run.name}: {label}"] = configured(chip, overrides)
    return {
        "commit": git_commit(HERE),
        "code_version": code_version([HERE / "analyse.py"]),
        "versions": versions(),
        "config_hash": {name: config_hash(chip) for name, chip in settings.items()},
    }


def _last_with_padding(run: Run) -> int:
    """Index of the step at which every unit figure is the peer's, before its way of counting."""
    return next(i for i, step in enumerate(run.steps) if step.name == "its node")


def main(folder: Path) -> None:
    """Write all results below ``folder``."""
    known = measured()
    inference, training = inference_figures(), training_figures()
    nodes = {run.name: _last_with_padding(run) for run in RUNS} | {run.name: 1 for run in TRAINING}
    rows = beside(inference, [row for row in known if not row["run"].startswith("v21")], nodes)
    write_rows(step_rows(inference), folder / "steps.csv")
    write_rows(rows, folder / "inference.csv")
    write_rows(beside(training, [row for row in known if row["run"].startswith("v21")], nodes), folder / "training.csv")
    parts = [{"run": name, "step": step, **items} for name, steps in training.items()
             for step, items in zip(("our units", "its units", "gradients in DRAM"), steps, strict=True)]  # fmt: skip
    write_rows(parts, folder / "training_steps.csv")
    write_atomic(folder / "stamp.json", json.dumps(stamp(), indent=1) + "\n")
    save_as(draw(step_rows(inference), rows), folder / "peers.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
