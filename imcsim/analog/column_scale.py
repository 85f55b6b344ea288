"""Column segments that a task scales: the factor stands behind the converter, which sees the partial sum as it is.

A network that learned column masks brings them as the buffer ``column_scale`` of a layer, (G, I, N), and the attribute
``column_rows``, the weight rows of a segment. Both stay on the layer on PEs, so that another task's are loaded with
its ``state_dict``.

Shape letters: G groups, I row tiles, D fan-in, N outputs per group.
"""

from torch import Tensor, nn

from imcsim.analog.arrays import LayerArrays
from imcsim.core.errors import MappingError
from imcsim.crossbar.quantise import COLUMN_SCALE

COLUMN_ROWS = "column_rows"


def keep_scales(made: nn.Module, layer: nn.Module, arrays: LayerArrays) -> None:
    """Give ``made`` the column scales of ``layer``, if it has any.

    Raises
    ------
    MappingError
        If they are for PEs of other rows than the chip's.
    """
    scales = layer._buffers.get(COLUMN_SCALE)
    if scales is None:
        return
    rows = int(getattr(layer, COLUMN_ROWS))
    if rows != arrays.tile[0]:
        raise MappingError(
            f"layer '{arrays.name}' learned column scales for PEs of {rows} weight rows, but '{arrays.chip.name}' has "
            f"PEs of {arrays.tile[0]}: train again with pe_tile = {list(arrays.tile)}"
        )
    made.register_buffer(COLUMN_SCALE, scales)
    setattr(made, COLUMN_ROWS, rows)


def column_scales(layer: nn.Module) -> Tensor | None:
    """Return the layer's scales (G, I, N), or None."""
    return layer._buffers.get(COLUMN_SCALE)


def scaled_weight(layer: nn.Module, weight: Tensor) -> Tensor:
    """Return ``weight`` (out, in, ..) times its segments' scales: what ideal conversion of scaled sums amounts to."""
    scales = column_scales(layer)
    if scales is None:
        return weight
    groups, _, outputs = scales.shape
    fan_in = weight.numel() // (groups * outputs)
    matrix = scales.repeat_interleave(int(getattr(layer, COLUMN_ROWS)), 1)[:, :fan_in]  # (G, D, N)
    return weight * matrix.transpose(1, 2).reshape(weight.shape)
