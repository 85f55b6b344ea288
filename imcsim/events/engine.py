"""Run a task graph on SimPy's event queue.

Each task is one SimPy event: its end. What happens then (who may start, who waits) is bookkeeping over lists, so that
the rate stays near that of bare SimPy. All ends at one time are taken before anything starts at that time: which of two
equal times comes first in the queue must not decide over priorities.
"""

import gc
import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from typing import Any

import numpy as np
import simpy

from imcsim.core.errors import EventsError
from imcsim.events.graph import TaskGraph
from imcsim.events.plan import NONE, Plan, plan_of
from imcsim.events.schedule import Schedule


def run(graph: TaskGraph, plan: Plan | None = None) -> Schedule:
    """Return when each task of ``graph`` starts and ends. The same graph gives the same schedule, to the bit.

    Parameters
    ----------
    graph
        What is run.
    plan
        Plan of a graph with the same tasks, if there is one: other capacities need no new one.

    Raises
    ------
    EventsError
        If tasks are left that wait for each other's room in a buffer.
    """
    with _no_collection():
        engine = _Engine(graph, plan or plan_of(graph))
        engine.begin()
        engine.clock.run()
    return engine.schedule()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from walking over the graph again and again: a run leaves no cycle behind."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Engine:
    __slots__ = (
        "cause", "clock", "direct", "drains", "end", "free", "freed_by", "frees", "graph", "held_back", "last", "later",
        "missing", "now", "plan", "priority", "ready", "room", "service_s", "start", "touched", "waiting",
    )  # fmt: skip

    def __init__(self, graph: TaskGraph, plan: Plan) -> None:
        count = len(graph.tasks)
        self.graph, self.plan, self.clock = graph, plan, simpy.Environment()
        self.missing = plan.missing.copy()
        self.direct, self.frees, self.later = plan.direct, plan.frees, plan.later
        self.priority, self.service_s, self.drains = plan.priority, plan.service_s, plan.drains
        self.free = [resource.capacity for resource in graph.resources]
        self.freed_by = [NONE] * len(graph.resources)
        self.waiting: list[list[tuple[int, float, int]]] = [[] for _ in graph.resources]
        self.room = [buffer.places for buffer in graph.buffers]
        self.held_back: list[deque[int]] = [deque() for _ in graph.buffers]
        self.touched: list[int] = []  # resources with more room or more tasks since the last start
        self.now, self.last = 0.0, NONE  # the task whose end is being handled
        self.ready, self.start, self.end = [math.nan] * count, [math.nan] * count, [math.nan] * count
        self.cause = [NONE] * count

    def begin(self) -> None:
        """Start what waits for nothing."""
        for index, missing in enumerate(self.plan.missing):
            if not missing:
                self._ask(index)
        self._start_all()

    def ended(self, event: Any) -> None:
        """Handle the end of a task: ``event`` is the simpy.Timeout with the task as its value."""
        index: int = event.value
        self.now = now = self.end[index]
        self._after(index)
        if self.touched and self.clock.peek() > now:
            self._start_all()

    def _after(self, index: int) -> None:
        touched, waiting, now = self.touched, self.waiting, self.now
        self.last = index
        for resource in self.frees[index]:
            self.free[resource] += 1
            self.freed_by[resource] = index
            if waiting[resource]:
                touched.append(resource)
        if self.drains and index in self.drains:
            self._give_room(*self.drains[index])
        missing = self.missing
        for later in self.later[index]:
            if missing[later] > 1:
                missing[later] -= 1
                continue
            resource = self.direct[later]
            if resource < 0:
                self._ask(later)
                self.last = index
            else:  # as _queue does for the others
                self.ready[later], self.cause[later] = now, index
                heappush(waiting[resource], (self.priority[later], now, later))
                touched.append(resource)

    def _ask(self, index: int) -> None:
        """Take room for what ``index`` makes, or wait for it."""
        if index in self.plan.fills:
            buffer, places = self.plan.fills[index]
            if self.held_back[buffer] or self.room[buffer] < places:
                self.held_back[buffer].append(index)
                return
            self.room[buffer] -= places
        self._queue(index)

    def _queue(self, index: int) -> None:
        self.ready[index], self.cause[index] = self.now, self.last
        resource = self.plan.resource[index]
        if resource == NONE:  # a meeting point ends as it starts
            self.start[index] = self.end[index] = self.now
            self._after(index)
            return
        heappush(self.waiting[resource], (self.plan.priority[index], self.now, index))
        self.touched.append(resource)

    def _give_room(self, buffer: int, places: int) -> None:
        self.room[buffer] += places
        queue, fills, last = self.held_back[buffer], self.plan.fills, self.last
        while queue and fills[queue[0]][1] <= self.room[buffer]:
            index = queue.popleft()
            self.room[buffer] -= fills[index][1]
            self._queue(index)
            self.last = last

    def _start_all(self) -> None:
        now, timeout, ended, free = self.now, self.clock.timeout, self.ended, self.free
        for resource in self.touched:
            queue, units = self.waiting[resource], free[resource]
            if not queue or units < 1:
                continue
            while queue and units >= 1:
                index = heappop(queue)[2]
                units -= 1
                self.start[index] = now
                if self.ready[index] < now:
                    self.cause[index] = self.freed_by[resource]
                service_s = self.service_s[index]
                self.end[index] = now + service_s  # as SimPy adds it
                timeout(service_s, index).callbacks.append(ended)
            free[resource] = units
        self.touched.clear()

    def schedule(self) -> Schedule:
        """Return what has happened."""
        ready, start, end = (np.array(values, dtype=np.float64) for values in (self.ready, self.start, self.end))
        left = np.flatnonzero(np.isnan(end))
        if len(left):
            raise EventsError(
                f"{len(left)} tasks wait for room in a buffer that nobody frees, first "
                f"'{self.graph.tasks[left[0]].name}'"
            )
        return Schedule(self.graph, ready, start, end, np.array(self.cause, dtype=np.int64))
