"""Spare lines: a column (or row) with a dead cell is replaced by a fresh one, until the PE has none left.

The spare takes over the writes of its predecessor and may die in turn: each line is a renewal process with Weibull
times, and a PE dies at its (s + 1)-th failure. Shape letters: P PEs, L lines of a PE.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.wear.first_failure import BAND, Endurance, Tasks, first_failure
from imcsim.life.event_energy import mean_event_j
from imcsim.life.options import LifeOptions
from imcsim.memory.macro import Macro

Floats = NDArray[np.float64]

_GRID = np.linspace(math.log(1e-8), math.log(1e3), 1600)  # log of time over a line's own scale
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
_TINY = 1e-300


@dataclass(frozen=True)
class SpareCost:
    """What spare lines cost: cells' area (m2) over all PEs of the memory, and energy (J) of filling one spare line."""

    area_m2: float
    remap_j: float


def spare_cost(macro: Macro, options: LifeOptions) -> SpareCost:
    """Return the cost of spare lines: every cell of a spare is programmed once when it takes over.

    The area is that of the cells; converters, drivers and the remapping table of spares are not counted.
    """
    along = macro.site.rows if options.spare_columns else macro.site.cols
    cells = max(options.spare_columns, options.spare_rows) * along * macro.memory.pe_count
    cell_m2 = float(macro.memory.area(macro.site)["cells"].each.value)
    return SpareCost(cells * cell_m2, along * mean_event_j(macro))


class RenewalTable:
    """P(at least n failures of one line by time x), for n up to ``most``; x in units of the line's Weibull scale.

    G_1 = F and G_(n+1)(x) = integral of G_n(x - u) dF(u), taken over equal steps of F: smooth for every shape.
    """

    def __init__(self, shape: float, most: int) -> None:
        self.shape = shape
        x = np.exp(_GRID)
        whole = -np.expm1(-(x**shape))
        below = 0.5 * (_NODES + 1) * whole[:, None]
        left = np.maximum(x[:, None] - (-np.log1p(-below)) ** (1 / shape), 0.0)
        self._logs = [np.log(np.maximum(whole, _TINY))]
        for n in range(1, most):
            inner = self._at_least(n, left) @ (0.5 * _WEIGHTS)
            self._logs.append(np.log(np.maximum(whole * inner, _TINY)))

    def exactly(self, x: Floats, n: int) -> Floats:
        """Return P(exactly ``n`` failures by ``x``), in the shape of ``x``."""
        return np.maximum(self._at_least(n, x) - self._at_least(n + 1, x), 0.0)

    def _at_least(self, n: int, x: Floats) -> Floats:
        if n == 0:
            return np.ones_like(x)
        if n == 1:
            return np.asarray(-np.expm1(-(x**self.shape)))
        with np.errstate(divide="ignore"):
            log_x = np.log(x)
        found = np.exp(np.interp(log_x, _GRID, self._logs[n - 1]))
        below = _GRID[0] > log_x  # there G_n goes as x^(n shape)
        found[below] = np.exp(self._logs[n - 1][0] + n * self.shape * (log_x[below] - _GRID[0]))
        return np.asarray(found)


def pe_death(lines: Floats, spares: int, tasks: float, endurance: Endurance, table: RenewalTable) -> Floats:
    """Return (P,) -log of the probability that a PE still has all its lines after ``tasks``.

    Parameters
    ----------
    lines
        (P, L): sum of r^shape over each line's cells.
    spares
        Spare lines of each PE.
    tasks, endurance, table
        When, and how cells die; ``table`` holds ``spares + 1`` failures of a line.
    """
    x = tasks / endurance.scale * lines ** (1 / endurance.shape)
    alive = np.zeros((len(lines), spares + 1))
    alive[:, 0] = 1.0
    for line in range(lines.shape[1]):
        each = [table.exactly(x[:, line], n) for n in range(spares + 1)]
        alive = np.stack([sum(alive[:, m - n] * each[n] for n in range(m + 1)) for m in range(spares + 1)], axis=1)
    return np.asarray(-np.log(np.maximum(alive.sum(axis=1), _TINY)))


def spare_limited(lines: Floats, spares: int, endurance: Endurance, copies: int = 1) -> Tasks | None:
    """Return the tasks until the first PE has a dead line and no spare for it; None if nothing is written.

    Parameters
    ----------
    lines
        (P, L): sum of r^shape over each line's cells.
    """
    start = first_failure(float(lines.sum()) * copies, endurance)
    if start is None or spares == 0:
        return start
    written = lines[lines.any(axis=1)]
    table = RenewalTable(endurance.shape, spares + 1)

    def log_hazard(log_tasks: float) -> float:
        total = copies * float(pe_death(written, spares, math.exp(log_tasks), endurance, table).sum())
        return math.log(max(total, _TINY))

    times = [_crossing(log_hazard, math.log(-math.log1p(-q)), math.log(start.median)) for q in BAND]
    return Tasks(*(math.exp(time) for time in times))


def _crossing(rising: Callable[[float], float], level: float, low: float) -> float:
    """Return where a rising function of log time, near a straight line, meets ``level`` (false position, Illinois)."""
    below = rising(low) - level
    while below > 0:
        low -= 1.0
        below = rising(low) - level
    high, above = low + 1.0, rising(low + 1.0) - level
    while above < 0:
        low, below = high, above
        high, above = high + 1.0, rising(high + 1.0) - level
    for _ in range(60):
        middle = (low * above - high * below) / (above - below)
        value = rising(middle) - level
        if abs(value) < 1e-9 or high - low < 1e-9:
            return middle
        if value < 0:
            low, below, above = middle, value, above / 2
        else:
            high, above, below = middle, value, below / 2
    return 0.5 * (low + high)
