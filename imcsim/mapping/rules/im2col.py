"""Row tile i of a group holds the fan-in slice i, column tile j the output slice j; the last of each may be short."""

from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.rule import mapping_rule
from imcsim.mapping.tile import MatrixShape, Tile, cut


@mapping_rule("im2col")
def im2col(shape: MatrixShape, geometry: PeGeometry) -> tuple[Tile, ...]:
    """Cut each group's D x N matrix into blocks of the PE's size, one PE each.

    PE indices run over (group, row tile, column tile) in C order, so a mask (G, row tiles, column tiles)
    flattened is a mask over PEs.
    """
    groups, fan_in, outputs = shape
    row_runs = cut(range(fan_in), geometry.weight_rows)
    col_runs = cut(range(outputs), geometry.weight_cols)
    places = ((group, rows, cols) for group in range(groups) for rows in row_runs for cols in col_runs)
    return tuple(Tile(pe, group, rows, cols) for pe, (group, rows, cols) in enumerate(places))
