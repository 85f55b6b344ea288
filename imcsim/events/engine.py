"""Run a task graph on SimPy's event queue.

Each task is one SimPy event: its end. What happens then (who may start, who waits) is bookkeeping over lists, so that
the rate stays near that of bare SimPy. All ends at one time are taken before anything starts at that time: which of two
equal times comes first in the queue must not decide over priorities.
"""

import heapq
import math
from collections import deque
from typing import cast

import numpy as np
import simpy

from imcsim.core.errors import EventsError
from imcsim.events.graph import TaskGraph
from imcsim.events.schedule import Schedule

_NONE = -1


def run(graph: TaskGraph) -> Schedule:
    """Return when each task of ``graph`` starts and ends. The same graph gives the same schedule, to the bit.

    Raises
    ------
    EventsError
        If tasks are left that wait for each other's room in a buffer.
    """
    state = _State(graph)
    state.begin()
    state.clock.run()
    return state.schedule()


class _State:
    def __init__(self, graph: TaskGraph) -> None:
        tasks, count = graph.tasks, len(graph.tasks)
        places = {resource.name: i for i, resource in enumerate(graph.resources)}
        rooms = {buffer.name: i for i, buffer in enumerate(graph.buffers)}
        self.graph, self.clock = graph, simpy.Environment()
        self.resource = [_NONE if task.resource is None else places[task.resource] for task in tasks]
        self.service = [task.service_s for task in tasks]
        self.priority = [task.priority for task in tasks]
        self.missing = [len(task.after) for task in tasks]
        self.next: list[list[int]] = [[] for _ in tasks]
        self.frees: list[list[int]] = [[] for _ in tasks]
        for index, task in enumerate(tasks):
            for before in task.after:
                self.next[before].append(index)
            if task.resource is not None:
                self.frees[index if task.until is None else task.until].append(self.resource[index])
        self.fills = [(_NONE, 0) if t.fills is None else (rooms[t.fills], t.places[0]) for t in tasks]
        self.drains = [(_NONE, 0) if t.drains is None else (rooms[t.drains], t.places[1]) for t in tasks]
        self.free = [resource.capacity for resource in graph.resources]
        self.waiting: list[list[tuple[int, float, int]]] = [[] for _ in graph.resources]
        self.room = [buffer.places for buffer in graph.buffers]
        self.held_back: list[deque[int]] = [deque() for _ in graph.buffers]
        self.touched = set[int]()
        self.freed_by = [_NONE] * len(graph.resources)
        self.last = _NONE  # the task whose end is being handled
        self.ready, self.start, self.end = [math.nan] * count, [math.nan] * count, [math.nan] * count
        self.cause, self.left = [_NONE] * count, count

    def begin(self) -> None:
        """Start what waits for nothing."""
        for index, task in enumerate(self.graph.tasks):
            if not task.after:
                self._ask_room(index)
        self._start_all()

    def _ask_room(self, index: int) -> None:
        buffer, places = self.fills[index]
        if buffer != _NONE:
            if self.held_back[buffer] or self.room[buffer] < places:
                self.held_back[buffer].append(index)
                return
            self.room[buffer] -= places
        self._queue(index)

    def _queue(self, index: int) -> None:
        self.ready[index] = self.clock.now
        self.cause[index] = self.last
        resource = self.resource[index]
        if resource == _NONE:
            self._meet(index)
            return
        heapq.heappush(self.waiting[resource], (self.priority[index], self.clock.now, index))
        self.touched.add(resource)

    def _meet(self, index: int) -> None:
        self.start[index] = self.end[index] = self.clock.now
        before, self.last = self.last, index
        self._after(index)
        self.last = before

    def _ended(self, event: simpy.Event) -> None:
        index = cast(int, event.value)
        self.last, self.end[index] = index, self.clock.now
        self._after(index)
        if self.clock.peek() > self.clock.now:
            self._start_all()

    def _after(self, index: int) -> None:
        self.left -= 1
        for resource in self.frees[index]:
            self.free[resource] += 1
            self.freed_by[resource] = index
            self.touched.add(resource)
        buffer, places = self.drains[index]
        if buffer != _NONE:
            self._give_room(buffer, places)
        missing = self.missing
        for later in self.next[index]:
            missing[later] -= 1
            if not missing[later]:
                self._ask_room(later)

    def _give_room(self, buffer: int, places: int) -> None:
        self.room[buffer] += places
        queue = self.held_back[buffer]
        while queue and self.fills[queue[0]][1] <= self.room[buffer]:
            index = queue.popleft()
            self.room[buffer] -= self.fills[index][1]
            self._queue(index)

    def _start_all(self) -> None:
        now, timeout = self.clock.now, self.clock.timeout
        for resource in sorted(self.touched) if len(self.touched) > 1 else self.touched:
            queue = self.waiting[resource]
            while queue and self.free[resource] >= 1:
                index = heapq.heappop(queue)[2]
                self.free[resource] -= 1
                self.start[index] = now
                if self.ready[index] < now:
                    self.cause[index] = self.freed_by[resource]
                timeout(self.service[index], index).callbacks.append(self._ended)
        self.touched.clear()

    def schedule(self) -> Schedule:
        if self.left:
            stuck = next(i for i, end in enumerate(self.end) if math.isnan(end))
            raise EventsError(
                f"{self.left} tasks wait for room in a buffer that nobody frees, first '{self.graph.tasks[stuck].name}'"
            )
        ready, start, end = (np.array(values, dtype=np.float64) for values in (self.ready, self.start, self.end))
        return Schedule(self.graph, ready, start, end, np.array(self.cause, dtype=np.int64))
