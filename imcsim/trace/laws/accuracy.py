"""An accuracy that the method cannot serve is 0, as the schema says."""

from imcsim.trace.laws.demand import demand
from imcsim.trace.trace import Trace


def check(trace: Trace) -> None:
    """Check the matrix of each scenario that is not served."""
    for scenario, matrix in (("class-il", trace.class_il), ("task-il", trace.task_il)):
        served = scenario in trace.meta.scenarios
        demand(served or not matrix.any(), f"{scenario} is not served, so its accuracies must be 0")
