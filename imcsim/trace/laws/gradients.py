"""Multiply-accumulates of a weight gradient = vectors x weights, and what is kept for it was seen.

An adaptor's gradient (``imcsim.learn.adapt.adaptor``) is counted with its layer's: at most one for each weight and
vector, of a layer whose weights themselves need none. It serves its task with bits of a mask, which tell of it here.
"""

import numpy as np

from imcsim.trace.laws.demand import demand_each, recorded
from imcsim.trace.laws.numbers import Numbers
from imcsim.trace.trace import Trace


def check(trace: Trace) -> None:
    """Check multiply-accumulates, kept elements and updates of every task and layer."""
    meta, numbers = trace.meta, Numbers(trace)
    steps, forward = numbers.task("optimizer_steps"), numbers.of("forward_vectors")
    vectors, macs = numbers.of("weight_gradient_vectors"), numbers.of("weight_gradient_macs")
    exist, updated = numbers.of("peak_active_weights"), numbers.of("updated_weights")
    adapted = (numbers.task("mask_bits") > 0) * forward * numbers.weights
    most = vectors * exist + adapted
    demand_each(macs <= most, "weight_gradient_macs must be at most vectors x weights that exist", meta)
    least = numbers.positions * updated
    demand_each(macs >= least, "weight_gradient_macs must be at least positions x updated weights", meta)
    paired = least <= vectors * exist  # also where an adaptor trains: it updates no weight of the layer
    demand_each(paired, "weight_gradient_vectors x weights must be at least positions x updated weights", meta)
    dense = numbers.of("dense_gradient_macs") <= vectors * numbers.weights
    demand_each(dense, "dense_gradient_macs must be at most vectors x weights", meta)
    demand_each(updated <= steps * exist, "updated_weights must be at most steps x weights that exist", meta)
    written = numbers.of("skipped_writes") <= (steps + 1) * numbers.weights
    demand_each(written, "skipped_writes must be at most steps x weights", meta)
    seen = forward // numbers.positions * numbers.input_elements + adapted
    kept = numbers.of("kept_elements")
    demand_each(kept <= seen, "kept_elements must be at most samples x input elements", meta)
    if recorded(meta):  # a trace made by hand need not tell what was kept
        some = np.logical_or((kept > 0).any(axis=1), ~(updated > 0).any(axis=1))
        demand_each(some, "weights are updated, but no layer has kept_elements for their gradient", meta)
