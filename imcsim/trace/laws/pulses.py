"""A level changes by pulses, and cells are half-selected while others of their layer get some.

Shape letters: F placement phases.
"""

import numpy as np

from imcsim.trace.laws.demand import demand, demand_each
from imcsim.trace.trace import Trace


def check(trace: Trace) -> None:
    """Check pulses and half-selects, where they were counted."""
    for (encoding, layer), pulses in trace.pulses.items():
        enough = pulses >= trace.changes["step", encoding, layer]
        demand(enough.all(), f"layer '{layer}', {encoding}: a cell changed its level more often than it got pulses")
    for key, halves in trace.half_selects.items():
        if key in trace.pulses:
            any_pulse, any_half = (
                np.any(table.reshape(len(table), -1), axis=1) for table in (trace.pulses[key], halves)
            )
            demand_each(any_pulse | ~any_half, f"layer '{key[1]}', {key[0]}: half-selected without a pulse", trace.meta)
