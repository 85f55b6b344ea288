"""How many pulses one programming event takes: a lognormal through a measured mean and 99th percentile."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError, nearest
from imcsim.devices.rram import P99_OVER_MEAN_LIMIT

_Z99 = 2.3263478740408408  # 99 % quantile of the standard normal distribution

# Mean and 99th percentile at 2 bits per cell, measured: akashlevy/RRAM-RADAR-Tuning@5038af3 presentations
# 'Updates 1-24-21.pptx' slide 28 (means of SDCFC and ISPP) and exptdata/{sdr,ispp,fppv}/data/2bpc (own statistics).
# SDCFC and ISPP: the upper end of the p99 found (37-44, 109-199), as the device files have it. FPPV: both fresh; after
# 8k cycles its mean is 32-43 and its p99 400-848.
PULSE_SCHEMES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"sdcfc": (8.5, 44.0), "ispp": (21.0, 199.0), "fppv": (13.4, 104.0)}
)


def scheme_statistics(scheme: str) -> tuple[float, float]:
    """Return (mean, 99th percentile) of the pulses of one event at 2 bits per cell under ``scheme``.

    ``sdcfc`` is coarse-fine write-verify, ``ispp`` incremental steps, ``fppv`` fixed pulses with verify: measured in
    akashlevy/RRAM-RADAR-Tuning@5038af3 (presentations 'Updates 1-24-21.pptx' slide 28, exptdata/*/data/2bpc).

    Raises
    ------
    ConfigError
        For an unknown scheme.
    """
    if scheme not in PULSE_SCHEMES:
        raise ConfigError(f"unknown programming scheme '{scheme}'{nearest(scheme, PULSE_SCHEMES)}")
    return PULSE_SCHEMES[scheme]


def lognormal_parameters(mean: float, p99: float) -> tuple[float, float]:
    """Return (mu, sigma) of the lognormal with this mean and 99th percentile, the narrower of the two.

    Raises
    ------
    ConfigError
        If the mean is not > 0, or no lognormal has this ratio of p99 to mean.
    """
    if not mean > 0:
        raise ConfigError(f"the mean of the pulses must be > 0, got {mean:g}")
    if not mean <= p99 <= P99_OVER_MEAN_LIMIT * mean:
        raise ConfigError(
            f"the p99 of the pulses must lie between the mean ({mean:g}) and {P99_OVER_MEAN_LIMIT} times it "
            f"(no lognormal has another ratio), got {p99:g}"
        )
    # mean = exp(mu + s^2/2) and p99 = exp(mu + z s) give s^2/2 - z s + ln(p99/mean) = 0; the smaller root.
    sigma = _Z99 - np.sqrt(_Z99**2 - 2 * np.log(p99 / mean))
    return float(np.log(mean) - sigma**2 / 2), float(sigma)


def sample_pulses(
    statistics: tuple[float, float], shape: tuple[int, ...], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Return pulses of programming events, whole numbers >= 1, of ``shape``.

    Lognormal with the given mean and 99th percentile, rounded: for the measured schemes the mean stays within 1 %.
    The mean is for energy; a row is done after the maximum over its cells. A lognormal is a shape chosen for two
    numbers: its median for SDCFC (6) lies above the measured one (4-5).

    Parameters
    ----------
    statistics
        (mean, p99): :func:`scheme_statistics` or ``RramCell.pulse_statistics``.
    shape
        Shape of the events.
    generator
        Source of the draws.

    Raises
    ------
    ConfigError
        As :func:`lognormal_parameters`.
    """
    mu, sigma = lognormal_parameters(*statistics)
    return np.maximum(np.rint(generator.lognormal(mu, sigma, shape)), 1).astype(np.int64)
