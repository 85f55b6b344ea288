"""The trained runs of this study, priced: by label and chip, one entry a seed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imcsim.chip.config import ChipConfig
from imcsim.chip.placed import place
from imcsim.chip.price import price
from imcsim.chip.report import Report
from imcsim.chip.switching import Switch, switch
from imcsim.core.sources import Resolved
from imcsim.trace.store import load
from imcsim.trace.trace import Trace
from studies.claims.energy import Account, Line, event_energy_j, line_of, mean_line

Chips = Mapping[str, Resolved[ChipConfig]]
_NAME = re.compile(r"(?P<label>.+)-s(?P<seed>\d+)-[0-9a-f]+")


@dataclass(frozen=True)
class Priced:
    """One run on one chip."""

    trace: Trace
    report: Report
    switched: Switch


Book = Mapping[tuple[str, str], Sequence[Priced]]


def traces_of(folder: Path) -> dict[str, list[Trace]]:
    """Return label -> its traces by seed, from a study's folder."""
    found: dict[str, dict[int, Trace]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        match = _NAME.fullmatch(path.stem)
        if match is not None:
            found.setdefault(match["label"], {})[int(match["seed"])] = load(path)
    return {label: [seeds[seed] for seed in sorted(seeds)] for label, seeds in found.items()}


def priced(traces: Mapping[str, Sequence[Trace]], chips: Chips) -> dict[tuple[str, str], list[Priced]]:
    """Return (label, chip) -> priced runs."""
    return {
        (label, name): [Priced(trace, price(trace, chip), switch(place(trace, chip.config))) for trace in seeds]
        for label, seeds in traces.items()
        for name, chip in chips.items()
    }


def line(book: Book, chips: Chips, label: str, chip: str, account: Account) -> Line:
    """Return the mean line over the seeds of a run."""
    event = event_energy_j(chips[chip].config)
    return mean_line([line_of(run.report, run.switched, event, account) for run in book[label, chip]])


def stats(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation (0 for one value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def mask_bits(run: Priced) -> float:
    """Return the bits of masks that a task needs, the mean over tasks from the second on."""
    return float(run.trace.task_counts["mask_bits"][list(run.trace.meta.last_phases[1:])].mean())


def run_rows(book: Book) -> list[dict[str, Any]]:
    """Return one row for each label and chip: what a task, a switch and an inference cost, means over seeds."""
    rows = []
    for (label, chip), runs in book.items():
        energy = stats([run.report.energy.total / run.trace.meta.tasks for run in runs])
        rows.append(
            {
                "method": label,
                "chip": chip,
                "seeds": len(runs),
                "task_il_mean": stats([run.report.accuracy["task_il_final"] for run in runs])[0],
                "task_il_sd": stats([run.report.accuracy["task_il_final"] for run in runs])[1],
                "training_j_per_task_mean": energy[0],
                "training_j_per_task_sd": energy[1],
                "rram_events_per_task": stats([_events(run) for run in runs])[0],
                "mask_bits": stats([mask_bits(run) for run in runs])[0],
                "switch_j": stats([run.switched.energy.total for run in runs])[0],
                "switch_rram_cells": stats([run.switched.nonvolatile_cells for run in runs])[0],
                "inference_j": stats([run.report.inference.total for run in runs])[0],
                "flops_paper": stats([run.trace.meta.flops["paper"] for run in runs])[0],
                "flops_backpropagated": stats([run.trace.meta.flops["backpropagated"] for run in runs])[0],
            }
        )
    return rows


def _events(run: Priced) -> float:
    rram = run.report.writes.get("rram")
    return 0.0 if rram is None else float(np.mean(rram.per_task[1:]))
