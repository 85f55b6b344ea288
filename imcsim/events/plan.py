"""A task graph as lists, which the engine walks faster than objects."""

from dataclasses import dataclass

from imcsim.events.graph import TaskGraph

NONE = -1
Claim = tuple[int, int]  # buffer, places


@dataclass(frozen=True)
class Plan:
    """One entry a task, by its place in the graph; resources and buffers are numbers.

    Parameters
    ----------
    resource
        Its resource, :data:`NONE` for a meeting point.
    direct
        The same, :data:`NONE` also for tasks that need room in a buffer before they ask for their resource.
    service_s, priority
        As in the graph.
    missing
        How many tasks it waits for.
    later
        Tasks that wait for it.
    frees
        Resources that become free at its end.
    fills, drains
        Buffers and places, for the tasks that have some.
    """

    resource: list[int]
    direct: list[int]
    service_s: list[float]
    priority: list[int]
    missing: list[int]
    later: list[list[int]]
    frees: list[tuple[int, ...]]
    fills: dict[int, Claim]
    drains: dict[int, Claim]


def plan_of(graph: TaskGraph) -> Plan:
    """Return the plan of ``graph``; it does not depend on capacities."""
    number = {resource.name: i for i, resource in enumerate(graph.resources)}
    rooms = {buffer.name: i for i, buffer in enumerate(graph.buffers)}
    tasks = graph.tasks
    resource = [NONE if task.resource is None else number[task.resource] for task in tasks]
    later: list[list[int]] = [[] for _ in tasks]
    for index, task in enumerate(tasks):
        for before in task.after:
            later[before].append(index)
    own = [(i,) for i in range(len(graph.resources))]
    frees: list[tuple[int, ...]] = [() if r == NONE else own[r] for r in resource]
    for index, task in enumerate(tasks):
        if task.until is not None and task.until != index:
            frees[index] = frees[index][1:]
            frees[task.until] = (*frees[task.until], resource[index])
    return Plan(
        resource=resource,
        direct=[r if task.fills is None else NONE for r, task in zip(resource, tasks, strict=True)],
        service_s=[task.service_s for task in tasks],
        priority=[task.priority for task in tasks],
        missing=[len(task.after) for task in tasks],
        later=later,
        frees=frees,
        fills={i: (rooms[t.fills], t.places[0]) for i, t in enumerate(tasks) if t.fills is not None},
        drains={i: (rooms[t.drains], t.places[1]) for i, t in enumerate(tasks) if t.drains is not None},
    )
