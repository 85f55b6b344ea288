"""Relaxation and drift: how a programmed conductance moves with the time since its programming event.

Each programming event gives a cell one standard normal, kept until the next event; :func:`relax` turns it into an
offset at any later time. The same cell so follows one path, and reading it twice shows the same offset. Noise that
changes at each read is :func:`imcsim.devices.read_noise.read`. Which law a cell follows, its fields say:
:func:`imcsim.devices.spread.relaxed_s`.

The fits hold from 1 s on; earlier times are refused. Past the last measurement they are extrapolated in log time.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.core.arrays import Floats
from imcsim.core.errors import ConfigError
from imcsim.devices.checks import as_floats, require_at_least, require_shape

# 40 uS part, all levels pooled, akashlevy/RRAM-Relaxation-Master-Model@ca0cfff data/techC/relaxdata.min.tsv.gz (own
# statistics over 88,746 reads): sigma ~ 2.04 + 0.32 log10(t / 1 s) uS, and the mean shift at 1 s, 4 s and 1e5 s.
_POOLED_CONDUCTANCE_MAX_S = 40e-6
_POOLED_SIGMA_S = (2.04e-6, 0.32e-6)
_POOLED_SHIFT_TIMES_S = (1.0, 4.0, 1e5)
_POOLED_SHIFTS_S = (-0.27e-6, -0.30e-6, -1.44e-6)

# IBM/aihwkit@4545f11 docs/source/reram_inference.rst (arXiv 2502.04524), window 8-90 uS, the same for every level.
_CMO_CONDUCTANCE_MAX_S = 90e-6
_CMO_SHIFT_S = -0.089e-6
_CMO_SIGMA_S = (0.412e-6, 0.042e-6)


def pooled_sigma_s(time_s: float, conductance_max_s: float) -> float:
    """Return the pooled spread (S) around the target, ``time_s`` after programming.

    sigma = 2.04 + 0.32 log10(t / 1 s) uS for a window up to 40 uS, t >= 1 s: own statistics of
    akashlevy/RRAM-Relaxation-Master-Model@ca0cfff data/techC. Another maximum scales it in proportion (design choice).
    It is the whole spread at that time, programming error included.

    Raises
    ------
    ConfigError
        For a time below 1 s or a maximum <= 0.
    """
    at_one_second, per_decade = _POOLED_SIGMA_S
    return (at_one_second + per_decade * _decades(time_s)) * _scale(conductance_max_s, _POOLED_CONDUCTANCE_MAX_S)


def pooled_shift_s(time_s: float, conductance_max_s: float) -> float:
    """Return the pooled mean shift (S) from the target, ``time_s`` after programming; negative.

    -0.27, -0.30 and -1.44 uS at 1 s, 4 s and 1e5 s for a window up to 40 uS: own statistics of
    akashlevy/RRAM-Relaxation-Master-Model@ca0cfff data/techC; linear in log t between them, and beyond with the last
    slope; another maximum scales it in proportion (design choices).

    Raises
    ------
    ConfigError
        As :func:`pooled_sigma_s`.
    """
    now, known = _decades(time_s), np.log10(_POOLED_SHIFT_TIMES_S)
    left = 0 if now < known[1] else 1
    slope = (_POOLED_SHIFTS_S[left + 1] - _POOLED_SHIFTS_S[left]) / (known[left + 1] - known[left])
    shift = _POOLED_SHIFTS_S[left] + slope * (now - known[left])
    return float(shift) * _scale(conductance_max_s, _POOLED_CONDUCTANCE_MAX_S)


def log_variance_sigma_s(
    time_s: float, per_decade_s2: float | NDArray[np.float64], at_one_second_s2: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return sqrt(C1 log10(t / 1 s) + C2) in S, the spread around the target ``time_s`` after programming.

    Variance-against-time form of akashlevy/RRAM-Relaxation-Master-Model@ca0cfff analysis.ipynb. ``per_decade_s2`` is
    C1 and ``at_one_second_s2`` C2 (S^2), one for all cells or one for each, since both depend on the conductance.

    Raises
    ------
    ConfigError
        For a time below 1 s, or a negative C1 or C2.
    """
    require_at_least("per_decade_s2", per_decade_s2)
    require_at_least("at_one_second_s2", at_one_second_s2)
    variance = np.asarray(per_decade_s2) * _decades(time_s) + np.asarray(at_one_second_s2)
    return np.asarray(np.sqrt(variance), dtype=np.float64)


def cmo_hfox_sigma_s(time_s: float, conductance_max_s: float) -> float:
    """Return the spread (S) that drift adds to a CMO/HfOx cell, ``time_s`` after programming.

    0.042 ln(t / 1 s) + 0.412 uS, the same for every level, for a window up to 90 uS: IBM/aihwkit@4545f11
    docs/source/reram_inference.rst (arXiv 2502.04524). Another maximum scales it in proportion (design choice). The
    error of programming is apart: nothing of it is included here.

    Raises
    ------
    ConfigError
        As :func:`pooled_sigma_s`.
    """
    at_one_second, per_e_fold = _CMO_SIGMA_S
    sigma = at_one_second + per_e_fold * np.log(10) * _decades(time_s)
    return float(sigma) * _scale(conductance_max_s, _CMO_CONDUCTANCE_MAX_S)


def cmo_hfox_shift_s(time_s: float, conductance_max_s: float) -> float:
    """Return the mean shift (S) of a CMO/HfOx cell, ``time_s`` after programming: -0.089 ln(t / 1 s) uS.

    Source, window and scaling as :func:`cmo_hfox_sigma_s`.

    Raises
    ------
    ConfigError
        As :func:`pooled_sigma_s`.
    """
    return _CMO_SHIFT_S * float(np.log(10)) * _decades(time_s) * _scale(conductance_max_s, _CMO_CONDUCTANCE_MAX_S)


def relax(
    programmed_s: Floats,
    normals: Floats,
    shift_s: float,
    sigma_s: float | Floats,
    included_sigma_s: float | Floats = 0.0,
) -> Floats:
    """Return the conductances (S) at the time for which ``shift_s`` and ``sigma_s`` are given, clipped at >= 0.

    The draw is scaled by sqrt(sigma^2 - included^2), and by 0 where more is included already: independent errors add
    in variance, so the spread that programming left is not counted twice.

    Parameters
    ----------
    programmed_s
        Conductances that programming left (S), any shape; float32 gives float32.
    normals
        One standard normal for each cell, drawn at its programming event; same shape.
    shift_s, sigma_s
        Mean shift and spread (S) at the time wanted: the other functions here, or
        :func:`imcsim.devices.programming_error.neurram_sigma_s`.
    included_sigma_s
        Part of ``sigma_s`` that ``programmed_s`` holds already: for the pooled fit its own value at 1 s, for
        CMO/HfOx 0, whose fit is of drift alone.

    Raises
    ------
    ConfigError
        For shapes that differ, or a negative conductance or sigma.
    """
    require_shape("normals", np.shape(normals), np.shape(programmed_s))
    require_at_least("programmed_s", programmed_s)
    require_at_least("sigma_s", sigma_s)
    require_at_least("included_sigma_s", included_sigma_s)
    programmed = as_floats(programmed_s)
    growth_s2: Floats = np.maximum(np.square(sigma_s) - np.square(included_sigma_s), 0.0)
    offset = np.sqrt(growth_s2).astype(programmed.dtype) * np.asarray(normals, dtype=programmed.dtype)
    relaxed: Floats = programmed + float(shift_s)
    relaxed += offset
    np.maximum(relaxed, 0.0, out=relaxed)
    return relaxed


def _decades(time_s: float) -> float:
    require_at_least("time_s", time_s, 1.0, " s (the fits start there)")
    return float(np.log10(time_s))


def _scale(conductance_max_s: float, measured_max_s: float) -> float:
    if not conductance_max_s > 0:
        raise ConfigError(f"conductance_max_s must be > 0, got {conductance_max_s:g}")
    return conductance_max_s / measured_max_s
