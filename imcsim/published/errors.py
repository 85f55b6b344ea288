"""How far predictions of published macros are off, over points and over silicon, and how often bands held."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Errors:
    """How far predictions are off.

    ``median_error`` is the median of abs(ratio - 1) over points, ``median_error_by_chip`` the median over silicon of
    each one's own median: one with many points counts once. ``within_two`` is the share within a factor of two.
    """

    points: int
    chips: int
    median_error: float
    median_error_by_chip: float
    within_two: float
    worst_factor: float


def errors_of(ratios: Iterable[tuple[str, float]]) -> Errors | None:
    """Return the errors of pairs of silicon and ratio, predicted over reported; None if there are none."""
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


@dataclass(frozen=True)
class Bands:
    """How often bands held the reported figure.

    ``held`` is the share of points inside, ``held_by_chip`` the mean over silicon of each one's own share.
    ``median_width`` is the median of high over low.
    """

    points: int
    held: float
    held_by_chip: float
    median_width: float


def bands_of(bands: Iterable[tuple[str, bool, float]]) -> Bands | None:
    """Return a summary of triples of silicon, whether its band held, and high over low; None if there are none."""
    by_chip: dict[str, list[bool]] = {}
    widths = []
    for chip, held, width in bands:
        by_chip.setdefault(chip, []).append(held)
        widths.append(width)
    if not by_chip:
        return None
    return Bands(
        points=len(widths),
        held=sum(map(sum, by_chip.values())) / len(widths),
        held_by_chip=statistics.mean(sum(each) / len(each) for each in by_chip.values()),
        median_width=statistics.median(widths),
    )


def _median_error(ratios: Iterable[float]) -> float:
    return statistics.median(abs(ratio - 1) for ratio in ratios)
