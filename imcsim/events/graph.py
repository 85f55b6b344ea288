"""A task graph: pieces of work with a resource, a service time, an energy and what they wait for.

Tasks are named by their place in the graph; a task waits only for earlier ones, so that a graph has no cycle.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from imcsim.core.errors import EventsError, nearest


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work.

    Parameters
    ----------
    name, phase
        What it is, and the part of training it belongs to, for pictures and tables.
    resource
        Name of the resource that serves it; None for a mere meeting point, which takes no time.
    service_s, energy_j
        Seconds of service and joules, both >= 0.
    after
        Earlier tasks that must have ended.
    priority
        Where tasks wait for one resource the lowest number is served first, equal ones in the order of arrival,
        those that arrive together in the order of the graph. A task that is being served is never interrupted.
    fills, drains
        Name of a buffer. Places are taken in ``fills`` before the task waits for its resource, and given back to
        ``drains`` when it ends: a full buffer holds its producer back (credits, as in a network on chip).
    places
        Places that it takes and gives, (fills, drains).
    until
        Task at whose end the resource becomes free; None for this one.
    """

    name: str
    resource: str | None
    service_s: float = 0.0
    energy_j: float = 0.0
    after: tuple[int, ...] = ()
    priority: int = 0
    phase: str = ""
    fills: str | None = None
    drains: str | None = None
    places: tuple[int, int] = (1, 1)
    until: int | None = None


@dataclass(frozen=True)
class Resource:
    """What serves tasks, ``capacity`` of them at a time (``math.inf``: nothing waits)."""

    name: str
    capacity: float = 1


@dataclass(frozen=True)
class Buffer:
    """Finite room between tasks: ``places``, all empty at the start."""

    name: str
    places: int


@dataclass(frozen=True)
class TaskGraph:
    """Tasks with the resources and buffers that they name.

    Raises
    ------
    EventsError
        For a name that is not there, a task that waits for itself or a later one, a negative or infinite figure, or a
        task that needs more places than its buffer has.
    """

    tasks: tuple[Task, ...]
    resources: tuple[Resource, ...]
    buffers: tuple[Buffer, ...] = ()

    def __post_init__(self) -> None:
        _check_parts(self.resources, self.buffers)
        known = {resource.name for resource in self.resources}
        rooms = {buffer.name: buffer.places for buffer in self.buffers}
        for index, task in enumerate(self.tasks):
            _check_figures(task, known)
            _check_places(task, rooms)
            if any(not 0 <= before < index for before in task.after):
                raise EventsError(f"task '{task.name}' ({index}) may wait for earlier tasks only, got {task.after}")
            if task.until is not None and not index <= task.until < len(self.tasks):
                raise EventsError(f"task '{task.name}' ({index}) can hold its resource until a later task only")

    @property
    def critical_path_s(self) -> float:
        """Longest chain of service times: no schedule is shorter, however many resources there are (s)."""
        ends: list[float] = []
        for task in self.tasks:
            ends.append(max((ends[before] for before in task.after), default=0.0) + task.service_s)
        return max(ends, default=0.0)

    @property
    def energy_j(self) -> float:
        """Exact sum over the tasks (J)."""
        return math.fsum(task.energy_j for task in self.tasks)

    def with_capacity(self, name: str, capacity: float) -> "TaskGraph":
        """Return the same graph with another capacity of one resource."""
        names = [resource.name for resource in self.resources]
        if name not in names:
            raise EventsError(f"no resource '{name}'{nearest(name, names)}")
        changed = tuple(replace(r, capacity=capacity) if r.name == name else r for r in self.resources)
        return _unchecked(self, changed)


@dataclass
class GraphBuilder:
    """Collects tasks; resources and buffers are declared as they are first named."""

    tasks: list[Task] = field(default_factory=list)
    resources: dict[str, Resource] = field(default_factory=dict)
    buffers: dict[str, Buffer] = field(default_factory=dict)

    def resource(self, name: str, capacity: float = 1) -> str:
        """Declare a resource once and return its name."""
        self.resources.setdefault(name, Resource(name, capacity))
        return name

    def add(self, task: Task) -> int:
        """Append ``task`` and return its place; its resource gets capacity 1 unless it was declared."""
        if task.resource is not None and task.resource not in self.resources:
            self.resource(task.resource)
        self.tasks.append(task)
        return len(self.tasks) - 1

    def meet(self, after: Sequence[int], name: str = "meet") -> tuple[int, ...]:
        """Return one task that waits for all of ``after``, as a tuple to wait for; empty stays empty."""
        if len(after) <= 1:
            return tuple(after)
        return (self.add(Task(name, None, after=tuple(after))),)

    def build(self) -> TaskGraph:
        """Return the checked graph."""
        return TaskGraph(tuple(self.tasks), tuple(self.resources.values()), tuple(self.buffers.values()))


def _check_parts(resources: Sequence[Resource], buffers: Sequence[Buffer]) -> None:
    names = [resource.name for resource in resources] + [buffer.name for buffer in buffers]
    if len(set(names)) != len(names):
        raise EventsError("resources and buffers must have different names")
    for resource in resources:
        if not (
            resource.capacity == math.inf or (resource.capacity >= 1 and resource.capacity == int(resource.capacity))
        ):
            raise EventsError(
                f"the capacity of '{resource.name}' must be a whole number >= 1 or inf, got {resource.capacity:g}"
            )
    for buffer in buffers:
        if buffer.places < 1:
            raise EventsError(f"buffer '{buffer.name}' needs at least one place, got {buffer.places}")


def _check_figures(task: Task, known: set[str]) -> None:
    if not (0 <= task.service_s < math.inf and 0 <= task.energy_j < math.inf):
        raise EventsError(
            f"task '{task.name}' needs service_s and energy_j finite and >= 0, got {task.service_s:g} s and "
            f"{task.energy_j:g} J"
        )
    if task.resource is None:
        if task.service_s or task.until is not None:
            raise EventsError(f"task '{task.name}' has no resource and so no service time")
    elif task.resource not in known:
        raise EventsError(f"task '{task.name}' names no resource '{task.resource}'{nearest(task.resource, known)}")


def _check_places(task: Task, rooms: Mapping[str, int]) -> None:
    for buffer, places in zip((task.fills, task.drains), task.places, strict=True):
        if buffer is not None and not 0 <= places <= rooms.get(buffer, -1):
            has = f"has {rooms[buffer]}" if buffer in rooms else "is not there"
            raise EventsError(f"task '{task.name}' needs {places} places in buffer '{buffer}', which {has}")


def _unchecked(graph: TaskGraph, resources: tuple[Resource, ...]) -> TaskGraph:
    """Return ``graph`` with other resources of the same names; its tasks have been checked before."""
    _check_parts(resources, graph.buffers)
    copy = object.__new__(TaskGraph)
    for name, value in (("tasks", graph.tasks), ("resources", resources), ("buffers", graph.buffers)):
        object.__setattr__(copy, name, value)
    return copy
