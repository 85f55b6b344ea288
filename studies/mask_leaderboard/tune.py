"""Chooses each learner's learning rate, from the same four values for all, on images that are held out of training.

``python -m studies.mask_leaderboard.tune``, from the checkout, writes ``tuned.csv``; the study files hold what it
chose. Trials that the table holds are not run again: remove it to tune anew. A trial is the study's own training on the
first two domains, with a seed that the study does not use. A fifth of each task's training images is held out and
tested in place of the test images. The score is the mean Task-IL accuracy over both tasks in the end, the only accuracy
that all learners serve; of equal scores the smaller rate wins.
"""

import csv
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imcsim.core.config import parse
from imcsim.core.csv_text import to_csv
from imcsim.core.files import write_atomic
from imcsim.core.seeds import child_seed
from imcsim.learn.config import LearnConfig
from imcsim.study.points import load_chips, training_points
from imcsim.study.spec import StudySpec, load_study

if TYPE_CHECKING:
    from imcsim.learn.stream import Stream, Task

FOLDER = Path(__file__).parent
TUNED_ON = "study.toml"  # both streams train with the rates chosen on this one
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
SEED = 100
TASKS = 2
HELD_OUT = 5  # one of so many training images
COLUMNS = ("label", "learning_rate", "task_il_1", "task_il_2", "mean", "chosen")

Row = dict[str, Any]


def spec_of(name: str) -> StudySpec:
    """Return one of the two studies, by its file's name."""
    return load_study(str(FOLDER / name)).spec


def with_rate(config: dict[str, Any], rate: float) -> dict[str, Any]:
    """Return the learner's fields with ``rate`` as the step of all that trains, the method's own steps included."""
    own = {name: rate for name in config["method_config"] if name.endswith("learning_rate")}
    return {**config, "learning_rate": rate, "method_config": {**config["method_config"], **own}, "seed": SEED}


def held_out(stream: "Stream") -> "Stream":
    """Return the first tasks of ``stream``, tested on training images that are taken from training."""
    return replace(stream, tasks=tuple(_split(task) for task in stream.tasks[:TASKS]))


def _split(task: "Task") -> "Task":
    import torch

    generator = torch.Generator().manual_seed(child_seed(SEED, "held-out", task.index))
    order = torch.randperm(len(task.y_train), generator=generator)
    test, train = order[: len(order) // HELD_OUT], order[len(order) // HELD_OUT :]
    x, y = task.x_train, task.y_train
    return replace(task, x_train=x[train], y_train=y[train], x_test=x[test], y_test=y[test])


def trial(label: str, fields: dict[str, Any]) -> Row:
    """Train once and return the row of the table; ``chosen`` is filled in later."""
    from imcsim.learn.api import learn_on
    from imcsim.learn.start import make_network, make_stream

    config = parse(LearnConfig, fields, label)
    stream = held_out(make_stream(config))
    final = learn_on(config, make_network(config, stream), stream).task_il[-1]
    scores = [round(float(value), 4) for value in final]
    return {
        "label": label,
        "learning_rate": config.learning_rate,
        "task_il_1": scores[0],
        "task_il_2": scores[1],
        "mean": round(float(final.mean()), 4),
        "chosen": False,
    }


def trials(done: Iterable[Row] = ()) -> list[tuple[str, dict[str, Any]]]:
    """Return the arguments of every trial that is not among the rows ``done``."""
    spec, had = spec_of(TUNED_ON), {(row["label"], row["learning_rate"]) for row in done}
    points = training_points(spec, load_chips(spec), TUNED_ON)
    first = [point for point in points if point.seed == spec.seeds[0]]
    wanted = [(point.label, rate, dict(point.config)) for point in first for rate in RATES]
    return [(label, with_rate(config, rate)) for label, rate, config in wanted if (label, rate) not in had]


def choose(rows: Iterable[Row]) -> list[Row]:
    """Return the rows, each learner's with the highest mean marked."""
    found = list(rows)
    for label in dict.fromkeys(row["label"] for row in found):
        mine = [row for row in found if row["label"] == label]
        best = max(mine, key=lambda row: (row["mean"], -row["learning_rate"]))
        for row in mine:
            row["chosen"] = row is best
    return found


def read_table(path: Path) -> list[Row]:
    """Return the rows of ``tuned.csv``, none if there is no such file."""
    if not path.exists():
        return []
    numbers = ("learning_rate", "task_il_1", "task_il_2", "mean")
    with path.open(encoding="utf-8") as file:
        return [
            {**row, **{n: float(row[n]) for n in numbers}, "chosen": row["chosen"] == "True"}
            for row in csv.DictReader(file)
        ]


def write_table(rows: Iterable[Row], path: Path) -> None:
    """Write the rows, sorted."""
    ordered = sorted(rows, key=lambda row: (row["label"], row["learning_rate"]))
    write_atomic(path, to_csv(ordered, COLUMNS))


def line_of(row: Row) -> str:
    """Return a row without its last column, for a person who waits."""
    return " ".join(str(row[name]) for name in COLUMNS[:-1])


def main() -> None:
    """Run the trials, two at once, and write ``tuned.csv``."""
    path = FOLDER / "tuned.csv"
    rows = read_table(path)
    with ProcessPoolExecutor(2) as pool:
        for row in pool.map(trial, *zip(*trials(rows), strict=True)):
            rows.append(row)
            sys.stderr.write(f"{line_of(row)}\n")
            write_table(choose(rows), path)


if __name__ == "__main__":
    main()
