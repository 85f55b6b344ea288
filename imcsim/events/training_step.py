"""Training steps of a task as a task graph: forward, errors back, weight gradients, update, row writes, commit.

What waits for what:

- A vector is read from the buffer, crosses its layer's link, passes the arrays (each memory that holds the layer, at
  the same time), the digital unit (activation function), the link again, and is written to the buffer. An RRAM array is
  held until its converters are done with it: there is no sample-and-hold, as in the closed form.
- A vector of a layer needs the same share of the vectors of the layer before, rounded up: of 64 vectors before 16, four
  for the first one. Which layers are before it is in the trace (``producers``): branches run side by side and join
  before the next layer; adding them up takes no time. A trace without that field is a chain, as all are in the closed
  form.
- The way back starts when all vectors are forward (the loss and batch norm need the batch) and what does not fit the
  buffer is in DRAM. A weight gradient needs the errors at its layer's outputs, from each branch behind it.
- A layer is updated when its weight gradients are there and errors have passed it. SRAM rows of a PE are written one
  after the other, PEs in parallel; RRAM PEs share ``parallel_write_pes`` write drivers.
- The next step starts when all errors and weight gradients of a step are done (the buffer then has room for its
  activations), each layer when its rows are written.
- Replayed samples and masks are read when a step begins.

The buffer's port, the DRAM channel and the digital unit are shared by all layers; a link and its bandwidth are a
layer's own. At the digital unit activations, errors and updates go before weight gradients.

Without transport and overlap, and with the same number of vectors in each layer, the makespan is the sum of the closed
form's leaves forward, input_gradient, weight_gradient, update and migration as long as write drivers suffice. With
other numbers the pipeline fills later, and the closed form of a pass is a lower bound: the slowest layer cannot start
before one vector of each earlier layer, and the layers behind it cannot end before its last vector.

Energy is that of the charges, given to the tasks that spend it, without leakage. What is charged that none of them
stands for (:mod:`imcsim.events.rest`) is spent at the ends of steps, and its time, if it has one, is spent before them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import EventsError
from imcsim.events.amounts import Extra, extra_bits
from imcsim.events.branches import sources_of
from imcsim.events.graph import GraphBuilder, Task, TaskGraph
from imcsim.events.options import StepOptions
from imcsim.events.passes import Pass, backward_pass, forward_pass, weight_gradient_j, weight_gradient_s
from imcsim.events.rest import Rest, rest_of
from imcsim.events.schedule import Schedule
from imcsim.events.streams import After, Flow, Lines, Stream, all_tasks, whole
from imcsim.events.update import Updates
from imcsim.events.work import Work

Floats = NDArray[np.float64]

_END = "end of step"
_TASKS_A_STEP = 10_000
_TASKS_A_VECTOR = 7


def training_graph(
    work: Work, options: StepOptions | None = None, generator: np.random.Generator | None = None
) -> TaskGraph:
    """Return the graph of ``options.steps`` training steps.

    Parameters
    ----------
    work
        A task of a trace on a chip.
    options
        What is simulated; None for one step.
    generator
        Draws the pulses of every RRAM row that is written; None: rows take their mean time.

    Raises
    ------
    EventsError
        For more steps than the task has.
    """
    chosen = options or StepOptions()
    if chosen.steps > work.steps:
        raise EventsError(f"task {work.task} has {work.steps} steps, got steps = {chosen.steps}")
    build = GraphBuilder()
    lines = Lines(build, work, chosen, portion_of(work, chosen))
    steps = _Steps(lines, Updates(lines, generator))
    after = steps.before() if chosen.once else ()
    for step in range(chosen.steps):
        after = steps.step(step, after)
    if chosen.once:
        steps.updates.commit(build.meet((*after, *steps.written())))
    return build.build()


def step_ends(schedule: Schedule) -> list[int]:
    """Return the meeting points at which the steps of ``schedule`` end, in order."""
    return [i for i, task in enumerate(schedule.graph.tasks) if task.resource is None and task.name.startswith(_END)]


def portion_of(work: Work, options: StepOptions) -> int:
    """Return the vectors that pass as one task: what ``options`` says, or so many that a step has some 10,000 tasks."""
    if options.vectors_per_task is not None:
        return options.vectors_per_task
    names = ("forward_vectors", "input_gradient_vectors", "weight_gradient_vectors")
    vectors = sum(int(work.count(name).sum()) for name in names) / work.steps
    return max(1, round(vectors * _TASKS_A_VECTOR / _TASKS_A_STEP))


@dataclass
class _Steps:
    lines: Lines
    updates: Updates
    there: Pass = field(init=False)
    back: Pass = field(init=False)
    extra: Extra = field(init=False)
    gradient_s: Floats = field(init=False)
    gradient_j: Floats = field(init=False)
    rest: Rest = field(init=False)
    fresh: dict[int, After] = field(default_factory=dict)  # layer -> its last row writes

    def __post_init__(self) -> None:
        work = self.lines.work
        self.there, self.back, self.extra = forward_pass(work), backward_pass(work), extra_bits(work)
        self.gradient_s, self.gradient_j = weight_gradient_s(work), weight_gradient_j(work)
        self.rest = rest_of(work)

    def before(self) -> After:
        """Scoring and loading, once a task."""
        lines, work, at = self.lines, self.lines.work, self.lines.work.phase
        bits = float(work.bits.dram["masks"][at] + work.bits.dram["scoring"][at])
        after: After = (lines.dram("masks and scoring", bits, (), "scoring"),) if bits else ()
        masks = float(work.phase_count("mask_bits"))
        if masks:
            after = (*after, lines.buffer("masks", 0.0, masks, (), "masks"))
        start = lines.build.meet(after)
        for one, back in ((forward_pass(work, scoring=True), False), (backward_pass(work, scoring=True), True)):
            nothing = np.zeros(len(one.vectors))
            flow = Flow(one, one.vectors, "scoring", nothing, nothing, nothing, backward=back)
            start = lines.build.meet(all_tasks(lines.flow(flow, start, {}))) or start
        if macs := work.amount("scoring.mac"):
            seconds, joules = macs * lines.moves.mac_s, work.joules("scoring.mac")
            start = (lines.build.add(Task("score", "digital", seconds, joules, start, phase="scoring")),)
        return self.updates.load(start)

    def step(self, step: int, after: After) -> After:
        """Add one step and return what the next one waits for."""
        lines, work, extra = self.lines, self.lines.work, self.extra
        start = self._begin(after)
        nothing, steps = np.zeros(len(work.names)), work.steps
        forward = Flow(
            self.there, whole(self.there.vectors, step, steps), "forward", nothing, extra.sign_writes,
            extra.spill_writes,
        )  # fmt: skip
        sent = all_tasks(lines.flow(forward, start, self.fresh))
        ahead = lines.build.meet((*sent, *lines.spills)) or start
        backward = Flow(
            self.back, whole(self.back.vectors, step, steps), "input_gradient", extra.sign_reads_back, nothing,
            nothing, backward=True,
        )  # fmt: skip
        errors = lines.flow(backward, ahead, {})
        done = all_tasks(errors)
        gate = ahead if lines.options.overlap else lines.build.meet((*ahead, *done))
        above = sources_of(work.trace.meta.feeds, np.isin(range(len(work.names)), [*errors]), backward=True)
        gradients = {
            layer: self._gradients(layer, step, gate, [errors[other] for other in above[layer]])
            for layer in range(len(work.names))
        }
        every = () if lines.options.overlap else lines.build.meet([i for tasks in gradients.values() for i in tasks])
        for layer in range(len(work.names)):
            passed = errors[layer].tasks if layer in errors else ()
            self.fresh[layer] = self.updates.layer(layer, step, (*gate, *every, *gradients[layer], *passed))
        ends = (*ahead, *done, *(task for tasks in gradients.values() for task in tasks))
        waits = ends if lines.options.overlap else (*ends, *self.written())
        return self._end(step, (*start, *waits))

    def written(self) -> After:
        """Return the last row writes of every layer."""
        return tuple(task for tasks in self.fresh.values() for task in tasks)

    def _end(self, step: int, after: After) -> After:
        """End a step, with its share of what no other event stands for."""
        lines, build, steps = self.lines, self.lines.build, self.lines.work.steps
        if self.rest.port_bits:
            after = (lines.buffer_time("work", self.rest.port_bits / steps, after, "rest"),)
        for leaf, seconds in self.rest.seconds.items():
            after = (build.add(Task(leaf, leaf, seconds / steps, after=after, phase="rest")),)
        return (build.add(Task(f"{_END} {step}", None, energy_j=self.rest.joules / steps, after=after)),)

    def _begin(self, after: After) -> After:
        """Replay, masks and reloads of one step, and what no vector carries."""
        lines, work, extra = self.lines, self.lines.work, self.extra
        steps, parts = work.steps, [*after]
        outside = float(work.bits.dram["replay"][work.phase]) / steps + extra.lump_dram
        if outside:
            parts.append(lines.dram("replay", outside, after, "replay"))
        masks = float(work.phase_count("mask_bits"))
        if masks + extra.lump_reads:
            parts.append(lines.buffer("masks", masks + extra.lump_reads, 0.0, after, "masks"))
        if extra.lump_writes:
            parts.append(lines.buffer("signs", 0.0, extra.lump_writes, after, "forward"))
        if work.spent.reload is not None:
            seconds, joules = work.seconds("reload") / steps, work.joules("reload") / steps
            parts.append(lines.build.add(Task("reload", "dram", seconds, joules, after, phase="reload")))
        return lines.build.meet(parts)

    def _gradients(self, layer: int, step: int, start: After, errors: Sequence[Stream]) -> After:
        """Weight gradients of one layer: portion by portion as ``errors`` arrive at its outputs."""
        lines, work = self.lines, self.lines.work
        total = work.count("weight_gradient_vectors")
        count = int(whole(total, step, work.steps)[layer])
        if not int(total[layer]):
            share = 1.0 / work.steps
            return self._gradient(layer, share, 0.0, start) if self.gradient_s[layer] + self.gradient_j[layer] else ()
        tasks: list[int] = []
        for begin in range(0, count, lines.portion):
            end = min(begin + lines.portion, count)
            needed = (task for stream in errors for task in stream.needed(begin, end, count))
            tasks.extend(self._gradient(layer, (end - begin) / int(total[layer]), end - begin, (*start, *needed)))
        return lines.build.meet(tasks)

    def _gradient(self, layer: int, share: float, vectors: float, after: After) -> After:
        lines, work, extra = self.lines, self.lines.work, self.extra
        name, phase = f"{work.names[layer]} weight_gradient", "weight_gradient"
        if vectors:
            each = self.there.read_bits[layer] + self.back.read_bits[layer] + extra.sign_reads_gradient[layer]
            spilled = float(extra.spill_reads[layer]) * vectors
            if spilled:
                after = (lines.dram(f"{name} spill", spilled, after, phase, lines.priorities[0]),)
            after = (lines.buffer(name, float(each) * vectors, 0.0, after, phase),)
        where = "digital" if work.chip.weight_gradient == "digital" else "gradient arrays"
        seconds, joules = float(self.gradient_s[layer]) * share, float(self.gradient_j[layer]) * share
        return (lines.build.add(Task(name, where, seconds, joules, after, 1, phase)),)
