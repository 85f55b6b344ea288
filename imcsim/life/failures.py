"""When a share of all cells has failed, in closed form; the first of them: :mod:`imcsim.chip.wear.lifetime`."""

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from imcsim.chip.wear.first_failure import BAND, Endurance, Tasks, first_failure
from imcsim.chip.wear.worn import weibull_of
from imcsim.life.cycles import CellRates
from imcsim.memory.macro import Macro


def expected_life(rates: CellRates, macro: Macro) -> float | None:
    """Return the median tasks to the first failed cell, None if none is written.

    Without a distribution of failures: tasks until the worst cell has its guaranteed cycles.
    """
    endurance = weibull_of(macro)
    if endurance is None:
        return macro.memory.endurance.guaranteed_cycles / rates.worst if rates.worst else None
    first = first_failure(rates.hazard(endurance.shape), endurance)
    return None if first is None else first.median


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
        return first_failure(rates.hazard(endurance.shape), endurance)

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
