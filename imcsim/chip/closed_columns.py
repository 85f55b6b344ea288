"""Column segments that a task's mask closes: what they add is 0, so that a chip need not evaluate them.

A trace counts closed segments by layer and task, in PEs of the height that it was recorded for. Their share is taken as
spread evenly over the PEs of a layer, which is exact where all of them are in one memory and of that height. Only
serving may skip them: training needs their partial sums.

Shape letters: F placement phases, P PEs, L layers.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Placed
from imcsim.mapping.pe_grid import PeGrid
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]


def open_share(trace: Trace, grid: PeGrid) -> Floats:
    """Return the share of each layer's column segments that the task does not close, (F, L)."""
    tile = trace.meta.pe_tile or trace.meta.config.get("pe_tile")
    if tile is None:
        segments = np.bincount(grid.layer, weights=grid.outputs, minlength=len(trace.meta.layers))
    else:
        each = [spec.groups * -(-spec.fan_in // int(tile[0])) * spec.outputs for spec in trace.meta.layers]
        segments = np.array(each, dtype=np.float64)
    return np.asarray(1.0 - trace.counts["closed_segments"] / segments, dtype=np.float64)


def conversions(placed: Placed, gated: bool | None = None) -> Floats:
    """Return the conversions of one inference of each phase, (F,), in the memory that keeps its weights.

    Parameters
    ----------
    placed
        The trace as it is served: :attr:`imcsim.chip.placed.Placed.serving`.
    gated
        Whether closed segments are left out; None: as the chip's ``gate_columns`` says.
    """
    bank = placed.nonvolatile
    if bank is None:
        return np.zeros(placed.phases)
    grid = bank.grid
    each = grid.cols * bank.site.phases(placed.chip.input_bits) * placed.positions[grid.layer] * bank.holds
    if bank.share is not None:
        each = each * bank.share
    skips = placed.chip.gate_columns if gated is None else gated
    shares = open_share(placed.trace, grid)[:, grid.layer] if skips else 1.0
    return np.asarray((each * shares).sum(axis=1))
