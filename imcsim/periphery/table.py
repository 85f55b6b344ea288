"""Published tables: checked for order, and interpolated geometrically, because costs span decades."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Amount = TypeVar("Amount", float, NDArray[np.float64])


def check_increasing(name: str, values: Sequence[float]) -> None:
    """Raise ValueError naming the field unless ``values`` increase strictly."""
    if any(right <= left for left, right in pairwise(values)):
        raise ValueError(f"{name} must increase, got {list(values)}")


def log_log(x: float, xs: Sequence[float], ys: Sequence[Amount]) -> Amount:
    """Return y at ``x``, a power law between neighbours; ``x`` must lie within the increasing ``xs``, all > 0.

    Each of ``ys`` may be an array: one curve for each of its elements.
    """
    return log_linear(math.log(x), [math.log(value) for value in xs], ys)


def log_linear(x: float, xs: Sequence[float], ys: Sequence[Amount]) -> Amount:
    """Return y at ``x``, an exponential between neighbours; ``x`` must lie within the increasing ``xs``, y > 0.

    Each of ``ys`` may be an array: one curve for each of its elements.

    Raises
    ------
    ValueError
        If ``x`` lies outside the table: nothing is extrapolated.
    """
    if not xs[0] <= x <= xs[-1]:
        raise ValueError(f"{x} lies outside the table {xs[0]}..{xs[-1]}")
    upper = next(i for i in range(1, len(xs)) if x <= xs[i])
    share = (x - xs[upper - 1]) / (xs[upper] - xs[upper - 1])
    found: Amount = ys[upper - 1] ** (1 - share) * ys[upper] ** share
    return found
