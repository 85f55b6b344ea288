"""Predictions beside reported figures: each chip with parameters that were fitted to the other chips alone."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from imcsim.chip.published.calibration import PARAMETERS, Calibration, Sample, calibrate, without
from imcsim.chip.published.parts import assumptions, parts_of
from imcsim.chip.published.points import PublishedPoint
from imcsim.chip.published.scope import Family, OutOfScope, family_of
from imcsim.chip.published.units import PublishedUnits


@dataclass(frozen=True)
class Comparison:
    """One operating point: predicted and reported energy (J) of one MAC.

    ``predicted_j`` is None exactly where ``excluded``; ``reason`` then says why, otherwise what was taken for
    granted. ``parts_j`` are the parts of the prediction.
    """

    point: PublishedPoint
    family: Family | None
    predicted_j: float | None
    parts_j: dict[str, float]
    reason: str

    @property
    def excluded(self) -> bool:
        """Whether no model should predict this point."""
        return self.predicted_j is None

    @property
    def ratio(self) -> float | None:
        """Predicted over reported, None where excluded."""
        if self.predicted_j is None or self.point.reported_j is None:
            return None
        return self.predicted_j / self.point.reported_j

    def record(self) -> dict[str, object]:
        """Return the comparison for JSON; energies in femtojoules, as published."""
        return {
            "chip_id": self.point.chip_id,
            "predicted_fj_per_mac": _femto(self.predicted_j),
            "reported_fj_per_mac": _femto(self.point.reported_j),
            "ratio": self.ratio,
            "excluded": self.excluded,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Errors:
    """How far predictions are off.

    ``median_error`` is the median of abs(ratio - 1) over points, ``median_error_by_chip`` the median over chips of
    each chip's own median: a chip with many points counts once. ``within_two`` is the share within a factor of two.
    """

    points: int
    chips: int
    median_error: float
    median_error_by_chip: float
    within_two: float
    worst_factor: float


@dataclass(frozen=True)
class Validation:
    """All points of a file, and the calibration with every published chip, for the record."""

    comparisons: tuple[Comparison, ...]
    calibrations: tuple[Calibration, ...]

    def errors(self, family: Family | None = None) -> Errors | None:
        """Return the errors of one family's points, of all without ``family``; None if nothing was predicted."""
        found = [c for c in self.comparisons if c.ratio is not None and (family is None or c.family == family)]
        if not found:
            return None
        by_chip: dict[str, list[float]] = {}
        for comparison in found:
            by_chip.setdefault(comparison.point.chip_id, []).append(comparison.ratio or math.nan)
        ratios = [ratio for chip in by_chip.values() for ratio in chip]
        factors = [max(ratio, 1 / ratio) for ratio in ratios]
        return Errors(
            points=len(ratios),
            chips=len(by_chip),
            median_error=_median_error(ratios),
            median_error_by_chip=statistics.median(_median_error(chip) for chip in by_chip.values()),
            within_two=sum(factor <= 2 for factor in factors) / len(factors),
            worst_factor=max(factors),
        )


def validate(
    points: Sequence[PublishedPoint], references: Sequence[PublishedPoint], units: PublishedUnits
) -> Validation:
    """Predict ``points``, each calibrated on ``references`` without its own chip and paper.

    Reported energies of ``points`` are compared and never fitted; if they are references as well, this is
    leave-one-chip-out.

    Raises
    ------
    DataError
        If ``references`` hold too few chips of a family to calibrate on.
    """
    samples = [sample for point in references if (sample := _sample(point, units)) is not None]
    cache: dict[tuple[Family, tuple[str, str]], Calibration] = {}
    compared = []
    for point in points:
        try:
            family = family_of(point, units)
            parts = parts_of(point, family, units)
        except OutOfScope as reason:
            compared.append(Comparison(point, None, None, {}, str(reason)))
            continue
        key = family, (point.chip_id, point.title)
        if key not in cache:
            cache[key] = calibrate(family, without(samples, point.chip_id, point.title))
        joules = cache[key].predict_j(parts)
        compared.append(Comparison(point, family, math.fsum(joules.values()), joules, assumptions(point, family)))
    fitted = [family for family in PARAMETERS if PARAMETERS[family]]
    return Validation(tuple(compared), tuple(calibrate(family, samples) for family in fitted))


def _sample(point: PublishedPoint, units: PublishedUnits) -> Sample | None:
    try:
        family = family_of(point, units)
        parts = parts_of(point, family, units)
    except OutOfScope:
        return None
    if point.reported_j is None:
        return None
    return Sample(point.chip_id, point.title, family, parts, point.reported_j)


def _median_error(ratios: Sequence[float]) -> float:
    return statistics.median(abs(ratio - 1) for ratio in ratios)


def _femto(joules: float | None) -> float | None:
    return None if joules is None else joules * 1e15
