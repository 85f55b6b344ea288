"""Zero rows and columns of a tile are left out; columns with alike zeros share tiles, so that there are more."""

from itertools import count

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.order import busy_rows, by_pattern, indices, runs
from imcsim.mapping.rule import mapping_rule
from imcsim.mapping.tile import MatrixShape, Tile


@mapping_rule("sparse_skip")
def sparse_skip(
    shape: MatrixShape, geometry: PeGeometry, *, zeros: NDArray[np.bool_], permute: bool = True
) -> tuple[Tile, ...]:
    """Sort outputs by the pattern of their zeros, cut them, and keep of each run only rows that are not all zero.

    What the permutation costs is in :func:`imcsim.mapping.routing.routing`: tables that say which input goes to which
    row, and which output comes from which column.

    Parameters
    ----------
    permute
        False: keep the order and the cuts of ``im2col``, and only leave out zero rows and columns of its tiles.
    """
    pes = count()
    tiles: list[Tile] = []
    for group in range(shape[0]):
        live = ~zeros[group]
        if not permute:
            tiles += _in_place(group, live, geometry, pes)
            continue
        order = by_pattern(live)
        order = order[live.any(axis=0)[order]]
        busy = busy_rows(live, order, geometry.weight_cols)
        for run, start in enumerate(range(0, len(order), geometry.weight_cols)):
            cols = indices(order[start : start + geometry.weight_cols])
            kept = runs(np.flatnonzero(busy[run]), geometry.weight_rows, rising=True)
            tiles += [Tile(next(pes), group, rows, cols) for rows in kept]
    return tuple(tiles)


def _in_place(group: int, live: NDArray[np.bool_], geometry: PeGeometry, pes: "count[int]") -> list[Tile]:
    tiles = []
    for top in range(0, live.shape[0], geometry.weight_rows):
        for left in range(0, live.shape[1], geometry.weight_cols):
            block = live[top : top + geometry.weight_rows, left : left + geometry.weight_cols]
            rows, cols = np.flatnonzero(block.any(axis=1)), np.flatnonzero(block.any(axis=0))
            if len(rows):
                tiles.append(Tile(next(pes), group, indices(top + rows), indices(left + cols)))
    return tiles
