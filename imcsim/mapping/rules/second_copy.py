"""Two copies: one for the forward pass, and a transposed one that errors meet on its rows.

The rule only lays them, on PEs apart. How many copies a memory of a chip pays for is
:attr:`imcsim.memory.site.Site.copies`.
"""

from itertools import count

from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.rule import mapping_rule
from imcsim.mapping.tile import MatrixShape, Tile, cut


@mapping_rule("second_copy")
def second_copy(shape: MatrixShape, geometry: PeGeometry) -> tuple[Tile, ...]:
    """Lay the weights as ``im2col`` does, then each group's N x D transpose, cut the same way, on PEs of its own."""
    groups, fan_in, outputs = shape
    pes = count()
    high, wide = geometry.weight_rows, geometry.weight_cols
    there = [
        Tile(next(pes), group, rows, cols)
        for group in range(groups)
        for rows in cut(range(fan_in), high)
        for cols in cut(range(outputs), wide)
    ]
    back = [
        Tile(next(pes), group, rows, cols, copy=1, read="backward")
        for group in range(groups)
        for cols in cut(range(outputs), high)
        for rows in cut(range(fan_in), wide)
    ]
    return (*there, *back)
