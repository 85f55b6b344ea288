"""How far predictions of published chips are off, over points and over chips."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


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


def errors_of(ratios: Iterable[tuple[str, float]]) -> Errors | None:
    """Return the errors of pairs of chip and ratio, predicted over reported; None if there are none."""
    by_chip: dict[str, list[float]] = {}
    for chip, ratio in ratios:
        by_chip.setdefault(chip, []).append(ratio)
    if not by_chip:
        return None
    every = [ratio for chip in by_chip.values() for ratio in chip]
    factors = [max(ratio, 1 / ratio) for ratio in every]
    return Errors(
        points=len(every),
        chips=len(by_chip),
        median_error=_median_error(every),
        median_error_by_chip=statistics.median(_median_error(chip) for chip in by_chip.values()),
        within_two=sum(factor <= 2 for factor in factors) / len(factors),
        worst_factor=max(factors),
    )


def _median_error(ratios: Iterable[float]) -> float:
    return statistics.median(abs(ratio - 1) for ratio in ratios)
