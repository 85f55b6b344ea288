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


def indices(chosen: NDArray[np.integer]) -> Indices:
    """Return ``chosen`` as a range if it is one of step 1, else as a tuple."""
    if len(chosen) and np.array_equal(chosen, np.arange(chosen[0], chosen[0] + len(chosen))):
        return range(int(chosen[0]), int(chosen[0]) + len(chosen))
    return tuple(chosen.tolist())


def busy_rows(mask: Mask, columns: NDArray[np.intp], width: int) -> Mask:
    """Return (D, tiles): rows of ``mask`` that are true anywhere in each run of ``width`` of the ``columns``."""
    if not len(columns):
        return np.zeros((len(mask), 0), dtype=bool)
    starts = np.arange(0, len(columns), width)
    return np.asarray(np.logical_or.reduceat(mask[:, columns], starts, axis=1), dtype=bool)
