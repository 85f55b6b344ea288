"""The few global parameters of the macro model, and their fit to published macros.

A parameter is a factor on some components of every macro, never of one chip. It is fitted around what the component
files of ``models`` hold, with a wide prior there; a macro is predicted with parameters that were fitted without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import DataError

Quantity = Literal["energy", "clock", "area"]
QUANTITIES: tuple[Quantity, ...] = ("energy", "clock", "area")
Floats = NDArray[np.float64]

_LEAST_SILICON = 2


@dataclass(frozen=True)
class Parameter:
    """A factor on components of all macros.

    Parameters
    ----------
    name, words
        Its name, and what it multiplies.
    prior
        Standard deviation of its logarithm before any macro is seen; its median is 1: the value in the file.
    """

    name: str
    words: str
    prior: float


@dataclass(frozen=True)
class Sample:
    """What a fit sees of one point: the parts of a prediction, which parameter multiplies each, the reported sum.

    Parts are in J of one MAC, s of one input, or m2 of one macro; a part without a parameter is taken as it is.
    """

    silicon_id: str
    parts: Mapping[str, float]
    parameters: Mapping[str, str]
    reported: float


@dataclass(frozen=True)
class Calibration:
    """Factors by parameter, how uncertain each is (standard deviation of its logarithm), and the silicon they fit."""

    quantity: Quantity
    values: Mapping[str, float]
    spread: Mapping[str, float]
    silicon: tuple[str, ...]

    def parts(self, sample: Sample) -> dict[str, float]:
        """Return the parts of a prediction, each times its parameter."""
        return {
            name: amount * self.values.get(sample.parameters.get(name, ""), 1.0)
            for name, amount in sample.parts.items()
        }


def calibrate(quantity: Quantity, parameters: Sequence[Parameter], samples: Sequence[Sample]) -> Calibration:
    """Fit the parameters to samples.

    Least squares on the logarithms of predicted / reported with the soft-L1 loss (2 (sqrt(1 + r^2) - 1)), so that no
    single macro rules the fit; each silicon has the same weight however many points it has. The prior is one more
    residual for each parameter, so that one that no sample needs stays where the file has it.

    Raises
    ------
    DataError
        If fewer than two silicons are left to fit parameters to.
    """
    from scipy.optimize import least_squares

    silicon = tuple(dict.fromkeys(sample.silicon_id for sample in samples))
    if len(silicon) < _LEAST_SILICON:
        raise DataError(
            f"too few published macros to calibrate {quantity} on: {len(silicon)} silicon, needed {_LEAST_SILICON}"
        )
    parts, fixed = _matrix(parameters, samples)
    reported = np.array([sample.reported for sample in samples])
    counts = {each: sum(sample.silicon_id == each for sample in samples) for each in silicon}
    weights = np.array([1 / np.sqrt(counts[sample.silicon_id]) for sample in samples])
    priors = np.array([parameter.prior for parameter in parameters])

    def residuals(logs: Floats) -> Floats:
        off = weights * np.log((parts @ np.exp(logs) + fixed) / reported)
        return np.concatenate([off, logs / priors])

    fit = least_squares(residuals, np.zeros(len(parameters)), loss="soft_l1", xtol=1e-10, ftol=1e-10, gtol=1e-10)
    jacobian = np.asarray(fit.jac, dtype=np.float64)
    covariance = np.linalg.inv(jacobian.T @ jacobian)
    names = [parameter.name for parameter in parameters]
    spread = dict(zip(names, map(float, np.sqrt(np.diag(covariance))), strict=True))
    return Calibration(quantity, dict(zip(names, map(float, np.exp(fit.x)), strict=True)), spread, silicon)


def without(samples: Sequence[Sample], silicon_id: str) -> list[Sample]:
    """Return the samples of other silicon."""
    return [sample for sample in samples if sample.silicon_id != silicon_id]


def _matrix(parameters: Sequence[Parameter], samples: Sequence[Sample]) -> tuple[Floats, Floats]:
    """Return the parts by parameter (samples, parameters), and those without one (samples,)."""
    names = [parameter.name for parameter in parameters]
    parts, fixed = np.zeros((len(samples), len(names))), np.zeros(len(samples))
    for at, sample in enumerate(samples):
        for part, amount in sample.parts.items():
            if (parameter := sample.parameters.get(part)) in names:
                parts[at, names.index(parameter)] += amount
            else:
                fixed[at] += amount
    return parts, fixed
