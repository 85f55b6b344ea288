"""Copies of busy layers under a budget of PEs, so that no layer holds up the pipeline more than it must."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import count

from imcsim.core.errors import MappingError
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.rule import mapping_rule
from imcsim.mapping.tile import MatrixShape, Tile, cut


@mapping_rule("replicate", level="network")
def replicate(
    shapes: Sequence[MatrixShape], geometry: PeGeometry, *, positions: Sequence[int], pe_budget: int
) -> tuple[tuple[Tile, ...], ...]:
    """Lay each layer as ``im2col`` does, as many times as makes the slowest layer as fast as the budget allows.

    A layer of p input vectors with r copies takes ceil(p / r) turns. The largest number of turns over layers is the
    smallest that fits ``pe_budget``, and each layer has the fewest copies that reach it.

    Raises
    ------
    MappingError
        If the budget does not hold one copy of each layer.
    """
    sizes = [groups * _product(geometry.tiles(fan_in, outputs)) for groups, fan_in, outputs in shapes]
    if sum(sizes) > pe_budget:
        raise MappingError(f"one copy of each layer takes {sum(sizes)} PEs, but pe_budget is {pe_budget}")

    def needed(turns: int) -> int:
        return sum(size * -(-p // turns) for size, p in zip(sizes, positions, strict=True))

    turns = 1 + bisect_left(range(1, max(positions) + 1), True, key=lambda t: needed(t) <= pe_budget)
    pes = count()
    return tuple(
        tuple(
            Tile(next(pes), group, rows, cols, copy=copy)
            for copy in range(-(-p // turns))
            for group in range(groups)
            for rows in cut(range(fan_in), geometry.weight_rows)
            for cols in cut(range(outputs), geometry.weight_cols)
        )
        for (groups, fan_in, outputs), p in zip(shapes, positions, strict=True)
    )


def _product(pair: tuple[int, int]) -> int:
    return pair[0] * pair[1]
