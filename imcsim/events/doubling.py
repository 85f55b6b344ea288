"""What would help: the speed-up if there were twice as much of one resource."""

import math
from collections.abc import Sequence

from imcsim.events.engine import run
from imcsim.events.schedule import Schedule


def doubled(schedule: Schedule, names: Sequence[str] | None = None) -> dict[str, float]:
    """Return resource -> makespan now / makespan with twice its capacity.

    A resource that nothing waited for gives 1 without a run: with more of it every task starts as before. A figure
    below 1 is possible, and true: list scheduling can lose by more resources (R. L. Graham, "Bounds on Multiprocessing
    Timing Anomalies", SIAM J. Appl. Math. 17 (1969) 416-429).

    Parameters
    ----------
    schedule
        The run to compare with.
    names
        Resources to double; None for all.
    """
    graph, found = schedule.graph, {}
    for resource in graph.resources:
        if names is not None and resource.name not in names:
            continue
        if math.isinf(resource.capacity) or schedule.waited_s[resource.name] == 0 or schedule.makespan_s == 0:
            found[resource.name] = 1.0
        else:
            more = run(graph.with_capacity(resource.name, 2 * resource.capacity))
            found[resource.name] = schedule.makespan_s / more.makespan_s
    return found
