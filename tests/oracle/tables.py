"""Published tables read between their entries, and the slowest of many lognormal draws."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

_Z99 = 2.3263478740408408  # 99 % of a standard normal distribution lies below
_PER_OCTAVE = 256
_NODES = [each.tolist() for each in np.polynomial.legendre.leggauss(300)]  # of Gauss's quadrature over -1..1


def between(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return y at ``x``: an exponential between neighbours, so a straight line of its logarithm."""
    for left in range(len(xs) - 1):
        if xs[left] <= x <= xs[left + 1]:
            share = (x - xs[left]) / (xs[left + 1] - xs[left])
            return math.exp((1 - share) * math.log(ys[left]) + share * math.log(ys[left + 1]))
    raise ValueError(f"{x} lies outside {xs[0]}..{xs[-1]}")


def power_law(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return y at ``x``: a straight line between neighbours on paper with two logarithmic axes."""
    return between(math.log(x), [math.log(value) for value in xs], ys)


@cache
def slowest_of(mean: float, p99: float, draws: float, share: float = 1.0) -> float:
    """Return the expected maximum of ``draws`` lognormal draws as price reads it: from 256 entries an octave.

    Each draw counts with the chance ``share``; where none does, the maximum is 0.
    """
    place = math.log2(max(draws, 1.0)) * _PER_OCTAVE
    left = math.floor(place)
    low, high = (integrated_maximum(mean, p99, 2 ** (k / _PER_OCTAVE), share) for k in (left, left + 1))
    return low + (place - left) * (high - low)


@cache
def integrated_maximum(mean: float, p99: float, draws: float, share: float = 1.0) -> float:
    """Return the integral over x of 1 - (1 - s (1 - F(x)))^n, F the lognormal with this mean and 99th percentile.

    With x = exp(mu + sigma z) it is that of (1 - (1 - s (1 - Phi(z)))^n) sigma exp(mu + sigma z) over z; below z = -9
    no draw changes it, and that part is (1 - (1 - s)^n) exp(mu - 9 sigma).
    """
    sigma = _Z99 - math.sqrt(_Z99**2 - 2 * math.log(p99 / mean))  # ln p99 - mu = z99 sigma, ln mean - mu = sigma^2 / 2
    mu = math.log(mean) - sigma**2 / 2
    some = 1 - math.pow(1 - share, draws)
    if sigma == 0:
        return some * mean
    low, high = -9.0, sigma + 9.0 + math.sqrt(2 * math.log(draws))
    total = some * math.exp(mu + low * sigma)
    for node, weight in zip(*_NODES, strict=True):
        z = low + (high - low) * (node + 1) / 2
        beyond = -math.expm1(draws * _log_done(z, share))
        total += weight * (high - low) / 2 * beyond * sigma * math.exp(mu + sigma * z)
    return float(total)


def _log_done(z: float, share: float) -> float:
    """ln(1 - s (1 - Phi(z))), Phi the standard normal distribution."""
    if share < 1:
        return math.log1p(-share * 0.5 * math.erfc(z / math.sqrt(2)))
    if z < 0:
        return math.log(0.5 * math.erfc(-z / math.sqrt(2)))
    return math.log1p(-0.5 * math.erfc(z / math.sqrt(2)))
