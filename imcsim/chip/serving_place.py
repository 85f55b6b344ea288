"""Where weights are read when a task is served; apart from what that costs, for accuracies hang on the place alone."""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import Assignment, assign
from imcsim.chip.config import ChipConfig
from imcsim.chip.profile import profile_of
from imcsim.trace.trace import Trace


def serving_place(chip: ChipConfig, where: Assignment) -> Assignment:
    """Where the weights are read when serving: RRAM once they are committed there, else where they trained.

    Residents of a hybrid's SRAM are read from it.
    """
    if chip.rram is None or chip.commit != "task":
        return where
    nowhere = np.zeros_like(where.in_rram)
    resident = nowhere if where.resident is None else nowhere | where.resident
    return Assignment(nowhere, nowhere, resident, ~resident, resident=where.resident)


def serving_in_sram(trace: Trace, chip: ChipConfig) -> tuple[dict[str, NDArray[np.bool_]], ...]:
    """Return, for each task, which PEs are read from SRAM when it is served: layer -> (G, row tiles, column tiles).

    What :func:`imcsim.convert` takes as a placement, and what inference is charged for.

    Raises
    ------
    TraceError
        If the trace cannot be priced on ``chip``.
    """
    profile = profile_of(trace, chip.geometry)
    in_sram = serving_place(chip, assign(profile, chip)).in_sram
    grids = {spec.name: (spec.groups, *chip.geometry.tiles(spec.fan_in, spec.outputs)) for spec in trace.meta.layers}
    slices = dict(zip(grids, profile.grid.layer_slices, strict=True))
    return tuple({name: row[slices[name]].reshape(grid) for name, grid in grids.items()} for row in in_sram)
