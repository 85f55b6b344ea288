"""The same failures cell by cell, drawn: what the closed forms are held against, and what a single chip looks like.

Shape letters: P PEs, R rows, C columns, n trials.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.wear.first_failure import Endurance
from imcsim.devices.worn_out import draw_lives

Floats = NDArray[np.float64]


def cell_lives(
    rates: NDArray[np.floating], trials: int, endurance: Endurance, generator: np.random.Generator
) -> Floats:
    """Return (n, *rates.shape): tasks that each cell lives, inf where it is never written."""
    cycles = draw_lives((trials, *rates.shape), endurance.scale, endurance.shape, generator)
    never = np.full(cycles.shape, np.inf)
    np.divide(cycles, rates, out=never, where=np.broadcast_to(rates > 0, cycles.shape))
    return never


def spare_limited_lives(
    rates: NDArray[np.floating], spares: int, trials: int, endurance: Endurance, generator: np.random.Generator
) -> Floats:
    """Return (n,): tasks until a PE of (P, R, C) has a dead column and none of its ``spares`` left.

    Every cell of every column and of each of its successors is drawn.
    """
    times = [cell_lives(rates, trials, endurance, generator).min(axis=2) for _ in range(spares + 1)]
    deaths = np.cumsum(np.stack(times, axis=1), axis=1)  # (n, spares + 1, P, C): k-th death of each column
    by_pe = np.moveaxis(deaths, 1, 2).reshape(trials, len(rates), -1)
    return np.asarray(np.sort(by_pe, axis=2)[:, :, spares].min(axis=1))
