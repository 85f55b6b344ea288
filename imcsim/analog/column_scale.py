"""Column segments that a task scales: the factor stands behind the converter, which sees the partial sum as it is.

A network that learned column masks brings them as tags of its layers (:mod:`imcsim.crossbar.layer_tags`). They stay
on the layer on PEs, so that another task's are loaded with its ``state_dict``.

Shape letters: G groups, I row tiles, D fan-in, N outputs per group.
"""

from torch import Tensor, nn

from imcsim.analog.arrays import LayerArrays
from imcsim.core.errors import MappingError
from imcsim.crossbar.layer_tags import column_scales_of, keep_column_scales


def take_over_scales(made: nn.Module, layer: nn.Module, arrays: LayerArrays) -> None:
    """Give ``made`` the column scales of ``layer``, if it has any.

    Raises
    ------
    MappingError
        If they are for PEs of other rows than the chip's.
    """
    segments = column_scales_of(layer)
    if segments is None:
        return
    if segments.rows != arrays.tile[0]:
        raise MappingError(
            f"layer '{arrays.name}' learned column scales for PEs of {segments.rows} weight rows, but "
            f"'{arrays.pes.name}' has PEs of {arrays.tile[0]}: train again with pe_tile = {list(arrays.tile)}"
        )
    keep_column_scales(made, segments.scales, segments.rows)


def scaled_weight(layer: nn.Module, weight: Tensor) -> Tensor:
    """Return ``weight`` (out, in, ..) times its segments' scales: what ideal conversion of scaled sums amounts to."""
    segments = column_scales_of(layer)
    if segments is None:
        return weight
    groups, _, outputs = segments.scales.shape
    fan_in = weight.numel() // (groups * outputs)
    # each segment's factor holds for all of its weight rows; the last PE of a column may hold fewer
    matrix = segments.scales.repeat_interleave(segments.rows, 1)[:, :fan_in]  # (G, D, N)
    return weight * matrix.transpose(1, 2).reshape(weight.shape)
