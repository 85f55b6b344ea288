"""Where weights are read when a task is served; apart from what that costs, for accuracies hang on the place alone."""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.placed import place
from imcsim.trace.trace import Trace


def serving_in_sram(trace: Trace, chip: ChipConfig) -> tuple[dict[str, NDArray[np.bool_]], ...]:
    """Return, for each task, which PEs are read from volatile memory when it is served.

    Layer -> (G, row tiles, column tiles): what :func:`imcsim.convert` takes as a placement, and what inference is
    charged for.

    Raises
    ------
    TraceError
        If the trace cannot be priced on ``chip``.
    """
    placed = place(trace, chip)
    in_volatile = placed.home.pes(placed.serving.where.within(volatile=True))
    geometry, slices = placed.home.grid.geometry, placed.home.grid.layer_slices
    grids = {spec.name: (spec.groups, *geometry.tiles(spec.fan_in, spec.outputs)) for spec in trace.meta.layers}
    spans = dict(zip(grids, slices, strict=True))
    ends = in_volatile[list(trace.meta.last_phases)]
    return tuple({name: row[spans[name]].reshape(grid) for name, grid in grids.items()} for row in ends)
