"""A schedule in the trace event format that Perfetto and chrome://tracing open.

Format: Google, "Trace Event Format": complete events (``"ph": "X"``) with ``ts`` and ``dur`` in microseconds, names of
processes and threads as metadata events (``"ph": "M"``).
"""

import heapq
import json
import math
from collections.abc import Iterable

from imcsim.events.schedule import Schedule

_US = 1e6  # microseconds in a second
Event = dict[str, object]


def perfetto_json(schedule: Schedule) -> str:
    """Return the schedule as JSON: a process for each resource, a lane for each of its units; strict JSON."""
    events: list[Event] = []
    for process, resource in enumerate(schedule.graph.resources, start=1):
        indices = [i for i, task in enumerate(schedule.graph.tasks) if task.resource == resource.name]
        if indices:
            events.append({"ph": "M", "pid": process, "name": "process_name", "args": {"name": resource.name}})
            events.extend(_complete(schedule, process, indices))
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ns"}, allow_nan=False)


def lanes(spans: Iterable[tuple[float, float]]) -> list[int]:
    """Return a lane for each (start, end), sorted by start, so that no two of a lane overlap: the lowest free one."""
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    found, opened = [], 0
    for start, end in spans:
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if not free:
            heapq.heappush(free, opened)
            opened += 1
        lane = heapq.heappop(free)
        heapq.heappush(busy, (end, lane))
        found.append(lane)
    return found


def _complete(schedule: Schedule, process: int, indices: list[int]) -> list[Event]:
    order = sorted(indices, key=lambda i: (schedule.start_s[i], i))
    spans = [(float(schedule.start_s[i]), float(schedule.end_s[i])) for i in order]
    events: list[Event] = []
    for index, (start, end), lane in zip(order, spans, lanes(spans), strict=True):
        task = schedule.graph.tasks[index]
        waited = float(schedule.start_s[index] - schedule.ready_s[index])
        events.append(
            {
                "ph": "X", "pid": process, "tid": lane, "name": task.name, "cat": task.phase or "task",
                "ts": start * _US, "dur": (end - start) * _US,
                "args": {"energy_j": task.energy_j, "waited_s": waited if math.isfinite(waited) else 0.0},
            }
        )  # fmt: skip
    return events
