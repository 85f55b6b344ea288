"""Errors reach a layer that trains through the layers that read from it.

Shape letters: F placement phases, L mapped layers.
"""

import numpy as np

from imcsim.trace.laws.demand import demand_each
from imcsim.trace.trace import Trace


def check(trace: Trace) -> None:
    """Check each layer that others read from: if it trains or passes errors back, one of those passed them to it.

    One, not all: a side path may read it detached, or sit out a task. A trace from before ``producers`` does not tell
    who reads. Where layers learn by losses of their own, cut off from what follows, the method says so
    (``set_layers``).
    """
    meta = trace.meta
    if not meta.producers:
        return
    back = trace.counts["input_gradient_vectors"] > 0
    active = back | (trace.counts["weight_gradient_macs"] > 0)
    for index, spec in enumerate(meta.layers):
        readers = [reader for reader, feeds in enumerate(meta.feeds) if index in feeds]
        if readers:
            told = np.array([bool(meta.reason_to_set(task, spec.name)) for task in meta.phase_tasks])
            reached = ~active[:, index] | back[:, readers].any(axis=1) | told
            law = f"layer '{spec.name}' trains, but no layer that reads from it has input_gradient_vectors"
            demand_each(reached, law, meta)
