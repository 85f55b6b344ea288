"""Tasks to the first failed cell over endurance scale and shape, and the scale from which so many tasks are survived.

Life is proportional to the scale, so that one figure a shape says all: tasks per cycle of scale.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imcsim.life import Endurance, Tasks, first_failure
from studies.lifetime.scaling import SPLIT_CIFAR10, resnet18_cells, scaled_hazard
from studies.lifetime.wear import HYBRID, STEP, Wear

Row = dict[str, Any]
Book = Mapping[tuple[str, str], Sequence[Wear]]  # (method, setup) -> wear by seed
SCALES = tuple(float(scale) for scale in np.logspace(4, 8, 33))
SHAPES = tuple(float(shape) for shape in np.round(np.linspace(1.5, 3.0, 31), 4))
TARGETS = (1, 100, 1000)


@dataclass(frozen=True)
class Subject:
    """One picture: a learner and setup on the network measured, or (``steps``) extrapolated to ResNet-18.

    ``steps`` are the optimiser steps of a task there; 0 where a task is one commit.
    """

    label: str
    method: str
    setup: str
    extrapolated: bool = False
    steps: float = 0.0

    def hazard(self, wear: Wear, shape: float) -> float:
        """Sum of r^shape over the cells of the subject."""
        if not self.extrapolated:
            return wear.hazard(shape)
        return scaled_hazard(wear, shape, resnet18_cells(), self.steps or wear.steps_per_task)


SUBJECTS = (
    Subject("er, all-RRAM each step", "er", STEP),
    Subject("er, hybrid commit a task", "er", HYBRID),
    Subject("extrapolated to ResNet-18: er, all-RRAM each step", "er 50 epochs", STEP, True, SPLIT_CIFAR10.updates),
    Subject("extrapolated to ResNet-18: er, hybrid commit a task", "er 50 epochs", HYBRID, True),
)
METHODS = ("er", "sparcl s95", "hyb-learn f50", "piggyback fast")
CROSSED = (*SUBJECTS, *(Subject(f"{m}, {s}", m, s) for m in METHODS for s in (STEP, HYBRID) if m != "er"))


def per_scale(subject: Subject, wears: Sequence[Wear], shape: float) -> list[Tasks]:
    """Return, by seed, the tasks to the first failed cell at a scale of one cycle."""
    found = [first_failure(subject.hazard(wear, shape), Endurance(1.0, shape)) for wear in wears]
    return [tasks for tasks in found if tasks is not None]


def grid_rows(book: Book) -> Iterator[Row]:
    """Yield the median tasks at every scale and shape: geometric mean, least and most over seeds."""
    for subject in SUBJECTS:
        for shape in SHAPES:
            medians = [tasks.median for tasks in per_scale(subject, book[subject.method, subject.setup], shape)]
            mean = float(np.exp(np.mean(np.log(medians))))
            for scale in SCALES:
                found = {"tasks": scale * mean, "least": scale * min(medians), "most": scale * max(medians)}
                yield {"subject": subject.label, "scale_cycles": scale, "shape": shape, **found}


def crossover_rows(book: Book) -> Iterator[Row]:
    """Yield the endurance scale from which half of the chips, and 95 % of them, survive so many tasks.

    ``_least`` and ``_most`` are over seeds.
    """
    for subject in (s for s in CROSSED if (s.method, s.setup) in book):
        for shape in (1.5, 2.0, 2.2, 2.5, 3.0):
            found = per_scale(subject, book[subject.method, subject.setup], shape)
            for target in TARGETS if found else ():
                row: Row = {"subject": subject.label, "shape": shape, "tasks": target}
                for name, share in (("median", "half"), ("early", "95_percent")):
                    scales = [target / getattr(tasks, name) for tasks in found]
                    row[f"scale_{share}"] = float(np.exp(np.mean(np.log(scales))))
                    row[f"scale_{share}_least"], row[f"scale_{share}_most"] = min(scales), max(scales)
                yield row
