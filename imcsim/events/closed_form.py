"""The closed form of a latency (:mod:`imcsim.chip.charged`) as a task graph: the same assumptions, run by the engine.

What is assumed there, and what stands for it here:

- every step is the mean step of its task: ``vectors / steps`` vectors of each layer, also fractions of one
- forward, input gradient, weight gradient, DRAM, update, migration and scoring follow one after the other
- in a pass the slowest layer is never starved: each layer before it has sent one vector ahead, and each layer after it
  has done all its vectors but one when the last arrives. A chain of one vector through all other layers is therefore
  what the slowest layer's stream is longer by, whatever the numbers of vectors are
- links, activation functions and optimiser arithmetic take no time; the buffer works beside the three passes
- row writes take what is charged for all PEs together, and so does what no event stands for

So its makespan is the closed form's total to rounding, for any trace and chip. :mod:`imcsim.events.training_step` drops
these assumptions. Times only: its tasks carry no energy.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.pace import backward_pace, forward_pace
from imcsim.events.graph import GraphBuilder, Task, TaskGraph
from imcsim.events.passes import weight_gradient_s
from imcsim.events.rest import rest_of
from imcsim.events.work import Work

Floats = NDArray[np.float64]
After = tuple[int, ...]


def closed_form_graph(work: Work) -> TaskGraph:
    """Return the graph of all steps of the phase of ``work``, with scoring and migration."""
    build = GraphBuilder()
    there = forward_pace(work.placed).vector_s[work.phase]
    back = backward_pace(work.placed).vector_s[work.phase]
    after = _once(build, work, there, back)
    for _ in range(work.steps):
        after = _step(build, work, there, back, after)
    return build.build()


def _once(build: GraphBuilder, work: Work, there: Floats, back: Floats) -> After:
    """Migration and scoring, each once a task."""
    moved = work.seconds("migration")
    after: After = (build.add(Task("migration", "rows", moved, phase="migration")),)
    after = _pass(build, work.count("scoring_forward_vectors").astype(float), there, after, "scoring")
    after = _pass(build, work.count("scoring_input_gradient_vectors").astype(float), back, after, "scoring")
    scored_s = work.amount("scoring.mac") * float(work.chip.mac.time_price().value)
    return (build.add(Task("score", "digital", scored_s, after=after, phase="scoring")),)


def _step(build: GraphBuilder, work: Work, there: Floats, back: Floats, start: After) -> After:
    steps = work.steps
    after = _pass(build, work.count("forward_vectors") / steps, there, start, "forward")
    after = _pass(build, work.count("input_gradient_vectors") / steps, back, after, "input_gradient")
    gradient_s = float(weight_gradient_s(work).sum()) / steps
    last = build.add(Task("weight gradients", "digital", gradient_s, after=after, phase="weight_gradient"))
    rest = rest_of(work)
    moved_s = (float(work.bits.buffer_bits[work.phase]) + rest.port_bits) * work.each_s("buffer") / steps
    moved = build.add(Task("buffer", "buffer", moved_s, after=start, phase="buffer"))
    after = build.meet((last, moved))
    serial = {name: work.seconds(name) for name in ("dram", "update", "reload")} | rest.seconds
    for name, seconds in serial.items():
        resource = {"update": "rows", "reload": "dram"}.get(name, name)
        after = (build.add(Task(name, resource, seconds / steps, after=after, phase=name)),)
    return after


def _pass(build: GraphBuilder, vectors: Floats, vector_s: Floats, start: After, phase: str) -> After:
    """One pass: the slowest layer's stream in one piece, one vector of each other layer before or after it."""
    if not vectors.any():
        return start
    slowest, ends, chain = int((vectors * vector_s).argmax()), [], start
    for layer in np.flatnonzero(vectors):
        where, rest_s = f"layer {layer}", max(vectors[layer] - 1.0, 0.0) * vector_s[layer]
        if layer == slowest:
            stream_s = float(vectors[layer] * vector_s[layer])
            chain = (build.add(Task(f"{where} stream", where, stream_s, after=chain, phase=phase)),)
            continue
        one = Task(f"{where} one vector", where, float(vector_s[layer]), after=chain, phase=phase)
        rest = Task(f"{where} the rest", where, float(rest_s), after=start, phase=phase)
        if layer < slowest:
            chain = (build.add(one),)
            ends.append(build.add(Task(rest.name, where, rest.service_s, after=chain, phase=phase)))
        else:
            ends.append(build.add(rest))
            chain = (build.add(one),)
    return build.meet((*ends, *chain))
