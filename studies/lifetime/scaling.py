"""From digits to trainings of published size: an extrapolation, marked as one.

Ways to count the writes of a training of W updates. *Every update writes every cell*, as published arithmetic has it.
*As measured*: a cell sees as many level changes per optimiser step as the cells of the small network did, in the same
proportions. Longer training changes fewer levels a step, so that this is the pessimistic end; *by the trend* cycles a
task grow as steps to the power that runs of 2, 10 and 50 epochs follow. Cells per weight are those of the default chip.
The first failure then follows exactly from the number of cells.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from imcsim.learn.networks import build_network
from imcsim.learn.shapes import trace_layers
from imcsim.life import Endurance, first_failure
from studies.lifetime.wear import Wear

Row = dict[str, Any]
Figure = Callable[[Wear], float]
EXTRAPOLATED = ("er", "er 50 epochs", "sparcl s95", "hyb-learn f50")
CYCLES = (1e4, 1e5, 1e6)  # guaranteed, typical and good full-window cycles of foundry cells
CELLS_PER_WEIGHT = 8
LENGTHS = ("er 2 epochs", "er", "er 50 epochs")
EVERY, MEASURED = "every update writes every cell", "level changes per step as measured on digits"
TREND = "level changes by their trend from 2 to 50 epochs"


@dataclass(frozen=True)
class Workload:
    """A training of ``updates`` updates a weight; ``steps`` tells whether they are optimiser steps."""

    label: str
    updates: float
    steps: bool
    source: str


WORKLOADS = (
    Workload("few-shot, 5 updates", 5, False, "Weebit and CEA-Leti at VLSI 2025, summary on weebit-nano.com"),
    Workload("full training, low end", 1e3, False, "'thousands' of writes a weight: Long Live TIME, abstract"),
    Workload("a task of Split CIFAR-10", 50 * (10_000 // 32), True, "50 epochs, batch 32: studies/sparcl_cifar10"),
    Workload("CIFAR-10, 100 epochs", 100 * 50_000 / 128, True, "50,000 images, batch 128: arithmetic"),
    Workload("full training, high end", 1e6, False, "'millions' of writes a weight: Long Live TIME, abstract"),
)  # fmt: skip
SPLIT_CIFAR10 = WORKLOADS[2]


@cache
def resnet18_cells() -> int:
    """Return the cells of a ResNet-18 of width 64 for CIFAR-10 at eight cells a weight."""
    layers = trace_layers(build_network("resnet18", 10, (3, 32, 32), {"width": 64}, 0), (3, 32, 32))
    return int(sum(spec.weight_count for spec in layers)) * CELLS_PER_WEIGHT


def per_cell(wear: Wear, shape: float) -> float:
    """Return the mean over cells of (cycles per step)^shape."""
    values, shares = wear.per_step
    return float((shares * values**shape).sum())


def scaled_hazard(wear: Wear, shape: float, cells: float, steps: float) -> float:
    """Return the sum of r^shape of ``cells`` cells in the measured proportions, a task being ``steps`` steps."""
    return float(cells * steps**shape * per_cell(wear, shape))


def scaling_rows(wears: Mapping[str, Sequence[Wear]]) -> Iterator[Row]:
    """Yield trainings until failure of a ResNet-18, by workload and way of counting; ``wears``: each step, by seed."""
    cells = resnet18_cells()
    endurance = next(iter(wears.values()))[0].endurance
    for load in WORKLOADS:
        hazard = cells * load.updates**endurance.shape
        yield _row(load, EVERY, "", cells, (load.updates, load.updates), [hazard], endurance)
        for method in (name for name in EXTRAPOLATED if load.steps and name in wears):
            seeds = wears[method]
            mean = float(np.mean([wear.mean / wear.steps_per_task for wear in seeds])) * load.updates
            worst = float(np.mean([wear.rates.worst / wear.steps_per_task for wear in seeds])) * load.updates
            hazards = [scaled_hazard(wear, endurance.shape, cells, load.updates) for wear in seeds]
            yield _row(load, MEASURED, method, cells, (mean, worst), hazards, endurance)
        if load.steps and all(name in wears for name in LENGTHS):
            mean, worst, weibull = (trend_at(wears, figure, load.updates) for figure in _figures(endurance.shape))
            hazard = cells * weibull**endurance.shape
            yield _row(load, TREND, LENGTHS[-1], cells, (mean, worst), [hazard], endurance)


def trend_at(wears: Mapping[str, Sequence[Wear]], figure: Figure, steps: float) -> float:
    """Return ``figure`` (cycles per task) at ``steps`` steps a task: a power law through the mean runs of ``LENGTHS``.

    The exponent is that of least squares in logarithms; the line goes through the longest runs.
    """
    at = np.log([wears[name][0].steps_per_task for name in LENGTHS])
    cycles = np.log([np.mean([figure(wear) for wear in wears[name]]) for name in LENGTHS])
    exponent = float(np.polyfit(at, cycles, 1)[0])
    return float(np.exp(cycles[-1]) * (steps / wears[LENGTHS[-1]][0].steps_per_task) ** exponent)


def rate_rows(wears: Mapping[str, Sequence[Wear]]) -> Iterator[Row]:
    """Yield level changes per cell and optimiser step of every run: what the extrapolation rests on."""
    for method, seeds in wears.items():
        for seed, wear in enumerate(seeds):
            shape = wear.endurance.shape
            yield {
                "method": method, "seed": seed, "steps_per_task": wear.steps_per_task,
                "mean_per_step": wear.mean / wear.steps_per_task,
                "worst_per_step": wear.rates.worst / wear.steps_per_task,
                "weibull_mean_per_step": per_cell(wear, shape) ** (1 / shape),
            }  # fmt: skip


def _figures(shape: float) -> tuple[Figure, Figure, Figure]:
    """Cycles per task of the mean cell, of the worst, and the mean that decides the first failure."""
    return (
        lambda wear: wear.mean,
        lambda wear: wear.rates.worst,
        lambda wear: wear.steps_per_task * per_cell(wear, shape) ** (1 / shape),
    )


def _row(
    load: Workload, counting: str, method: str, cells: int, cycles: tuple[float, float], hazards: Sequence[float],
    endurance: Endurance,
) -> Row:  # fmt: skip
    found = [tasks for tasks in (first_failure(hazard, endurance) for hazard in hazards) if tasks is not None]
    first = {name: float(np.mean([getattr(tasks, name) for tasks in found])) for name in ("early", "median", "late")}
    return {
        "workload": load.label, "counting": counting, "method": method,
        "mark": "arithmetic" if counting == EVERY else "extrapolated", "updates": load.updates, "cells": cells,
        "mean_cycles": cycles[0], "worst_cycles": cycles[1],
        **{f"trainings_at_{limit:.0e}": limit / cycles[1] for limit in CYCLES},
        **{f"first_{name}": value for name, value in first.items()}, "source": load.source,
    }  # fmt: skip
