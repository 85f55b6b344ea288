"""The range of a converter from data: the step that its bits should stand for.

Design choice: the four rules that quantiser calibration commonly offers for the full scale, the largest column sum
that is not clipped. Steps are integers, because sums are; errors are counted on the data, no distribution is assumed.
"""

import math
import numbers
import warnings
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError, nearest
from imcsim.crossbar.slicing.adc_transfer import to_codes_
from imcsim.crossbar.slicing.codes import Codes, as_tensor, check_range
from imcsim.crossbar.slicing.config import BitSliceConfig, check_config
from imcsim.crossbar.slicing.planes import input_planes, weight_cells

Method: TypeAlias = Literal["max", "percentile", "sigma", "mse"]
Histogram: TypeAlias = NDArray[np.int64]
Histograms: TypeAlias = NDArray[np.int64]
_METHODS = ("max", "percentile", "sigma", "mse")
_CLIPPED_WARNING = 0.01  # design choice: above 1 % of conversions clipped, the user should hear of it


class ClippingWarning(UserWarning):
    """More than 1 % of the conversions of a converter, or of the inputs of a layer, are clipped."""


@dataclass(frozen=True)
class AdcRange:
    """A converter's step, and what it does to the column sums it was calibrated on.

    Parameters
    ----------
    steps
        Column sum per code: one entry for the layer, or one per converted slice, least significant first, for ``diff``
        pairs that are converted the positive array's slices before the negative one's.
    clipped_shares
        Share of the conversions beyond full scale, one per step.
    rms_errors
        Root mean squared error of a converted column sum, one per step.
    """

    adc_bits: int
    steps: tuple[int, ...]
    clipped_shares: tuple[float, ...]
    rms_errors: tuple[float, ...]

    def config(self, config: BitSliceConfig) -> BitSliceConfig:
        """Return ``config`` with these bits and the largest of the steps, so that no slice clips more."""
        check_config(config)
        return BitSliceConfig(**(config.model_dump() | {"adc_bits": self.adc_bits, "adc_step": max(self.steps)}))


def calibrate_adc(
    x: Codes,
    w: Codes,
    config: BitSliceConfig,
    method: Method = "max",
    *,
    percentile: float = 99.9,
    sigmas: float = 4.0,
    per_slice: bool = False,
) -> AdcRange:
    """Return the converter step that suits the column sums of ``x @ w``.

    Parameters
    ----------
    x, w
        Input codes (M, D) and weight codes (D, N), as :func:`bit_sliced_matmul` takes them.
    config
        Cells, cycles, row groups, rounding, and ``adc_bits``, which must be given; its step is not used.
    method
        ``max``: no sum is clipped; ``percentile``: full scale at that percentile of the sums; ``sigma``: full scale at
        mean + ``sigmas`` standard deviations; ``mse``: the step with the least squared error. Of sums with a sign
        (pairs that are subtracted), full scale is one of magnitudes: percentile of them, magnitude of the mean.
    percentile
        In 0..100 (excluding 0).
    sigmas
        Standard deviations above the mean, > 0.
    per_slice
        One step per slice instead of one for the layer.

    Warns
    -----
    ClippingWarning
        If a step clips more than 1 % of its conversions.

    Raises
    ------
    ConfigError
        For an unknown method, a parameter outside its range, an ideal converter, or codes that do not fit.
    """
    _check(config, method, percentile, sigmas)
    found = range_of(
        column_sum_histograms(x, w, config), config, method, percentile=percentile, sigmas=sigmas, per_slice=per_slice
    )
    warn_if_clipping(max(found.clipped_shares), f"adc_bits {config.adc_bits}, {method}")
    return found


def range_of(
    histograms: Histograms,
    config: BitSliceConfig,
    method: Method = "max",
    *,
    percentile: float = 99.9,
    sigmas: float = 4.0,
    per_slice: bool = False,
) -> AdcRange:
    """Return the range for counted column sums, as :func:`column_sum_histograms` gives them; see `calibrate_adc`.

    Raises
    ------
    ConfigError
        As :func:`calibrate_adc`.
    """
    _check(config, method, percentile, sigmas)
    rows = histograms if per_slice else histograms.sum(axis=0, keepdims=True)
    steps = [_step(counts, config, method, percentile, sigmas) for counts in rows]
    scored = [_score(counts, config, step) for counts, step in zip(rows, steps, strict=True)]
    clipped, errors = tuple(share for share, _ in scored), tuple(error for _, error in scored)
    return AdcRange(config.adc_bits or 0, tuple(steps), clipped, errors)


def warn_if_clipping(clipped_share: float, what: str) -> None:
    """Warn if more than 1 % of the conversions of a converter are clipped; ``what`` describes it."""
    if clipped_share > _CLIPPED_WARNING:
        text = f"the converter clips {clipped_share:.1%} of its conversions ({what})"
        warnings.warn(text, ClippingWarning, stacklevel=3)


def warn_of_inputs(share: float, allowed: float, what: str) -> bool:
    """Warn, and return True, if 1 % of inputs more than the share ``allowed`` are clipped; ``what`` describes them."""
    if share <= _CLIPPED_WARNING + allowed:
        return False
    text = f"{share:.1%} of the inputs are clipped ({what}): calibrate on inputs like these"
    warnings.warn(text, ClippingWarning, stacklevel=3)
    return True


def column_sum_histograms(x: Codes, w: Codes, config: BitSliceConfig) -> NDArray[np.int64]:
    """Return how often each column sum occurs, one row per converted slice, over all groups, planes and columns.

    Sums are 0..max, or -max..max where pairs are subtracted.
    """
    inputs, weights = as_tensor(x, "x"), as_tensor(w, "w")
    if inputs.device != weights.device:
        raise ConfigError(f"x and w must be on one device, given {inputs.device} and {weights.device}")
    matching = inputs.ndim == weights.ndim == 2 and inputs.shape[1] == weights.shape[0]
    if not matching or 0 in (*inputs.shape, *weights.shape):
        shapes = f"{tuple(inputs.shape)}, {tuple(weights.shape)}"
        raise ConfigError(f"x (M, D) and w (D, N) must share D and hold codes, given {shapes}")
    check_range(inputs, config.x_range, "x")
    check_range(weights, config.w_range, "w")
    fan_in, outputs = weights.shape
    cells, largest = weight_cells(weights, config), config.largest_sum(fan_in)
    lowest = -largest if config.signed_sums else 0
    length = largest - lowest + 1
    counts = torch.zeros(len(config.slice_weights), length, dtype=torch.int64, device=inputs.device)
    for rows in config.groups(fan_in):
        # every plane of every vector is a read cycle of these rows
        planes = input_planes(inputs[:, rows], config).flatten(0, 1).to(torch.float64)
        for s in range(len(counts)):
            # slice s of each weight in these rows; columns that only fill the last block are left out
            columns = cells[rows][:, :, s].reshape(rows.stop - rows.start, -1)[:, :outputs]
            sums = (planes @ columns.to(torch.float64)).to(torch.int64).flatten()
            # how often a bit line of this slice reaches each column sum
            counts[s] += torch.bincount(sums - lowest, minlength=length)
    return np.asarray(counts.cpu().numpy())


def _check(config: BitSliceConfig, method: str, percentile: float, sigmas: float) -> None:
    check_config(config)
    if method not in _METHODS:
        raise ConfigError(f"unknown calibration method '{method}'{nearest(str(method), _METHODS)}")
    if config.adc_bits is None:
        raise ConfigError("adc_bits must be given to calibrate a converter, given None (ideal)")
    if not _is_number(percentile) or not 0 < percentile <= 100:
        raise ConfigError(f"percentile must lie in (0, 100], given {percentile!r}")
    if not _is_number(sigmas) or not 0 < sigmas < math.inf:
        raise ConfigError(f"sigmas must be > 0 and finite, given {sigmas!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _step(counts: Histogram, config: BitSliceConfig, method: str, percentile: float, sigmas: float) -> int:
    sums = _sums(counts, config)
    sizes = np.bincount(abs(sums), weights=counts)  # conversions by the magnitude of their sum
    top, codes = int(np.flatnonzero(sizes)[-1]), config.code_ends[1]
    if method == "mse":
        candidates = range(1, max(1, -(-top // codes)) + 1)
        return min(candidates, key=lambda step: _score(counts, config, step)[1])
    if method == "percentile":
        # the column sum below which that share of all conversions lies
        share = np.cumsum(sizes) / counts.sum()
        scale = float(np.searchsorted(share, percentile / 100 - 1e-12))
    elif method == "sigma":
        mean = float(np.average(sums, weights=counts))
        scale = abs(mean) + sigmas * float(np.average((sums - mean) ** 2, weights=counts)) ** 0.5
    else:
        scale = float(top)
    return max(1, -int(-min(scale, top) // codes))


def _sums(counts: Histogram, config: BitSliceConfig) -> NDArray[np.int64]:
    """Return the column sum that each entry of a histogram counts."""
    return np.arange(len(counts)) - (len(counts) // 2 if config.signed_sums else 0)


def _score(counts: Histogram, config: BitSliceConfig, step: int) -> tuple[float, float]:
    """Return the share of conversions beyond full scale and the root mean squared error."""
    sums = _sums(counts, config)
    stepped = BitSliceConfig(**(config.model_dump() | {"adc_step": step}))
    values = to_codes_(torch.from_numpy(sums.astype(np.float64)), stepped).numpy() * step
    lowest, highest = (end * step for end in config.code_ends)
    total = counts.sum()
    error = float(np.sum(counts * (values - sums) ** 2) / total) ** 0.5
    return float(counts[(sums < lowest) | (sums > highest)].sum() / total), error
