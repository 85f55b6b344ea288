"""Accuracy of a stream that is learned again on worn chips: the learner sees the dead cells and makes up for some."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.learn.api import learn
from imcsim.learn.wear.curve import AccuracyCurve
from imcsim.learn.wear.of_chip import cycles_of_cells, wear_of_chip
from imcsim.learn.wear.served import config_of
from imcsim.life.outlook import Outlook
from imcsim.trace.trace import Trace

Progress = Callable[[int, int, str], None]


def learned_accuracy(
    trace: Trace, chip: ChipConfig, found: Outlook, ages_tasks: NDArray[np.float64], chips: int,
    progress: Progress | None = None,
) -> AccuracyCurve:  # fmt: skip
    """Return the accuracy after learning the stream of ``trace`` again, on drawn chips of several ages.

    Everything but the chip is as it was: network, images, order, seeds. The age is that of the chip when the stream
    starts; its own tasks wear it further.

    Parameters
    ----------
    trace, chip, found
        What was learned, and the outlook of that on ``chip``.
    ages_tasks
        (A,).
    chips
        Chips to draw.
    progress
        Called with (epochs done, in all, a few words).

    Raises
    ------
    ConfigError
        If the trace has no configuration, or the chip does not suit.
    """
    config, tasks = config_of(trace), trace.meta.tasks
    each = {name: tasks * rates for name, rates in cycles_of_cells(found.rates, trace.meta.layers, chip).items()}
    cells = sum(rates.size for rates in each.values())
    accuracy, dead = np.zeros((chips, len(ages_tasks))), np.zeros((chips, len(ages_tasks)))
    for number in range(chips):
        for at, age in enumerate(ages_tasks):
            wear = wear_of_chip(chip, streams_before=float(age) / tasks, chip_seed=number)
            run = config.model_copy(update={"wear": wear})
            done = partial(_told, progress, number * len(ages_tasks) + at, accuracy.size)
            again = learn(run, progress=done, cycles_per_stream=each)
            accuracy[number, at] = final_accuracy(again)
            dead[number, at] = again.wear_counts["dead_cells"][-1].sum() / cells
    return AccuracyCurve("learned", trace.meta.scenarios[0], final_accuracy(trace), ages_tasks, accuracy, dead)


def final_accuracy(trace: Trace) -> float:
    """Return the mean accuracy over all tasks after the last, Class-IL, or Task-IL where the task must be told."""
    matrix = trace.class_il if "class-il" in trace.meta.scenarios else trace.task_il
    return float(matrix[-1].mean())


def _told(progress: Progress | None, run: int, runs: int, done: int, total: int, text: str) -> None:
    if progress is not None:
        progress(run * total + done, runs * total, f"{text}, run {run + 1} of {runs}")
