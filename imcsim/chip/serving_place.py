"""Where weights are read when a task is served; apart from what that costs, for accuracies hang on the place alone."""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.placed import Placed, place
from imcsim.core.errors import TraceError
from imcsim.mapping.masks import reduce_to_pes
from imcsim.trace.trace import Trace


def serving_in_sram(trace: Trace, chip: ChipConfig) -> tuple[dict[str, NDArray[np.bool_]], ...]:
    """Return, for each task, which PEs are read from volatile memory when it is served.

    Layer -> (G, row tiles, column tiles): what :func:`imcsim.convert` takes as a placement, and what inference is
    charged for.

    Raises
    ------
    TraceError
        If the trace cannot be priced on ``chip``, or if the chip's memories cut a PE of the network that is converted:
        :func:`imcsim.convert` reads a whole PE of the home memory in one memory.
    """
    placed = place(trace, chip)
    in_volatile = placed.home.pes(placed.serving.where.within(volatile=True))
    ends = in_volatile[list(trace.meta.last_phases)]
    return tuple(_by_tile(placed, row) for row in ends)


def _by_tile(placed: Placed, pes: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    geometry, layout = placed.home.grid.geometry, placed.home.layout
    tile, found = (geometry.weight_rows, geometry.weight_cols), {}
    for layer, (spec, span) in enumerate(zip(placed.trace.meta.layers, layout.grid.layer_slices, strict=True)):
        weights = layout.spread(pes[span], layer)
        found[spec.name] = reduce_to_pes(weights, tile, "any")
        if not np.array_equal(found[spec.name], reduce_to_pes(weights, tile, "all")):
            raise TraceError(
                f"layer '{spec.name}' is served from both memories within one PE of {tile} weights, which cannot be "
                f"converted: train again with pe_tile = {list(tile)}"
            )
    return found
