"""How wide a prediction's band is: what the model was off on silicon that it had not seen, and what a row leaves open.

A band is [p / f, p f] of a predicted p. The factor joins two things that are taken as independent: the range that a
row's own assumptions span (half their width on a logarithmic scale counts as the 90 % quantile), and the model's
own error, whose size is chosen so that left-out macros lie inside as often as the band says.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

HOLDS = 0.9
"""The share of macros that a band is said to hold."""
_QUANTILE = 1.6449  # of the normal distribution, two-sided 90 %
_LEAST, _MOST = 0.05, 1.5  # error of the model, standard deviation of a logarithm
_POOLED = 4  # silicons that the pool of all families counts as in a family's error


@dataclass(frozen=True)
class Miss:
    """How far one left-out point was off: log(predicted / reported), and its row's own standard deviation."""

    silicon_id: str
    family: str
    log_ratio: float
    row_sigma: float


def row_sigma(deviations: Sequence[float]) -> float:
    """Return the standard deviation of a prediction's logarithm that a row's assumptions leave.

    Each deviation is the largest change of the logarithm when one assumption goes to an end of its range.
    """
    return math.sqrt(sum(deviation**2 for deviation in deviations)) / _QUANTILE


def model_sigma(misses: Sequence[Miss], family: str) -> float:
    """Return the model's own standard deviation for a family: the least with which its left-out macros lie in their bands.

    Every silicon counts once. The pool of all families counts as four more silicons, so that a family of few is not
    taken for exact.
    """
    own = [miss for miss in misses if miss.family == family]
    silicons = len({miss.silicon_id for miss in own})
    pooled = _fitted(misses)
    if not own:
        return pooled
    return (silicons * _fitted(own) + _POOLED * pooled) / (silicons + _POOLED)


def half_width(model: float, row: float) -> float:
    """Return the logarithm of a band's factor."""
    return _QUANTILE * math.hypot(model, row)


def _fitted(misses: Sequence[Miss]) -> float:
    """Return the least error of the model with which ``HOLDS`` of the silicon lies inside, by bisection."""
    low, high = _LEAST, _MOST
    if _inside(misses, low) >= HOLDS:
        return low
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if _inside(misses, middle) >= HOLDS else (middle, high)
    return high


def _inside(misses: Sequence[Miss], model: float) -> float:
    """Return the share of points inside, each silicon with the same weight."""
    silicons = [miss.silicon_id for miss in misses]
    weights = np.array([1 / silicons.count(miss.silicon_id) for miss in misses])
    inside = np.array([abs(miss.log_ratio) <= half_width(model, miss.row_sigma) for miss in misses])
    return float((weights * inside).sum() / weights.sum())
