"""Long runs: simulate steps until they repeat, then count periods.

Why that is right: with mean service times a schedule follows from its graph alone. A step begins when all vectors of
the step before are through, so that nothing but updates reaches over its beginning. If every task of a step, updates
included, ends as long after the step's beginning as its counterpart a step earlier, then the next step meets the same
state and takes the same time, and so does every later one. That is checked task by task (``repeats``).

It holds where all steps have the same vectors. Where ``vectors / steps`` is no whole number, steps differ by one vector
of a layer, and cannot repeat. Then the figure is that of the steps as they are, and the error is measured, not proven:
the spread of their periods, plus how far the runs lie that have the smaller or the larger whole number in every step.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.charged import charged
from imcsim.core.errors import EventsError
from imcsim.events.engine import run
from imcsim.events.options import StepOptions
from imcsim.events.schedule import Schedule
from imcsim.events.training_step import step_ends, training_graph
from imcsim.events.work import Work

Floats = NDArray[np.float64]

_REPEATS = 1e-9  # of a period: rounding
_FIRST = 4  # steps that are simulated before it is asked whether they repeat
_VECTORS = ("forward_vectors", "input_gradient_vectors", "weight_gradient_vectors")


@dataclass(frozen=True)
class LongRun:
    """``steps`` steps from the run of a few.

    Parameters
    ----------
    latency_s
        Of all steps (s).
    error
        Relative error of ``latency_s``; 0 where steps repeat task by task, or all are simulated.
    repeats
        Whether the last two simulated steps are alike, task by task.
    simulated
        The run of the first steps.
    simulated_steps, steps
        How many were run, and how many are told.
    """

    latency_s: float
    error: float
    repeats: bool
    simulated: Schedule
    simulated_steps: int
    steps: int


def long_run(work: Work, options: StepOptions, tolerance: float = 0.01) -> LongRun:
    """Return ``options.steps`` steps, of which only so many are simulated that the error is at most ``tolerance``.

    Parameters
    ----------
    work
        A task of a trace on a chip.
    options
        As for :func:`~imcsim.events.training_step.training_graph`; without ``once``.
    tolerance
        Largest relative error, > 0. If no shorter run has it, all steps are simulated.

    Raises
    ------
    EventsError
        If rows are not written in every step, for ``once``, or for more steps than the task has.
    """
    _check(work, options, tolerance)
    count = _FIRST
    while count < options.steps:
        found = _extrapolated(work, options, count)
        if found.error <= tolerance:
            return found
        count *= 2
    whole = run(training_graph(work, options))
    return LongRun(whole.makespan_s, 0.0, False, whole, options.steps, options.steps)


def _extrapolated(work: Work, options: StepOptions, count: int) -> LongRun:
    estimate = partial(_estimate, options=options, count=count)
    found, even = estimate(work), [_even(work, up) for up in (False, True)]
    if even[0] is even[1]:
        return found
    apart = max(abs(estimate(other).latency_s - found.latency_s) for other in even) / found.latency_s
    return replace(found, error=found.error + apart, repeats=False)


def _estimate(work: Work, options: StepOptions, count: int) -> LongRun:
    """Simulate ``count`` steps and count periods for the others."""
    found = run(training_graph(work, options.model_copy(update={"steps": count})))
    ends = step_ends(found)
    periods = np.diff(found.end_s[ends])[-(count // 2) :]
    period = float(periods.mean())
    repeats = _repeats(found, ends)
    error = 0.0 if repeats else float(np.ptp(periods)) / period
    latency = found.makespan_s + (options.steps - count) * period
    return LongRun(latency, error, repeats, found, count, options.steps)


def _even(work: Work, up: bool) -> Work:
    """Return ``work`` with whole vectors in each step, rounded up or down; itself if they are whole."""
    counts, steps = dict(work.trace.counts), work.steps
    for name in _VECTORS:
        total = counts[name].copy()
        total[work.phase] = (total[work.phase] + (steps - 1) * up) // steps * steps
        counts[name] = total
    if all(np.array_equal(counts[name], work.trace.counts[name]) for name in _VECTORS):
        return work
    placed = replace(work.placed, trace=replace(work.trace, counts=counts))  # where its weights are does not change
    return Work(charged(placed), work.phase)


def _check(work: Work, options: StepOptions, tolerance: float) -> None:
    if options.once:
        raise EventsError("a long run is one of steps alone: leave out what a task does once")
    if not tolerance > 0:
        raise EventsError(f"tolerance must be > 0, got {tolerance:g}")
    if options.steps > work.steps:
        raise EventsError(f"task {work.task} has {work.steps} steps, got steps = {options.steps}")
    for bank in work.placed.banks:
        policy = bank.memory.write_policy
        if policy != "step" and bank.trains[work.phase].any():
            raise EventsError(
                f"a long run needs rows written in every step, but {bank.site.at}.write_policy = '{policy}'; "
                f"simulate the steps one by one"
            )


def _repeats(schedule: Schedule, ends: list[int]) -> bool:
    """Tell whether the tasks of the last step end as long after its beginning as those of the step before."""
    before, middle, last = (end + 1 for end in ends[-3:])
    tasks, end_s = schedule.graph.tasks, schedule.end_s
    if [task.resource for task in tasks[before:middle]] != [task.resource for task in tasks[middle:last]]:
        return False
    earlier, later = end_s[before:middle] - end_s[before - 1], end_s[middle:last] - end_s[middle - 1]
    return bool(np.abs(earlier - later).max(initial=0.0) <= _REPEATS * (end_s[last - 1] - end_s[middle - 1]))
