"""Column segments that a task's mask closes: what they add is 0, so that a chip need not evaluate them.

A trace counts closed segments by layer and task; they are taken as spread evenly over the PEs of a layer, which is
exact where all of them are in one memory. Only serving may skip them: training needs their partial sums.

Shape letters: T tasks, P PEs, L layers.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import Assignment
from imcsim.chip.config import ChipConfig
from imcsim.chip.profile import PeGrid, profile_of
from imcsim.chip.read_cost import Components
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]
EVALUATED = ("adc", "adder_tree", "shift_add")
"""Components that work for each column of a PE and phase."""


def open_share(trace: Trace, grid: PeGrid) -> Floats:
    """Return the share of each layer's column segments that the task does not close, (T, L)."""
    segments = np.bincount(grid.layer, weights=grid.outputs, minlength=len(trace.meta.layers))
    return np.asarray(1.0 - trace.counts["closed_segments"] / segments, dtype=np.float64)


def without_closed(unit: Components, trace: Trace, grid: PeGrid) -> Components:
    """Return the cost of one vector through each PE, (T, P), where closed segments are not evaluated."""
    if not trace.counts["closed_segments"].any():
        return unit
    share = open_share(trace, grid)[:, grid.layer]
    return {name: cost * share if name in EVALUATED else cost for name, cost in unit.items()}


def conversions(trace: Trace, chip: ChipConfig, place: Assignment, gated: bool | None = None) -> Floats:
    """Return the ADC conversions of one inference of each task, (T,).

    Parameters
    ----------
    place
        Where the weights are read: :func:`imcsim.chip.serving_place.serving_place`.
    gated
        Whether closed segments are left out; None: as the chip's ``gate_columns`` says.
    """
    grid = profile_of(trace, chip.geometry).grid
    positions = np.array([spec.positions for spec in trace.meta.layers], dtype=np.float64)
    phases = -(-chip.input_bits // chip.dac_bits)
    each = grid.cols * phases * positions[grid.layer] * place.in_rram
    skips = chip.gate_columns if gated is None else gated
    return np.asarray((each * (open_share(trace, grid)[:, grid.layer] if skips else 1.0)).sum(axis=1))
