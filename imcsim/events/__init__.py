"""Latency with contention: task graphs on SimPy, and a training step as one.

The closed form (:mod:`imcsim.chip.charged`) charges each part its own time; here parts wait for one another.
"""

from imcsim.events.closed_form import closed_form_graph
from imcsim.events.doubling import doubled, units_of
from imcsim.events.engine import run
from imcsim.events.graph import Buffer, GraphBuilder, Resource, Task, TaskGraph
from imcsim.events.options import StepOptions
from imcsim.events.perfetto import perfetto_json
from imcsim.events.schedule import Schedule
from imcsim.events.steady import LongRun, long_run
from imcsim.events.training_step import training_graph
from imcsim.events.work import Work, closed_form_s, work_of

__all__ = [
    "Buffer",
    "GraphBuilder",
    "LongRun",
    "Resource",
    "Schedule",
    "StepOptions",
    "Task",
    "TaskGraph",
    "Work",
    "closed_form_graph",
    "closed_form_s",
    "doubled",
    "long_run",
    "perfetto_json",
    "run",
    "training_graph",
    "units_of",
    "work_of",
]
