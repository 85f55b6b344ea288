"""Small blocks of any layers share a PE, block-diagonally: no two share a row or a column."""

from collections.abc import Sequence
from itertools import count

from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.rule import mapping_rule
from imcsim.mapping.tile import MatrixShape, Tile, cut

_OPEN = 8  # design choice: PEs looked at for room; more fill hardly better and the time would grow with their number


@mapping_rule("dense_pack", level="network")
def dense_pack(shapes: Sequence[MatrixShape], geometry: PeGeometry) -> tuple[tuple[Tile, ...], ...]:
    """Cut each layer as ``im2col`` does, then put blocks into PEs, tallest first, in the first that has room.

    A block takes rows and columns that no other block of the PE uses, so that the groups of a depthwise layer are read
    in one pass. Layers that share a PE take turns.
    """
    high, wide = geometry.weight_rows, geometry.weight_cols
    blocks = [
        (layer, group, rows, cols)
        for layer, (groups, fan_in, outputs) in enumerate(shapes)
        for group in range(groups)
        for rows in cut(range(fan_in), high)
        for cols in cut(range(outputs), wide)
    ]
    blocks.sort(key=lambda block: (-len(block[2]), -len(block[3])))
    tiles: list[list[Tile]] = [[] for _ in shapes]
    pes = count()
    unfilled: list[tuple[int, int, int]] = []  # (PE, rows taken, columns taken), the latest last
    for layer, group, rows, cols in blocks:
        fits = (i for i, (_, r, c) in enumerate(unfilled) if r + len(rows) <= high and c + len(cols) <= wide)
        found = next(fits, None)
        pe, top, left = (next(pes), 0, 0) if found is None else unfilled.pop(found)
        tiles[layer].append(Tile(pe, group, rows, cols, top, left))
        if top + len(rows) < high and left + len(cols) < wide:
            unfilled = [*unfilled, (pe, top + len(rows), left + len(cols))][-_OPEN:]
    return tuple(tuple(part) for part in tiles)
