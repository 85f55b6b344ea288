"""What a run of a task graph gives: when each task started and ended, and what follows from that.

Shape letter: N tasks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imcsim.events.graph import Task, TaskGraph

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """Times of the tasks of ``graph``, (N,) in seconds.

    Parameters
    ----------
    ready_s
        When a task had all it waits for but its resource.
    start_s, end_s
        Its service.
    cause
        The task at whose end it could start; -1 for tasks that start at 0.
    """

    graph: TaskGraph = field(repr=False)
    ready_s: Floats
    start_s: Floats
    end_s: Floats
    cause: NDArray[np.int64]

    @property
    def makespan_s(self) -> float:
        """When the last task ends (s)."""
        return float(self.end_s.max(initial=0.0))

    @property
    def energy_j(self) -> float:
        """Exact sum of the tasks' energies (J)."""
        return self.graph.energy_j

    def end_of(self, phase: str) -> float:
        """Return when the last task of ``phase`` ends (s), 0 if there is none."""
        return max((float(end) for task, end in self._with(self.end_s) if task.phase == phase), default=0.0)

    @cached_property
    def busy_s(self) -> dict[str, float]:
        """Resource -> seconds of service, summed over its tasks."""
        return self._by_resource(self._services())

    @cached_property
    def waited_s(self) -> dict[str, float]:
        """Resource -> seconds that tasks waited for it, summed; 0 means that more of it changes nothing."""
        return self._by_resource(self.start_s - self.ready_s)

    @cached_property
    def held_s(self) -> dict[str, float]:
        """Resource -> seconds that tasks held it, as long as the last of them for which it was held."""
        until = [i if task.until is None else task.until for i, task in enumerate(self.graph.tasks)]
        return self._by_resource(self.end_s[until] - self.start_s if until else self.end_s)

    @property
    def utilisation(self) -> dict[str, float]:
        """Resource -> share of its capacity that is held over the makespan; per unit of unlimited ones."""
        span = self.makespan_s
        return {
            r.name: 0.0 if span == 0 else self.held_s[r.name] / span / (1 if np.isinf(r.capacity) else r.capacity)
            for r in self.graph.resources
        }

    @cached_property
    def critical_path(self) -> tuple[int, ...]:
        """Tasks that set the makespan, first to last: each starts when the one before ends, the first at 0.

        A step is a dependency, a place that became free in a buffer, or a resource that became free.
        """
        if not len(self.end_s):
            return ()
        path = [int(self.end_s.argmax())]
        while self.cause[path[-1]] >= 0:
            path.append(int(self.cause[path[-1]]))
        return tuple(reversed(path))

    def critical_s(self) -> dict[str, float]:
        """Resource -> seconds of the makespan that its tasks on the critical path take; the sum is the makespan."""
        found: dict[str, float] = {}
        for index in self.critical_path:
            name = self.graph.tasks[index].resource
            if name is not None:
                found[name] = found.get(name, 0.0) + self.graph.tasks[index].service_s
        return found

    def critical_phases_s(self) -> dict[str, float]:
        """Phase -> seconds of the makespan on the critical path; the sum is the makespan."""
        found: dict[str, float] = {}
        for index in self.critical_path:
            task = self.graph.tasks[index]
            if task.resource is not None:
                found[task.phase] = found.get(task.phase, 0.0) + task.service_s
        return found

    def _services(self) -> Floats:
        return np.array([task.service_s for task in self.graph.tasks])

    def _with(self, values: Floats) -> Iterator[tuple[Task, np.float64]]:
        return zip(self.graph.tasks, values, strict=True)

    def _by_resource(self, values: Floats) -> dict[str, float]:
        sums = {resource.name: 0.0 for resource in self.graph.resources}
        for task, value in self._with(values):
            if task.resource is not None:
                sums[task.resource] += float(value)
        return sums
