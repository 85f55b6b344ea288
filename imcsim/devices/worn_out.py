"""Permanent failure: which cells have worn out, and at which end of the window they are stuck."""

import numpy as np
from numpy.typing import NDArray

from imcsim.devices.rram import RramCell
from imcsim.devices.wear import failure_probability


def stuck_low_share(cell: RramCell) -> float:
    """Return the share of worn-out cells that end at the lowest conductance (HRS); the others end at the highest (LRS).

    Design choice: the ratio of the cell's own stuck fractions, since no measured split of worn cells was found; a half
    where it has none.
    """
    low, high = cell.stuck_low_fraction, cell.stuck_high_fraction
    return low / (low + high) if low + high > 0 else 0.5


def draw_lives(
    shape: tuple[int, ...], scale: float, beta: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return cycles to permanent failure of ``shape`` cells: scale * E^(1 / beta), E exponential (a Weibull draw)."""
    return np.asarray(scale * generator.standard_exponential(shape) ** (1 / beta), dtype=np.float64)


def worn_masks(
    cycles: NDArray[np.floating], cell: RramCell, cell_bits: int, generator: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which cells are stuck low and which high after ``cycles`` each, for :func:`imcsim.devices.apply_stuck`.

    One uniform draw a cell: with the same generator state, cells dead after fewer cycles are dead, at the same end,
    after more. Weibull of the cell's endurance at ``cell_bits``.

    Raises
    ------
    ConfigError
        For negative cycles, or bits per cell without figures.
    """
    life = cell.endurance(cell_bits)
    dead = failure_probability(np.asarray(cycles, dtype=np.float64), life.scale_cycles, life.shape)
    draw, side = generator.random(dead.shape), generator.random(dead.shape)
    worn, low = draw < dead, side < stuck_low_share(cell)
    return worn & low, worn & ~low
