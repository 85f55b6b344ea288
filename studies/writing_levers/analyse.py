"""Wear and life under each lever, from the traces of this study.

Run the study first (``imcsim run writing_levers``), then this file from the checkout with the folder of its results:
``python -m studies.writing_levers.analyse results/writing_levers/digits``. It writes life.csv there, one row a learner:
mean and sample standard deviation over seeds.
"""

import statistics
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from imcsim.chip.config import load_chip
from imcsim.chip.wear.worn import worn_memory
from imcsim.core.csv_text import to_csv
from imcsim.core.files import write_atomic
from imcsim.learn.placing.life import events_by_pe
from imcsim.life import outlook
from imcsim.study.spec import load_study
from imcsim.trace.store import load
from imcsim.trace.trace import Trace

CHIP = "all-rram-28nm"


def figures_of(trace: Trace) -> dict[str, float]:
    """Return accuracy at the end, wear per task, and life if tasks go on at that rate, one a day.

    ``worst_pe_cycles_per_task`` is the mean cell of the PE most written; years are those of the median chip.
    """
    chip = load_chip(CHIP)
    found = outlook(trace, chip)
    first, one_percent = found.first_failure, found.one_percent
    if first is None or one_percent is None:
        raise ValueError("a learner of this study writes nothing")
    layers, encoding = trace.meta.layers, trace.meta.encodings[0]
    tables = {"changes/" + "/".join(key): list(cells) for key, cells in trace.changes.items()}
    tile = worn_memory(chip.config).geometry.tile
    worst_pe = max(float(pes.max()) for pes in events_by_pe(tables, layers, encoding, tile).values())
    return {
        "class_il": float(trace.class_il[-1].mean()),
        "task_il": float(trace.task_il[-1].mean()),
        "worst_cell_cycles_per_task": found.worst_cycles_per_task,
        "worst_pe_cycles_per_task": worst_pe / trace.meta.tasks,
        "first_failure_years": first.median / (365.25 * found.tasks_per_day),
        "one_percent_years": one_percent.median / (365.25 * found.tasks_per_day),
        "programming_j_per_task": found.energy[0].programming_j,
        "total_j_per_task": found.energy[0].total_j,
        "skipped_writes_per_task": float(trace.counts["skipped_writes"].sum()) / trace.meta.tasks,
    }


def summary(rows: Iterable[tuple[str, dict[str, float]]]) -> list[dict[str, Any]]:
    """Return one row per label: mean and sample standard deviation of each figure."""
    by_label: dict[str, list[dict[str, float]]] = {}
    for label, figures in rows:
        by_label.setdefault(label, []).append(figures)
    found = []
    for label, runs in by_label.items():
        row: dict[str, Any] = {"learner": label, "seeds": len(runs)}
        for name in runs[0]:
            values = [run[name] for run in runs]
            row[f"{name}_mean"] = statistics.mean(values)
            row[f"{name}_sd"] = statistics.stdev(values) if len(values) > 1 else 0.0
        found.append(row)
    return found


def labelled(traces: Iterable[Trace]) -> list[tuple[str, Trace]]:
    """Return (label, trace) in the order of the study's learners."""
    methods = load_study("writing_levers").spec.methods
    found = []
    for trace in traces:
        for place, choice in enumerate(methods):
            writing = dict(choice.training.get("writing", {}))
            given = trace.meta.config["writing"]
            same = choice.method == trace.meta.method and choice.config == trace.meta.config["method_config"]
            if same and {**_OFF, **writing} == given:
                found.append((place, choice.label, trace))
    return [(label, trace) for _, label, trace in sorted(found, key=lambda item: (item[0], item[2].meta.seed))]


_OFF = {"rounding": "nearest", "threshold": 0.5, "master": "float", "row_share": 1.0, "keep_rest": False}


def main(folder: Path) -> None:
    """Read the traces below ``folder`` and write what they say."""
    traces = [load(path) for path in sorted((folder / "traces").glob("*.safetensors"))]
    rows = summary((label, figures_of(trace)) for label, trace in labelled(traces))
    shown = [{k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    write_atomic(folder / "life.csv", to_csv(shown))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
