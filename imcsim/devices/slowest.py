"""The slowest of cells written together: the expected maximum of lognormal pulse counts.

With Phi the standard normal distribution and phi its density, n lognormal draws exp(mu + sigma z) have the expected
maximum (definition of an order statistic)

    E(n) = integral of exp(mu + sigma z) n Phi(z)^(n - 1) phi(z) dz
         = mean x integral of n Phi(z)^(n - 1) phi(z - sigma) dz

Where each draw counts only with a chance s, the maximum of those that do (0 if none) has

    E(n, s) = mean x integral of n s (1 - s (1 - Phi(z)))^(n - 1) phi(z - sigma) dz

The integrand is smooth and falls like a Gaussian on both sides, so the trapezoidal rule gives it to rounding. Pricing
asks for a hundred thousand counts at once; they are read from a table over log n, made once for each pair of
mean and 99th percentile.

Shapes: N counts of the table, Z nodes of the quadrature.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError
from imcsim.devices.checks import require_at_least
from imcsim.devices.pulses import lognormal_parameters

Floats = NDArray[np.float64]

_OCTAVES = 24  # up to 2^24 cells at once: more than any row has
_PER_OCTAVE = 256  # linear in between: within 1e-6 of the integral for any lognormal
_STEP_Z = 1 / 16
_LOWEST_Z, _BEYOND = -8.5, 37.0  # phi(-8.5) and e^-37 are below what a float64 adds to 1


def expected_maximum(statistics: tuple[float, float], draws: Floats, share: float = 1.0) -> Floats:
    """Return the expected maximum of ``draws`` lognormal draws, within 1e-6; 0 where there are none.

    Fractional numbers of draws above one are allowed (a mean over rows); between 0 and 1 they count as one.

    Parameters
    ----------
    statistics
        (mean, p99) of one draw.
    draws
        Numbers of draws, any shape.
    share
        Chance (above 0, up to 1) with which each of them counts; the maximum of none is 0.

    Raises
    ------
    ConfigError
        For negative, infinite or too many draws, or as :func:`imcsim.devices.pulses.lognormal_parameters`.
    """
    require_at_least("parallel_cells", draws)
    if draws.size and draws.max() > 2.0**_OCTAVES:
        raise ConfigError(f"parallel_cells must be <= 2^{_OCTAVES}, got {draws.max():g}")
    values, steps = _table(*statistics, share)
    place = np.log2(np.maximum(draws, 1.0))
    place *= _PER_OCTAVE
    left = place.astype(np.intp)
    place -= left
    place *= steps[left]
    place += values[left]
    return np.where(draws > 0, place, 0.0)


@functools.lru_cache(maxsize=64)
def _table(mean: float, p99: float, share: float) -> tuple[Floats, Floats]:
    """Return the expected maximum (N,) at 2^(k / 256) draws, and the step from each entry to the next."""
    counts = np.exp2(np.arange(_OCTAVES * _PER_OCTAVE + 1) / _PER_OCTAVE)
    values = _expectation(mean, p99, share, counts)
    values[0] = share * mean  # one draw
    np.maximum.accumulate(values, out=values)  # rounding alone could make it fall
    return values, np.diff(values, append=values[-1])


def _expectation(mean: float, p99: float, share: float, counts: Floats) -> Floats:
    from scipy.special import log_ndtr, ndtr  # here, so that importing the package loads no scipy

    _, sigma = lognormal_parameters(mean, p99)
    # sigma z - z^2 / 2 + ln n is -37 at the upper end, for the largest n
    highest = sigma + np.sqrt(sigma**2 + 2 * (np.log(counts[-1]) + _BEYOND))
    z = np.arange(_LOWEST_Z, highest, _STEP_Z)
    density = np.exp(-((z - sigma) ** 2) / 2) * (_STEP_Z / np.sqrt(2 * np.pi))
    done = log_ndtr(z) if share == 1 else np.log1p(-share * ndtr(-z))
    below = np.exp((counts[:, None] - 1) * done)  # (N, Z)
    weighted: Floats = below @ density
    return mean * share * counts * weighted
