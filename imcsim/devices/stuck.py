"""Cells stuck at the lowest or highest conductance, whatever is programmed."""

import numpy as np
from numpy.typing import NDArray

from imcsim.core.arrays import Floats
from imcsim.core.errors import ConfigError
from imcsim.devices.checks import require_at_least, require_shape


def stuck_masks(
    shape: tuple[int, ...], low_fraction: float, high_fraction: float, generator: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which cells are stuck low and which stuck high, two masks of ``shape`` that share no cell.

    Each cell is stuck independently, with one uniform draw. Raising a fraction with the same generator state keeps
    the cells that were stuck before.

    Raises
    ------
    ConfigError
        For a negative fraction, or fractions that sum to more than 1.
    """
    require_at_least("low_fraction", low_fraction)
    require_at_least("high_fraction", high_fraction)
    if low_fraction + high_fraction > 1:
        raise ConfigError(f"low_fraction + high_fraction must be <= 1, got {low_fraction + high_fraction:g}")
    draw = generator.random(shape)  # in [0, 1): a fraction of 0 takes no cell, a fraction of 1 every cell
    return draw < low_fraction, 1.0 - draw <= high_fraction


def apply_stuck(
    conductance_s: Floats,
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    conductance_min_s: float,
    conductance_max_s: float,
) -> Floats:
    """Return the conductances (S) with stuck cells at the ends of the window; apply after programming and relaxation.

    Parameters
    ----------
    conductance_s
        Conductances (S), any shape; float32 gives float32.
    masks
        Stuck low and stuck high, each of that shape, as :func:`stuck_masks` returns them.
    conductance_min_s, conductance_max_s
        Where stuck cells sit (S).

    Raises
    ------
    ConfigError
        For a mask of another shape.
    """
    for name, mask in zip(("the mask of cells stuck low", "the mask of cells stuck high"), masks, strict=True):
        require_shape(name, mask.shape, np.shape(conductance_s))
    low, high = masks
    return np.where(low, conductance_min_s, np.where(high, conductance_max_s, conductance_s))
