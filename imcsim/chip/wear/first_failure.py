"""When the first of many cells fails, in closed form.

A cell with r cycles per task lives t tasks with probability exp(-(r t / scale)^shape). Independent cells multiply, so
the first failure of any set is a Weibull time again, of scale ``scale * (sum r^shape)^(-1 / shape)``: exactly, however
unequally cells are written. Shape letters: P PEs of the network, R rows, C columns.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
