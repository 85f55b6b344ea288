"""Accuracies of what is served are there; of what the method cannot serve they are 0, as the schema says."""

from imcsim.trace.laws.demand import demand
from imcsim.trace.schema import ACCURACIES
from imcsim.trace.trace import Trace


def check(trace: Trace) -> None:
    """Check the matrix of each scenario."""
    for scenario, name in ACCURACIES.items():
        if scenario in trace.meta.scenarios:
            demand(name in trace.accuracy, f"{scenario} is served, so accuracy of '{name}' must be there")
        elif name in trace.accuracy:
            demand(not trace.accuracy[name].any(), f"{scenario} is not served, so its accuracies must be 0")
