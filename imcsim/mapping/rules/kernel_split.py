"""One group of PEs per kernel position, so that positions share inputs and each input is fetched once.

After the mapping of convolutions in neurosim/DNN_NeuroSim_V1.4 (one sub-matrix per kernel position).
"""

from imcsim.core.errors import MappingError
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.rule import mapping_rule
from imcsim.mapping.tile import MatrixShape, Tile, cut


@mapping_rule("kernel_split")
def kernel_split(shape: MatrixShape, geometry: PeGeometry, *, kernel: tuple[int, int]) -> tuple[Tile, ...]:
    """Put the rows of each kernel position (all input channels of the group) on PEs of their own.

    Row d of the matrix is (input channel, kernel row, kernel column) in C order. Neighbouring outputs meet the same
    input pixel at other positions: it is fetched once and sent to all positions' PEs; their partial sums are added.

    Raises
    ------
    MappingError
        If the fan-in is no multiple of the kernel's size.
    """
    groups, fan_in, outputs = shape
    area = kernel[0] * kernel[1]
    if fan_in % area:
        raise MappingError(f"a fan-in of {fan_in} has no whole number of input channels for a kernel of {kernel}")
    spots = [divmod(offset, kernel[1]) for offset in range(area)]
    runs = [(spot, rows) for i, spot in enumerate(spots) for rows in cut(range(i, fan_in, area), geometry.weight_rows)]
    col_runs = cut(range(outputs), geometry.weight_cols)
    places = ((group, spot, rows, cols) for group in range(groups) for spot, rows in runs for cols in col_runs)
    return tuple(Tile(pe, group, rows, cols, position=spot) for pe, (group, spot, rows, cols) in enumerate(places))
