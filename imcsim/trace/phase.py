"""Placement phases: stretches of steps of a task during which no PE changes its place.

``TraceMeta.placement_phases`` holds their step ranges. The loop of imcsim has one phase a task; a learner that moves
PEs within a task begins another by ``Recorder.begin_phase`` (:mod:`imcsim.learn.recording.recorder`). What a trace
counts has a row for each, the axis F that price, explain, events, life and the map work along;
:mod:`imcsim.chip.placed` says which PE is where in each. Sums by task add a task's phases.

Shape letters: T tasks, F phases.
"""

from collections.abc import Sequence

from pydantic import Field

from imcsim.core.config import FrozenConfig


class Phase(FrozenConfig):
    """Steps ``first_step`` .. ``first_step + steps - 1`` of a task, counted from 0 in each task."""

    task: int = Field(ge=0)
    first_step: int = Field(ge=0)
    steps: int = Field(ge=0)


def fault_of(phases: Sequence[Phase], tasks: int) -> str:
    """Return why ``phases`` are not those of ``tasks`` tasks, one after the other; "": they are."""
    if sorted({phase.task for phase in phases}) != list(range(tasks)):
        return f"placement_phases must have at least one phase of each of {tasks} tasks, and of no other"
    task, step = 0, 0
    for number, phase in enumerate(phases):
        if phase.task < task:
            return f"placement_phases must follow one another, but phase {number} is of task {phase.task}, after {task}"
        step = step if phase.task == task else 0
        if phase.first_step != step:
            return f"phase {number} must begin at step {step} of task {phase.task}, got {phase.first_step}"
        task, step = phase.task, step + phase.steps
    return ""


def last_phases(phase_tasks: Sequence[int]) -> tuple[int, ...]:
    """Return (T,): the number of each task's last phase, from the task of each phase (F,), in rising order."""
    return tuple(i for i, task in enumerate(phase_tasks) if i + 1 == len(phase_tasks) or phase_tasks[i + 1] != task)
