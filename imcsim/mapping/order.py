"""Orders of a mask's rows and columns, for rules that permute a weight matrix."""

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.tile import Indices

Mask = NDArray[np.bool_]


def by_pattern(mask: Mask) -> NDArray[np.intp]:
    """Return the columns of ``mask`` (D, N) sorted by their pattern, so that equal columns lie side by side.

    Columns that are false everywhere come first; among equal columns the order is kept.
    """
    packed = np.ascontiguousarray(np.packbits(mask, axis=0).T)  # (N, bytes)
    keys = packed.view(f"S{packed.shape[1]}").ravel()  # strings of bytes compare as the bits do
    return np.argsort(keys, kind="stable")


def indices(chosen: NDArray[np.integer], *, rising: bool = False) -> Indices:
    """Return ``chosen``, distinct indices, as a range if it is one of step 1, else as a tuple.

    ``rising`` says that they are sorted, which saves looking.
    """
    if not len(chosen):
        return ()
    first, length = int(chosen[0]), len(chosen)
    if int(chosen[-1]) - first == length - 1 and (rising or length < 3 or bool((np.diff(chosen) == 1).all())):
        return range(first, first + length)
    return tuple(chosen.tolist())


def runs(chosen: NDArray[np.integer], step: int, *, rising: bool = False) -> list[Indices]:
    """Return ``chosen`` in runs of ``step``, the last may be shorter; a run is a range where it can be."""
    return [indices(chosen[start : start + step], rising=rising) for start in range(0, len(chosen), step)]


def busy_rows(mask: Mask, columns: NDArray[np.intp], width: int) -> Mask:
    """Return (tiles, D): rows of ``mask`` that are true anywhere in each run of ``width`` of the ``columns``."""
    if not len(columns):
        return np.zeros((0, len(mask)), dtype=bool)
    starts = np.arange(0, len(columns), width)
    # a row must be driven for a tile if any of the columns that stand in it needs that row
    return np.ascontiguousarray(np.logical_or.reduceat(mask[:, columns], starts, axis=1).T)
