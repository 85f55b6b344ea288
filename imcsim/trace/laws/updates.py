"""Cells change because weights are updated: no more weights change than train, or than the optimiser wrote.

Three things change cells of weights that do not train: a task switch, where a layer holds other weights for each task
(``switched_layers``), a PE that gets its old weights back, and a rule of the method's own. The last two have the
method's word (``set_layers``), also where PEs are placed.
Shape letters: F placement phases, K cells per weight, G groups, D fan-in, N outputs per group.
"""

import numpy as np

from imcsim.trace.laws.cells import facts_of
from imcsim.trace.laws.demand import demand_each, recorded
from imcsim.trace.trace import Trace


def check(trace: Trace) -> None:
    """Check the weights that changed under the policy "step" in each phase and layer."""
    for encoding in trace.meta.encodings:
        for index, layer in enumerate(trace.meta.layers):
            if layer.name in trace.meta.switched_layers:
                continue
            changed = facts_of(trace, encoding, layer.name).weights
            where = f"layer '{layer.name}', {encoding.name}"
            trains, updated = (trace.counts[name][:, index] for name in ("trainable_weights", "updated_weights"))
            if layer.name in trace.placement and not recorded(trace.meta):
                continue  # made by hand, without a method that gives its word: the law of frozen PEs says which
            told = np.array([bool(trace.meta.reason_to_set(t, layer.name)) for t in trace.meta.phase_tasks])
            demand_each(told | (changed <= trains), f"{where}: more weights changed than may", trace.meta)
            fits = told | (changed <= updated)
            demand_each(fits, f"{where}: more weights changed than were updated", trace.meta)
