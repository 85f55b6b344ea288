"""Placement phases tile the steps of their tasks.

That they follow one another without a gap is a rule of the header (:mod:`imcsim.trace.phase`); here, that they are as
long as what was recorded in them.
"""

import numpy as np

from imcsim.trace.laws.demand import demand_each
from imcsim.trace.trace import Trace


def check(trace: Trace) -> None:
    """Check the steps of each phase against those that were counted in it."""
    counted = trace.task_counts["optimizer_steps"]
    said = np.array([phase.steps for phase in trace.phases], dtype=object)
    demand_each(counted == said, "a phase has as many steps as were counted in it", trace.meta)
