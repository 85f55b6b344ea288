"""When cells fail, in closed form: the first among all, a share of them, and a PE that has run out of spare lines.

A cell with r cycles per task lives t tasks with probability exp(-(r t / scale)^shape). Independent cells multiply, so
the first failure of any set is a Weibull time again, of scale ``scale * (sum r^shape)^(-1 / shape)``: exactly, however
unequally cells are written. Shape letters: P PEs of the network, R rows, C columns.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.life.cycles import CellRates

BAND = (0.05, 0.5, 0.95)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Endurance:
    """Weibull scale (cycles) and shape of the cycles to permanent failure."""

    scale: float
    shape: float


@dataclass(frozen=True)
class Tasks:
    """Tasks until something happens: 5 %, 50 % and 95 % of chips of the kind have seen it by then."""

    early: float
    median: float
    late: float


def hazards(rates: NDArray[np.float32], shape: float, axes: tuple[int, ...]) -> Floats:
    """Return sum of r^shape over ``axes``, in double precision: what adds up over cells."""
    return np.asarray(np.power(rates, shape, dtype=np.float64).sum(axis=axes))


def first_failure(hazard: float, endurance: Endurance, quantiles: tuple[float, float, float] = BAND) -> Tasks | None:
    """Return the tasks to the first failure among cells whose r^shape add up to ``hazard``; None if none is written."""
    if hazard <= 0:
        return None
    scale = endurance.scale * hazard ** (-1 / endurance.shape)
    return Tasks(*(scale * (-math.log1p(-q)) ** (1 / endurance.shape) for q in quantiles))


def share_failed(rates: CellRates, endurance: Endurance, share: float) -> Tasks | None:
    """Return the tasks until ``share`` of all cells has failed; None if so many are never written.

    The number of failed cells is a sum of independent yes or no; its band is that of a normal distribution, with
    the half cell that counting takes (continuity correction).
    """
    values, counts = rates.counts
    wanted = max(1.0, math.ceil(share * rates.cells * rates.copies))
    counts = counts * rates.copies
    if counts.sum() <= wanted:
        return None
    if wanted == 1:
        return first_failure(float((counts * values**endurance.shape).sum()), endurance)

    def excess(z: float) -> Callable[[float], float]:
        def of(log_tasks: float) -> float:
            dead = -np.expm1(-((math.exp(log_tasks) * values / endurance.scale) ** endurance.shape))
            spread = math.sqrt(float((counts * dead * (1 - dead)).sum()))
            return float((counts * dead).sum()) + z * spread - (wanted - 0.5)

        return of

    low, high = (math.log(endurance.scale / values[i]) for i in (-1, 0))
    times = [_root(excess(NormalDist().inv_cdf(1 - q)), low - 30, high + 30) for q in BAND]
    return Tasks(*(math.exp(time) for time in times))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Zero of a rising function, by halving."""
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return 0.5 * (low + high)
