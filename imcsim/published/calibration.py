"""The few global parameters of the models of published chips, and their fit.

No parameter belongs to a chip. Each is fitted to all chips of one family; a chip is predicted with parameters that
were fitted without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import DataError

Model = Literal["rram", "analog-sram", "digital-sram", "analog-sram-area"]  # of energy, but for the last

PARAMETERS: dict[Model, dict[str, str]] = {
    "rram": {"sense": "column current (A) for each square root of a row"},
    "analog-sram": {
        "adc": "factor on the converter's fit",
        "cells": "capacitance of a cell (F) for each metre of feature size",
    },
    "digital-sram": {},
    "analog-sram-area": {
        "adc": "factor on the area of the converter's fit",
        "cells": "area of a cell with its share of the rest, in cells of six transistors",
    },
}
_START: dict[Model, dict[str, float]] = {
    "rram": {"sense": 1e-5},
    "analog-sram": {"adc": 1.0, "cells": 1e-7},
    "digital-sram": {},
    "analog-sram-area": {"adc": 1.0, "cells": 10.0},
}  # where the fit begins; the optimum does not depend on it
_LEAST_CHIPS = 2


@dataclass(frozen=True)
class Sample:
    """What a fit sees of one point: parts before calibration, and the reported energy (J) of one MAC or area (m2)."""

    chip_id: str
    title: str
    family: Model
    parts: dict[str, float]
    reported: float


@dataclass(frozen=True)
class Calibration:
    """Parameters of one model, by part, and the chips that they were fitted to."""

    family: Model
    values: dict[str, float]
    chips: tuple[str, ...]

    def predict(self, parts: dict[str, float]) -> dict[str, float]:
        """Return joules or square metres by part: each times its parameter, as it is where it has none."""
        return {name: amount * self.values.get(name, 1.0) for name, amount in parts.items()}


def calibrate(family: Model, samples: Sequence[Sample]) -> Calibration:
    """Fit the parameters of ``family`` to the samples of that family.

    Least squares on the logarithms of predicted / reported, with the soft-L1 loss (2 (sqrt(1 + r^2) - 1)), so that no
    single chip rules the fit; each chip has the same weight however many points it has. Parameters are > 0; parts
    without one are taken as they are.

    Raises
    ------
    DataError
        If fewer than two chips are left to fit parameters to.
    """
    from scipy.optimize import least_squares

    names, used = list(PARAMETERS[family]), [sample for sample in samples if sample.family == family]
    chips = tuple(dict.fromkeys(sample.chip_id for sample in used))
    if not names:
        return Calibration(family, {}, ())
    if len(chips) < _LEAST_CHIPS:
        raise DataError(
            f"too few published chips of family {family} to calibrate on: {len(chips)}, needed {_LEAST_CHIPS}"
        )
    parts = np.array([[sample.parts[name] for name in names] for sample in used])
    fixed = np.array([sum(v for name, v in sample.parts.items() if name not in names) for sample in used])
    reported = np.array([sample.reported for sample in used])
    weights = np.array([1 / np.sqrt(sum(s.chip_id == sample.chip_id for s in used)) for sample in used])

    def residuals(logs: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(weights * np.log((parts @ np.exp(logs) + fixed) / reported), dtype=np.float64)

    start = np.log([_START[family][name] for name in names])
    fit = least_squares(residuals, start, loss="soft_l1", xtol=1e-12, ftol=1e-12, gtol=1e-12)
    return Calibration(family, dict(zip(names, map(float, np.exp(fit.x)), strict=True)), chips)


def without(samples: Sequence[Sample], chip_id: str, title: str) -> list[Sample]:
    """Return the samples of other chips: neither the same chip_id nor the same paper."""
    return [sample for sample in samples if sample.chip_id != chip_id and sample.title != title]
