"""Refusals that the models of non-ideal cells share."""

import numpy as np
from numpy.typing import ArrayLike

from imcsim.core.errors import ConfigError


def require_at_least(name: str, values: ArrayLike, least: float = 0.0, unit: str = "") -> None:
    """Refuse ``values`` below ``least``, nan and infinity.

    Raises
    ------
    ConfigError
        With the name, the bound and the first value that breaks it.
    """
    array = np.asarray(values, dtype=np.float64)
    allowed = (array >= least) & (array < np.inf)
    if not np.all(allowed):
        raise ConfigError(f"{name} must be finite and >= {least:g}{unit}, got {array[~allowed].flat[0]:g}")


def require_shape(name: str, given: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Refuse an array that does not hold one entry for each cell.

    Raises
    ------
    ConfigError
        With both shapes.
    """
    if given != wanted:
        raise ConfigError(f"{name} needs one entry for each cell, shape {wanted}, got {given}")
