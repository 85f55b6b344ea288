"""Cycles to failure: a Weibull distribution per cell, and the weakest link among many."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError

FloatOrArray = TypeVar("FloatOrArray", float, NDArray[np.float64])


def failure_probability(cycles: FloatOrArray, scale: float, shape: float) -> FloatOrArray:
    """Return F(n) = 1 - exp(-(n / scale)^shape), the share of cells failed after ``cycles`` full-window cycles.

    Weakest-link (Weibull) model; ``scale`` in cycles, ``shape`` dimensionless.

    Raises
    ------
    ConfigError
        For scale or shape <= 0, or negative cycles.
    """
    _check(scale, shape)
    if np.any(np.asarray(cycles) < 0):
        raise ConfigError(f"cycles must be >= 0, got {np.min(cycles)}")
    share = -np.expm1(-((np.asarray(cycles, dtype=np.float64) / scale) ** shape))
    return share if isinstance(cycles, np.ndarray) else float(share)


def first_failure_cycles(cells: int, scale: float, shape: float) -> float:
    """Return scale * cells^(-1 / shape): cycles after which the first of equally written ``cells`` fails.

    There the expected number of failures among the cells is one, as long as F is small.

    Raises
    ------
    ConfigError
        For scale or shape <= 0, or cells < 1.
    """
    _check(scale, shape)
    if cells < 1:
        raise ConfigError(f"cells must be >= 1, got {cells}")
    return float(scale * float(cells) ** (-1 / shape))


def _check(scale: float, shape: float) -> None:
    for name, value in (("scale", scale), ("shape", shape)):
        if not value > 0:
            raise ConfigError(f"the Weibull {name} must be > 0, got {value}")
