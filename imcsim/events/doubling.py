"""What would help: the speed-up if there were twice as much of one resource."""

from collections.abc import Mapping, Sequence

from imcsim.events.engine import run
from imcsim.events.graph import TaskGraph
from imcsim.events.plan import plan_of
from imcsim.events.schedule import Schedule

Units = dict[str, tuple[str, ...]]


def units_of(graph: TaskGraph) -> Units:
    """Return what can be doubled: each resource, and an array together with converters that only it uses."""
    users: dict[str, set[str]] = {}
    for task in graph.tasks:
        if task.until is not None and task.resource is not None:
            other = graph.tasks[task.until].resource
            if other is not None and other != task.resource:
                users.setdefault(other, set()).add(task.resource)
    units: Units = {resource.name: (resource.name,) for resource in graph.resources}
    for converters, arrays in users.items():
        if len(arrays) == 1:
            (array,) = arrays
            units[f"{array} + {converters}"] = (array, converters)
    return units


def doubled(schedule: Schedule, units: Mapping[str, Sequence[str]] | None = None) -> dict[str, float]:
    """Return unit -> makespan now / makespan with twice its capacity.

    A unit that nothing waited for gives 1 without a run: with more of it every task starts as before. A figure below 1
    is possible, and true: list scheduling can lose by more resources (R. L. Graham, "Bounds on Multiprocessing Timing
    Anomalies", SIAM J. Appl. Math. 17 (1969) 416-429).

    Parameters
    ----------
    schedule
        The run to compare with.
    units
        Name -> resources that are doubled together; None: :func:`units_of`.

    Raises
    ------
    EventsError
        For a resource that is not there.
    """
    graph, found = schedule.graph, {}
    plan = plan_of(graph)
    capacity = {resource.name: resource.capacity for resource in graph.resources}
    for unit, names in (units_of(graph) if units is None else units).items():
        more = graph
        for name in names:
            more = more.with_capacity(name, 2 * capacity.get(name, 1))
        idle = sum(schedule.waited_s[name] for name in names) == 0
        found[unit] = 1.0 if idle else schedule.makespan_s / run(more, plan).makespan_s
    return found
