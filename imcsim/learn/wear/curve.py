"""Accuracy against age: a curve for each drawn chip, and when it falls to a limit.

Shape letters: N drawn chips, A ages.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.wear.first_failure import BAND, Endurance
from imcsim.core.errors import ConfigError
from imcsim.life.cycles import CellRates
from imcsim.trace.schema import Scenario

Floats = NDArray[np.float64]
Kind = Literal["served", "learned"]


@dataclass(frozen=True)
class AccuracyCurve:
    """Mean accuracy over all tasks, after the last one, of drawn chips at several ages.

    Parameters
    ----------
    kind
        ``served``: weights learned on a fresh chip; ``learned``: the stream is learned again on the aged chip.
    scenario
        Class-IL, or Task-IL where the method must be told the task.
    fresh
        Accuracy (0..1) of a fresh chip.
    ages_tasks
        (A,) rising.
    accuracy, dead_share
        (N, A): accuracy (0..1), and the share of all cells that is dead.
    """

    kind: Kind
    scenario: Scenario
    fresh: float
    ages_tasks: Floats
    accuracy: Floats
    dead_share: Floats

    def band(self) -> Floats:
        """Return (3, A): accuracy at 5 %, 50 % and 95 % of the drawn chips; each is that of a chip."""
        return np.quantile(self.accuracy, BAND, axis=0, method="inverted_cdf")


@dataclass(frozen=True)
class LimitReached:
    """Tasks by which 5 %, 50 % and 95 % of drawn chips have fallen to a limit; None: not within the ages looked at."""

    limit: float
    early: float | None
    median: float | None
    late: float | None


def limit_reached(curve: AccuracyCurve, limit: float) -> LimitReached:
    """Return when accuracy first falls below ``limit`` times that of the fresh chip, log-linear between two ages.

    Raises
    ------
    ConfigError
        If the limit is not between 0 and 1.
    """
    check_limit(limit)
    found = np.array([_crossing(curve, row, limit * curve.fresh) for row in curve.accuracy])
    times = np.quantile(found, BAND, method="inverted_cdf")
    return LimitReached(limit, *(float(time) if math.isfinite(time) else None for time in times))


def check_limit(limit: float) -> None:
    """Raise ConfigError unless ``limit`` is a share of the fresh chip's accuracy, between 0 and 1."""
    if not 0 < limit < 1:
        raise ConfigError(f"an accuracy limit is a share of the fresh chip's accuracy, between 0 and 1, got {limit:g}")


def _crossing(curve: AccuracyCurve, accuracy: Floats, level: float) -> float:
    below = np.flatnonzero(accuracy < level)
    if not len(below):
        return math.inf
    last = int(below[0])
    if last == 0:
        return float(curve.ages_tasks[0])
    above, under = accuracy[last - 1], accuracy[last]
    start, end = np.log(curve.ages_tasks[last - 1 : last + 1])
    return float(np.exp(start + (end - start) * (above - level) / (above - under)))


def age_grid(rates: CellRates, endurance: Endurance, count: int) -> Floats:
    """Return (count,) ages (tasks): from 1 in 10,000 written cells dead, but at least one, to 90 %, even in log time.

    Raises
    ------
    ConfigError
        If no cell is written.
    """
    values, cells = rates.counts
    if not len(values):
        raise ConfigError("no RRAM cell is written: accuracy does not fall by wear")
    first = min(0.5, max(1e-4, 1 / cells.sum()))
    start, end = (_age(values, cells / cells.sum(), endurance, share) for share in (first, 0.9))
    return np.geomspace(start, end, count, dtype=np.float64)


def _age(values: Floats, weight: Floats, endurance: Endurance, share: float) -> float:
    """Return the age at which the expected ``share`` of written cells is dead, by bisection in log time."""
    last = math.log(endurance.scale / values.min()) + 8.0 / endurance.shape  # all are dead: exp(8) is enough
    low, high = last - 60.0 / min(1.0, endurance.shape) - math.log(values.max() / values.min()), last
    for _ in range(100):
        middle = 0.5 * (low + high)
        dead = -np.expm1(-((math.exp(middle) * values / endurance.scale) ** endurance.shape))
        low, high = (middle, high) if float((weight * dead).sum()) < share else (low, middle)
    return math.exp(high)
