"""Frozen and trainable weights fall into different PEs as far as the mask allows: the hybrid's own rule."""

from itertools import count

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.order import busy_rows, by_pattern, indices, runs
from imcsim.mapping.rule import mapping_rule
from imcsim.mapping.tile import MatrixShape, Tile, cut


@mapping_rule("freeze_align")
def freeze_align(shape: MatrixShape, geometry: PeGeometry, *, trainable: NDArray[np.bool_]) -> tuple[Tile, ...]:
    """Order outputs by the pattern of what trains in them, and inputs so that frozen rows have PEs of their own.

    Outputs in which nothing trains are cut by themselves. The others, alike ones side by side, are cut into runs; rows
    in which a run trains nothing go to frozen PEs, the rest to trainable ones. Each run can add one PE to ``im2col``'s.
    A trainable PE may still hold frozen weights, a frozen one never holds a trainable weight.
    """
    pes = count()
    high, wide = geometry.weight_rows, geometry.weight_cols
    tiles: list[Tile] = []
    for group in range(shape[0]):
        trains = trainable[group]
        order = by_pattern(trains)
        still = int((~trains.any(axis=0)).sum())  # the pattern without a trainable weight sorts first
        idle, busy = order[:still], order[still:]
        for cols in runs(idle, wide):
            tiles += [Tile(next(pes), group, rows, cols, frozen=True) for rows in cut(range(shape[1]), high)]
        rows_that_train = busy_rows(trains, busy, wide)
        for run, start in enumerate(range(0, len(busy), wide)):
            cols, moving = indices(busy[start : start + wide]), rows_that_train[run]
            for frozen, chosen in ((True, np.flatnonzero(~moving)), (False, np.flatnonzero(moving))):
                tiles += [Tile(next(pes), group, rows, cols, frozen=frozen) for rows in runs(chosen, high, rising=True)]
    return tuple(tiles)
