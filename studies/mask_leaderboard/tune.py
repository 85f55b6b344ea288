"""Chooses each learner's learning rate, from the same three values for all, on images that are held out of training.

``python -m studies.mask_leaderboard.tune [LABEL ...]``, from the checkout, writes ``tuned.csv``; the study files hold
what it chose. With labels only those learners are tuned, the others' rows stay. A trial is the study's own training on
the first two tasks of its stream, with a seed that the study does not use. A fifth of each task's training images is held
out and tested in place of the test images. The score is the mean Task-IL accuracy over both tasks in the end, the only
accuracy that all learners serve; of equal scores the smaller rate wins.
"""

import csv
import io
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imcsim.core.config import parse
from imcsim.core.files import write_atomic
from imcsim.core.seeds import child_seed
from imcsim.learn.config import LearnConfig
from imcsim.study.points import load_chips, training_points
from imcsim.study.spec import StudySpec, load_study

if TYPE_CHECKING:
    from imcsim.learn.stream import Stream, Task

FOLDER = Path(__file__).parent
STUDIES = ("study", "split")  # files beside this one
RATES = (1e-3, 3e-3, 1e-2)
SEED = 100
TASKS = 2
HELD_OUT = 5  # one of so many training images
COLUMNS = ("study", "label", "learning_rate", "task_il_1", "task_il_2", "mean", "chosen")

Row = dict[str, Any]


def spec_of(study: str) -> StudySpec:
    """Return one of the two studies."""
    return load_study(str(FOLDER / f"{study}.toml")).spec


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


def trial(study: str, label: str, fields: dict[str, Any]) -> Row:
    """Train once and return the row of the table; ``chosen`` is filled in later."""
    from imcsim.learn.api import learn_on
    from imcsim.learn.start import make_network, make_stream

    config = parse(LearnConfig, fields, label)
    stream = held_out(make_stream(config))
    final = learn_on(config, make_network(config, stream), stream).task_il[-1]
    scores = [round(float(value), 4) for value in final]
    return {
        "study": study,
        "label": label,
        "learning_rate": config.learning_rate,
        "task_il_1": scores[0],
        "task_il_2": scores[1],
        "mean": round(float(final.mean()), 4),
        "chosen": False,
    }


def trials(study: str, labels: Sequence[str]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the arguments of every trial of one study; no labels: all learners."""
    spec = spec_of(study)
    points = training_points(spec, load_chips(spec), study)
    first = [point for point in points if point.seed == spec.seeds[0] and (not labels or point.label in labels)]
    return [(study, point.label, with_rate(dict(point.config), rate)) for point in first for rate in RATES]


def choose(rows: Iterable[Row]) -> list[Row]:
    """Return the rows, for each study and learner the one with the highest mean marked."""
    found = list(rows)
    for key in dict.fromkeys((row["study"], row["label"]) for row in found):
        mine = [row for row in found if (row["study"], row["label"]) == key]
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
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: (row["study"], row["label"], row["learning_rate"])))
    write_atomic(path, text.getvalue())


def study_line(row: Row) -> str:
    """Return a row without its last column, for a person who waits."""
    return " ".join(str(row[name]) for name in COLUMNS[:-1])


def main(labels: Sequence[str]) -> None:
    """Run the trials, two at once, and write ``tuned.csv``."""
    path = FOLDER / "tuned.csv"
    wanted = [arguments for study in STUDIES for arguments in trials(study, labels)]
    keys = {(study, label) for study, label, _ in wanted}
    rows = [row for row in read_table(path) if (row["study"], row["label"]) not in keys]
    with ProcessPoolExecutor(2) as pool:
        for row in pool.map(trial, *zip(*wanted, strict=True)):
            rows.append(row)
            sys.stderr.write(f"{study_line(row)}\n")
            write_table(choose(rows), path)


if __name__ == "__main__":
    main(sys.argv[1:])
