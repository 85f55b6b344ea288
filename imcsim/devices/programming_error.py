"""Conductance that write-verify leaves behind: the target plus one Gaussian draw for each programming event."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from imcsim.core.arrays import Floats
from imcsim.core.errors import ConfigError, nearest
from imcsim.devices.checks import as_floats, require_at_least, standard_normals
from imcsim.devices.rram import RramCell

# sigma (uS) as a polynomial in x = G / 40 uS, lowest power first, at three ages after programming. Fits to Wan et al.,
# Nature 2022 (doi 10.1038/s41586-022-04992-8, Ext. Data Fig. 3), class ReRamWan2022NoiseModel of
# IBM/aihwkit@4545f11 src/aihwkit/inference/noise/reram.py.
_NEURRAM_SIGMA_US: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "1 s": (0.348, 16.030, -43.853, 45.393, -16.815),
        "1 day": (0.701, 22.086, -50.773, 47.095, -16.458),
        "2 days": (0.782, 20.274, -43.507, 37.062, -11.934),
    }
)
NEURRAM_AGES = tuple(_NEURRAM_SIGMA_US)
_NEURRAM_SIEMENS_PER_US = 1e-6
_NEURRAM_CONDUCTANCE_MAX_S = 40e-6
_ROUNDING = 4  # units in the last place that a level may lie above its window, from arithmetic on levels


def programming_sigma_s(cell: RramCell) -> float:
    """Return the standard deviation (S) after programming that the cell states as a fraction of its maximum."""
    return cell.programming_sigma_fraction * cell.conductance_max_s


def neurram_sigma_s(target_s: Floats, conductance_max_s: float, age: str = "1 s") -> Floats:
    """Return the standard deviation (S) of a NeuRRAM-like cell at its target, by age after programming.

    Polynomial of degree 4 in G / G_max: Wan et al., Nature 2022 (doi 10.1038/s41586-022-04992-8, Ext. Data Fig. 3), as
    fitted in IBM/aihwkit@4545f11 src/aihwkit/inference/noise/reram.py for G_max = 40 uS. Another ``conductance_max_s``
    scales sigma in proportion (design choice). Each age is the whole spread around the target at that age.

    Parameters
    ----------
    target_s
        Conductances aimed at (S), any shape, inside 0..``conductance_max_s`` (up to rounding). float32 stays float32.
    conductance_max_s
        Top of the window (S).
    age
        One of ``NEURRAM_AGES``: "1 s", "1 day", "2 days". The fit names no other.

    Raises
    ------
    ConfigError
        For an unknown age, a maximum <= 0, or a target outside the window.
    """
    if age not in _NEURRAM_SIGMA_US:
        raise ConfigError(f"unknown age '{age}'{nearest(age, NEURRAM_AGES)}")
    if not conductance_max_s > 0:
        raise ConfigError(f"conductance_max_s must be > 0, got {conductance_max_s:g}")
    share: Floats = as_floats(target_s) / conductance_max_s
    outside = ~((share >= 0) & (share <= 1 + _ROUNDING * np.finfo(share.dtype).eps))
    if np.any(outside):
        first = np.asarray(target_s)[outside].flat[0]
        raise ConfigError(f"target_s must lie in 0..{conductance_max_s:g} S, got {first:g}")
    scale = _NEURRAM_SIEMENS_PER_US * conductance_max_s / _NEURRAM_CONDUCTANCE_MAX_S
    lower_powers, highest = _NEURRAM_SIGMA_US[age][-2::-1], _NEURRAM_SIGMA_US[age][-1]
    sigma: Floats = np.full_like(share, highest * scale)
    for coefficient in lower_powers:  # Horner's scheme in place, in the precision of the targets
        sigma *= share
        sigma += coefficient * scale
    return sigma


def program(target_s: Floats, sigma_s: float | Floats, generator: np.random.Generator) -> Floats:
    """Return the conductances (S) after one programming event on each cell, clipped at >= 0.

    One standard normal is drawn for each cell, whatever ``sigma_s`` is: two runs that differ in sigma alone see the
    same draws. Call it for the cells that are programmed, and for no others: a cell that keeps its level keeps its
    error. float32 targets draw and give float32: other draws than float64 takes from the same generator.

    Parameters
    ----------
    target_s
        Conductances aimed at (S), any shape.
    sigma_s
        Standard deviation (S), one for all cells or one for each: :func:`programming_sigma_s`, :func:`neurram_sigma_s`.
    generator
        Source of the draws.

    Raises
    ------
    ConfigError
        For a negative target or sigma.
    """
    require_at_least("target_s", target_s)
    require_at_least("sigma_s", sigma_s)
    target = as_floats(target_s)
    drawn = standard_normals(target.shape, target.dtype, generator)
    drawn *= np.asarray(sigma_s, dtype=drawn.dtype)
    drawn += target
    np.maximum(drawn, 0.0, out=drawn)
    return drawn
