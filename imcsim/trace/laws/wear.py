"""A dead cell stays dead, and a write that fails is a write."""

import numpy as np

from imcsim.trace.laws.cells import facts_of
from imcsim.trace.laws.demand import demand, demand_each
from imcsim.trace.laws.numbers import Numbers, Whole
from imcsim.trace.schema import WEAR_COUNTS
from imcsim.trace.trace import Trace


def check(trace: Trace) -> None:
    """Check the counts of cells that wore while learning; a trace has both, or none."""
    if not trace.wear_counts:
        return
    demand(set(trace.wear_counts) == set(WEAR_COUNTS), f"wear counts are {' and '.join(WEAR_COUNTS)}, both or none")
    meta, numbers = trace.meta, Numbers(trace)
    dead = trace.wear_counts["dead_cells"].astype(object)
    before = np.vstack([np.zeros_like(dead[:1]), dead[:-1]])
    demand_each(dead >= before, "a dead cell stays dead", meta)
    cells = max(encoding.cells_per_weight for encoding in meta.encodings) * numbers.weights
    demand_each(dead <= cells, "more cells are dead than the layer has", meta)
    failed = trace.wear_counts["failed_writes"].astype(object)
    demand_each(failed <= _changes(trace), "more writes failed than cells changed their level", meta)
    demand_each((dead > 0) | (failed == 0), "a write fails only on a dead cell", meta)


def _changes(trace: Trace) -> Whole:
    """Return (F, L): level changes at every step, of the encoding that has most."""
    meta = trace.meta
    table = [[facts_of(trace, code, layer.name).moved["step"] for layer in meta.layers] for code in meta.encodings]
    most: Whole = np.max(np.array(table), axis=0).T.astype(object)
    return most
