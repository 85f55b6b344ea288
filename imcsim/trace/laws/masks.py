"""Weights outside a sparsity mask are 0, and the counts of weights are those of the masks."""

import numpy as np

from imcsim.trace.laws.demand import demand, demand_each
from imcsim.trace.laws.numbers import Numbers
from imcsim.trace.trace import Trace


def check(trace: Trace) -> None:
    """Check masks against codes and counts, and counts of weights against the layer."""
    meta, numbers = trace.meta, Numbers(trace)
    active, peak = numbers.of("active_weights"), numbers.of("peak_active_weights")
    for index, layer in enumerate(meta.layers):
        mask = trace.active.get(layer.name)
        if mask is None:
            inside = np.full(meta.phase_count, layer.weight_count)
        else:
            closed = (trace.codes[layer.name][1:] != 0) & ~mask
            demand(not closed.any(), f"layer '{layer.name}': a weight outside the sparsity mask is not 0")
            inside = mask.reshape(len(mask), -1).sum(axis=1)
        law = f"active_weights of layer '{layer.name}' must be those of its mask, all if it has none"
        demand_each(active[:, index] == inside, law, meta)
    demand_each(active <= peak, "peak_active_weights must be at least active_weights", meta)
    demand_each(peak <= numbers.weights, "more weights exist than the layer has", meta)
    trains = numbers.of("trainable_weights") <= numbers.weights
    demand_each(trains, "more weights train than the layer has", meta)
    segments = numbers.of("closed_segments") <= numbers.weights
    demand_each(segments, "more column segments are closed than the layer has weights", meta)
