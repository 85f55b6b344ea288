"""One copy that is read from both sides: inputs on the rows, errors on the columns."""

from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.rule import mapping_rule
from imcsim.mapping.tile import MatrixShape, Tile, cut


@mapping_rule("transposable")
def transposable(shape: MatrixShape, geometry: PeGeometry) -> tuple[Tile, ...]:
    """Lay the weights as ``im2col`` does, each tile read both ways, so that input gradients need no second copy.

    The rule beside it is ``second_copy``: about twice the PEs, each read one way only.
    """
    groups, fan_in, outputs = shape
    row_runs = cut(range(fan_in), geometry.weight_rows)
    col_runs = cut(range(outputs), geometry.weight_cols)
    places = ((group, rows, cols) for group in range(groups) for rows in row_runs for cols in col_runs)
    return tuple(Tile(pe, group, rows, cols, read="both") for pe, (group, rows, cols) in enumerate(places))
