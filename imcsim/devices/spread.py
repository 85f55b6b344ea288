"""What a cell's model fields say of its conductance: the spread that programming leaves, and what age makes of it."""

import itertools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from imcsim.core.arrays import Floats
from imcsim.devices.checks import require_at_least, require_shape
from imcsim.devices.programming_error import NEURRAM_AGES, neurram_sigma_s, programming_sigma_s
from imcsim.devices.relaxation import cmo_hfox_shift_s, cmo_hfox_sigma_s, pooled_shift_s, pooled_sigma_s, relax
from imcsim.devices.rram import RramCell

_FITS_START_S = 1.0
_NEURRAM_AGES_S = (1.0, 86_400.0, 172_800.0)  # NEURRAM_AGES as seconds


class _Law(NamedTuple):
    """Mean shift and spread (S) at one age, and the part of the spread that programming left already."""

    shift_s: float
    sigma_s: float | Floats
    included_s: float | Floats


def spread_after_programming_s(cell: RramCell, target_s: Floats) -> Floats | float:
    """Return the standard deviation (S) of one programming event of ``cell`` at its target, 1 s after it.

    One number for every target (``fraction``), or one for each in the dtype of ``target_s`` (``neurram``).

    Parameters
    ----------
    cell
        Its ``programming_model`` is what counts.
    target_s
        Conductances aimed at (S), any shape.

    Raises
    ------
    ConfigError
        As :func:`imcsim.devices.programming_error.neurram_sigma_s`, for a target outside the window.
    """
    if cell.programming_model == "neurram":
        return neurram_sigma_s(target_s, cell.conductance_max_s)
    return programming_sigma_s(cell)


def relaxed_s(cell: RramCell, target_s: Floats, programmed_s: Floats, normals: Floats, age_s: float) -> Floats:
    """Return conductances (S), >= 0, ``age_s`` seconds after programming, by the cell's ``relaxation_model``.

    ``none``
        ``programmed_s`` itself.
    ``pooled``, ``neurram``
        Fits of the whole spread, programming included. The cell's own spread after programming is what is included,
        and it grows by the factor by which the fit has grown since 1 s (design choice): nothing jumps at 1 s, and
        no variance counts twice, whatever fraction the cell states. A second technology, measured to 1e4 s, grows by
        this factor within 15 %, though it starts lower (akashlevy/RRAM-Relaxation-Master-Model@ca0cfff data/techB,
        own statistics). ``pooled`` shifts the mean, too; ``neurram``, linear in log t between its ages 1 s, 1 day and
        2 days (design choice) and held beyond, does not. Where its 2-day fit lies below the 1-day one (half of the
        window, by 2 % at most), the latter is held.
    ``cmo-hfox``
        Drift alone, in shift and spread: it adds in variance to what programming left, from 1 s on.

    The fits start at 1 s: an earlier age counts as 1 s. The spread never falls with age.

    Parameters
    ----------
    cell
        Its ``relaxation_model``, and what its ``programming_model`` left.
    target_s
        Conductances aimed at (S), any shape.
    programmed_s
        Conductances that programming left (S), same shape: ``program(target_s, spread_after_programming_s(...), ...)``.
    normals
        One standard normal for each cell, drawn at its programming event and kept until the next; same shape.
    age_s
        Time since the programming event (s).

    Returns
    -------
    NDArray
        Same shape; float32 gives float32.

    Raises
    ------
    ConfigError
        For shapes that differ, a negative conductance or age, or (``neurram``) a target outside the window.
    """
    require_at_least("age_s", age_s, unit=" s")
    require_shape("target_s", np.shape(target_s), np.shape(programmed_s))
    if cell.relaxation_model == "none":
        return programmed_s
    law = _LAWS[cell.relaxation_model](cell, target_s, max(age_s, _FITS_START_S))
    return relax(programmed_s, normals, law.shift_s, law.sigma_s, law.included_s)


def _pooled(cell: RramCell, target_s: Floats, age_s: float) -> _Law:
    own, maximum = spread_after_programming_s(cell, target_s), cell.conductance_max_s
    growth = pooled_sigma_s(age_s, maximum) / pooled_sigma_s(_FITS_START_S, maximum)
    return _Law(pooled_shift_s(age_s, maximum), own * growth, own)


def _neurram(cell: RramCell, target_s: Floats, age_s: float) -> _Law:
    own = spread_after_programming_s(cell, target_s)
    growth = _neurram_growth(target_s, cell.conductance_max_s, age_s)
    return _Law(0.0, own * growth, own)


def _cmo_hfox(cell: RramCell, target_s: Floats, age_s: float) -> _Law:
    maximum = cell.conductance_max_s
    return _Law(cmo_hfox_shift_s(age_s, maximum), cmo_hfox_sigma_s(age_s, maximum), 0.0)


_LAWS: Mapping[str, Callable[[RramCell, Floats, float], _Law]] = MappingProxyType(
    {"pooled": _pooled, "neurram": _neurram, "cmo-hfox": _cmo_hfox}
)


def _neurram_growth(target_s: Floats, maximum_s: float, age_s: float) -> Floats:
    """Return how many times its value at 1 s the NeuRRAM spread has reached, target by target."""
    start = neurram_sigma_s(target_s, maximum_s)
    sigma: Floats = start
    ages = zip(NEURRAM_AGES[1:], itertools.pairwise(np.log(_NEURRAM_AGES_S)), strict=True)
    for age, (before, after) in ages:
        weight = float(np.clip((np.log(age_s) - before) / (after - before), 0.0, 1.0))
        if weight > 0:
            sigma = sigma + weight * np.maximum(neurram_sigma_s(target_s, maximum_s, age) - sigma, 0.0)
    growth: Floats = sigma / start
    return growth
