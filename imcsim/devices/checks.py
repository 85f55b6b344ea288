"""Refusals that the models of non-ideal cells share."""

import numbers

import numpy as np
from numpy.typing import ArrayLike

from imcsim.core.arrays import Floats
from imcsim.core.errors import ConfigError


def require_at_least(name: str, values: ArrayLike, least: float = 0.0, unit: str = "") -> None:
    """Refuse ``values`` below ``least``, nan and infinity.

    Raises
    ------
    ConfigError
        With the name, the bound and the first value that breaks it.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iufb":
        raise ConfigError(f"{name} must be a number >= {least:g}{unit}, got {_shown(values)}")
    if array.size == 0 or (array.min() >= least and array.max() < np.inf):  # of a nan, both are nan: no copy is made
        return
    allowed = (array >= least) & (array < np.inf)
    raise ConfigError(f"{name} must be finite and >= {least:g}{unit}, got {array[~allowed].flat[0]:g}")


def require_number(name: str, value: object, least: float = 0.0) -> None:
    """Refuse anything but one finite number of at least ``least``; texts such as "1d" and truth values are none.

    Raises
    ------
    ConfigError
        With the name, the bound and what was given.
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise ConfigError(f"{name} must be a number >= {least:g}, got {_shown(value)}")
    require_at_least(name, float(value), least)


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str | bool) else type(value).__name__


def require_shape(name: str, given: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Refuse an array that does not hold one entry for each cell.

    Raises
    ------
    ConfigError
        With both shapes.
    """
    if given != wanted:
        raise ConfigError(f"{name} needs one entry for each cell, shape {wanted}, got {given}")


def standard_normals(shape: tuple[int, ...], dtype: object, generator: np.random.Generator) -> Floats:
    """Return one standard normal for each cell, drawn in float32 where ``dtype`` is that, else in float64."""
    if dtype == np.float32:
        return generator.standard_normal(shape, dtype=np.float32)
    return generator.standard_normal(shape)


def as_floats(values: ArrayLike) -> Floats:
    """Return an array of floats: float32 stays as it is, anything but a float becomes float64."""
    array = np.asarray(values)
    return array if array.dtype.kind == "f" else array.astype(np.float64)
