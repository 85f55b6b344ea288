"""The law that ties level changes to gradients: what trains a weight computes its gradient.

A level change without one was written for another reason, which only the method can tell: it sets weights back, draws
them, or learns by a rule without gradients. Where nobody tells, work was done that no count holds.
"""

import numpy as np

from imcsim.core.errors import ConservationError
from imcsim.trace.laws.cells import facts_of
from imcsim.trace.trace import Trace

GRADIENT_COUNTS = ("weight_gradient_macs", "dense_gradient_macs")
"""Counts of work that leads to a change of a weight: gradients of weights that train, and of ones that may grow."""


def check(trace: Trace) -> None:
    """Raise ConservationError if a layer's levels change in a task without gradient and without the method's word.

    The word is in ``TraceMeta.set_layers``, task by task.
    """
    gradients = np.add.reduce([trace.counts[name] for name in GRADIENT_COUNTS])  # (F, L)
    phase_tasks = trace.meta.phase_tasks
    for number, spec in enumerate(trace.meta.layers):
        facts = [facts_of(trace, encoding, spec.name) for encoding in trace.meta.encodings]
        by_phase = [moved for each in facts for moved in each.moved.values()]
        for phase, moved in enumerate(np.maximum.reduce(by_phase)):
            task = phase_tasks[phase]
            if moved and not gradients[phase, number] and not trace.meta.reason_to_set(task, spec.name):
                raise ConservationError(
                    f"the trace breaks a law: layer '{spec.name}', task {task}: {int(moved)} level changes, but no "
                    f"multiply-accumulate of a weight gradient, and method '{trace.meta.method}' does not say why"
                )
