"""Dominance: which points nobody beats in every objective at once."""

from collections.abc import Sequence

Point = Sequence[float]


def dominates(first: Point, second: Point, maximise: Sequence[bool]) -> bool:
    """Return whether ``first`` is at least as good as ``second`` everywhere and better somewhere.

    Parameters
    ----------
    first, second
        Objective values, any units, in the same order.
    maximise
        For each objective: True if more is better.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    signed = [(a, b) if up else (-a, -b) for a, b, up in zip(first, second, maximise, strict=True)]
    return all(a >= b for a, b in signed) and any(a > b for a, b in signed)


def front(points: Sequence[Point], maximise: Sequence[bool]) -> list[int]:
    """Return the indices of the points that no other point dominates, in the order given; equal points all stay."""
    return [
        index for index, point in enumerate(points) if not any(dominates(other, point, maximise) for other in points)
    ]
