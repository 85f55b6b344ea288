"""How wide a prediction's band is: what the model was off on silicon that it had not seen, and what a row leaves open.

A band is [p / f, p f] of a predicted p. The factor joins two things that are taken as independent: the ranges that a
row's own assumptions span (half a range on a logarithmic scale counts as the 90 % quantile), and the model's own
error, whose size is chosen so that left-out macros lie inside as often as the band says.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

HOLDS = 0.9
"""The share of macros that a band is said to hold."""
QUANTILE = 1.6449  # of the normal distribution, two-sided 90 %
_LEAST = 0.1  # design choice: no model is better than 10 %
_SHARE = 0.5  # design choice: of an assumption's range that is not in the left-out macros' errors
_POOLED = 2  # silicons that the pool of all families counts as in the error of one


@dataclass(frozen=True)
class Miss:
    """How far one left-out point was off: log(predicted / reported), and its row's own standard deviation."""

    silicon_id: str
    family: str
    log_ratio: float
    row_sigma: float


def row_sigma(deviations: Sequence[float]) -> float:
    """Return the standard deviation of a prediction's logarithm that a row's assumptions leave.

    Each deviation is the largest change of the logarithm when one assumption goes to an end of its range. Half of it
    counts: what left-out macros were off holds a share of it already, as they assumed the same.
    """
    return _SHARE * math.hypot(0.0, *deviations) / QUANTILE


def model_sigma(misses: Sequence[Miss], family: str) -> float:
    """Return the model's own standard deviation for a family: the least with which its left-out macros lie inside.

    Every silicon counts once. The pool of all families counts as two more silicons, so that a family of few is not
    taken for exact.
    """
    own = [miss for miss in misses if miss.family == family]
    silicons, pooled = len({miss.silicon_id for miss in own}), _fitted(misses)
    if not own:
        return pooled
    return (silicons * _fitted(own) + _POOLED * pooled) / (silicons + _POOLED)


def half_width(model: float, row: float) -> float:
    """Return the logarithm of a band's factor."""
    return QUANTILE * math.hypot(model, row)


def _fitted(misses: Sequence[Miss]) -> float:
    """Return the model's standard deviation with which ``HOLDS`` of the silicon lies inside: a weighted quantile."""
    silicons = [miss.silicon_id for miss in misses]
    needed = np.array([_needed(miss) for miss in misses])
    weights = np.array([1 / silicons.count(silicon) for silicon in silicons])
    order = np.argsort(needed)
    reached = np.cumsum(weights[order]) / weights.sum()
    return max(_LEAST, float(np.interp(HOLDS, reached, needed[order])))


def _needed(miss: Miss) -> float:
    """Return the model's standard deviation that just holds a miss; 0 where its row's own does."""
    spare = (miss.log_ratio / QUANTILE) ** 2 - miss.row_sigma**2
    return math.sqrt(spare) if spare > 0 else 0.0
