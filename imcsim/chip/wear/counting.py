"""Loops that add a task's writes to per-cell counters, in pieces that stay in the cache.

Eighty-nine million cells (ResNet-18, 8 cells a weight) go through here, so nothing the size of a layer is made on the
way. Shape letters: K cells per weight, G groups, D fan-in, N outputs.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.crossbar.encoding import Encoding

_IN_CACHE = 1 << 15  # cells handled at once: narrow temporaries of this many stay in the second-level cache

Events = NDArray[np.uint32]
Floats32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


def add_changes(
    events: Events, full: Floats32, changes: NDArray[np.integer], full_share: float, where: Mask | None
) -> None:
    """Add counted level changes (K, G, D, N) to ``events``, and the share that spans the whole window to ``full``.

    Parameters
    ----------
    events, full
        (K, G, D, N), contiguous, changed in place.
    changes
        Level changes of each cell.
    full_share
        Share of the changes that go from one end of the window to the other, 0..1.
    where
        (G, D, N), weights to count; None for all.
    """
    chosen = None if where is None else np.ascontiguousarray(where).reshape(-1)
    for k in range(len(events)):
        to, whole, given = events[k].reshape(-1), full[k].reshape(-1), np.ascontiguousarray(changes[k]).reshape(-1)
        for start in range(0, to.size, _IN_CACHE):
            piece = slice(start, start + _IN_CACHE)
            new = given[piece].astype(np.uint32)
            if chosen is not None:
                new *= chosen[piece]
            to[piece] += new
            if full_share:
                whole[piece] += new.astype(np.float32) * np.float32(full_share)


def add_moves(
    counters: tuple[NDArray[np.uint32] | Floats32, Floats32],
    old: NDArray[np.integer],
    new: NDArray[np.integer],
    encoding: Encoding,
    where: Mask | None,
    amount: float = 1,
) -> NDArray[np.float64]:
    """Add one programming event (times ``amount``) to each cell whose level differs between two sets of codes.

    Parameters
    ----------
    counters
        Events and events across the whole window, each (K, G, D, N), contiguous, changed in place.
    old, new
        Codes (G, D, N) before and after.
    encoding
        How codes lie in cells.
    where
        (G, D, N), weights to count; None for all.
    amount
        Events each difference stands for.

    Returns
    -------
    NDArray
        (levels,) events by the number of levels that a cell moved.
    """
    table = encoding.level_table.astype(np.uint8 if encoding.cell_bits <= 8 else np.uint16)
    flat_old, flat_new = (np.ascontiguousarray(codes).reshape(-1) for codes in (old, new))
    chosen = None if where is None else np.ascontiguousarray(where).reshape(-1)
    events, full = counters
    step, top, distances = np.float32(amount), encoding.level_count - 1, np.zeros(encoding.level_count)
    for start in range(0, flat_old.size, _IN_CACHE):
        piece = slice(start, start + _IN_CACHE)
        before, after = (flat[piece].astype(np.intp) - encoding.code_min for flat in (flat_old, flat_new))
        for k, levels in enumerate(table):
            first, last = levels[before], levels[after]
            moved = np.maximum(first, last) - np.minimum(first, last)
            if chosen is not None:
                moved *= chosen[piece]
            hit = moved > 0
            events[k].reshape(-1)[piece] += hit if amount == 1 else hit * step
            full[k].reshape(-1)[piece] += (moved == top) * step
            distances += amount * np.bincount(moved, minlength=encoding.level_count)
    distances[0] = 0
    return distances
