"""Latency with contention: task graphs on SimPy, and a training step as one.

The closed form (:mod:`imcsim.chip.latency`) charges each part its own time; here parts wait for one another.
"""

from imcsim.events.doubling import doubled
from imcsim.events.engine import run
from imcsim.events.graph import Buffer, GraphBuilder, Resource, Task, TaskGraph
from imcsim.events.perfetto import perfetto_json
from imcsim.events.schedule import Schedule

__all__ = [
    "Buffer",
    "GraphBuilder",
    "Resource",
    "Schedule",
    "Task",
    "TaskGraph",
    "doubled",
    "perfetto_json",
    "run",
]
