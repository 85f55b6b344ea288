"""Vectors through a layer = samples x positions: a pass takes a sample through a layer once, or round it.

Shape letters: F placement phases, L mapped layers.
"""

import numpy as np

from imcsim.trace.laws.demand import demand_each
from imcsim.trace.laws.numbers import Numbers, Whole
from imcsim.trace.trace import Trace

_WORK = (
    "input_gradient_vectors", "weight_gradient_vectors", "weight_gradient_macs", "dense_gradient_macs",
    "kept_elements", "updated_weights",
)  # fmt: skip
_TASK_WORK = ("relu_elements", "other_kept_elements", "peak_kept_elements", "peak_kept_bits")


def check(trace: Trace) -> None:
    """Check vectors of training and of scoring, and that nothing is done without a step.

    A side path may sit out a task, so a layer may see fewer samples than pass; some layer sees them all. A layer whose
    input is made from others sees no sample that none of them saw.
    """
    meta, numbers = trace.meta, Numbers(trace)
    steps, epochs = numbers.task("optimizer_steps"), numbers.task("epochs")
    trained = numbers.task("samples")
    passed = trained + numbers.task("forward_only_samples")
    demand_each((steps == 0) | (trained >= steps), "a step passes at least one sample", meta)
    demand_each((steps > 0) | (passed == 0), "no sample passes without a step", meta)
    demand_each((steps == 0) | (epochs > 0), "steps are taken within epochs", meta)
    _check_epochs(epochs, steps, trace)
    forward = _samples(numbers, "forward_vectors", trace)
    demand_each(forward <= passed, "forward_vectors must be at most samples x positions", meta)
    demand_each(
        forward.max(axis=1, keepdims=True) == passed, "no layer's forward_vectors are samples x positions", meta
    )
    for name in ("input_gradient_vectors", "weight_gradient_vectors"):
        backward = _samples(numbers, name, trace)
        demand_each(backward <= np.minimum(forward, trained), f"{name} must be at most those that passed forward", meta)
    _check_order(forward, trace)
    _check_scoring(numbers, trace)
    for name in _WORK:
        demand_each((steps > 0) | (numbers.of(name) == 0), f"{name} without a step", meta)
    for name in _TASK_WORK:
        demand_each((steps > 0) | (numbers.task(name) == 0), f"{name} without a step", meta)
    idle = trace.counts["forward_vectors"] == 0
    for name in ("input_density", "input_zero_share"):
        measured = getattr(trace, name).reshape(*idle.shape, -1).any(axis=2)
        demand_each(~(idle & measured), f"{name} without a vector", meta)


def _check_epochs(epochs: Whole, steps: Whole, trace: Trace) -> None:
    """A task that is trained has the epochs of the configuration; of a trace without one, at most its steps.

    An epoch that a phase ends within is one of either phase: a task may have one more for each further phase.
    """
    planned, numbers = trace.meta.config.get("epochs"), Numbers(trace)
    if planned is None:
        demand_each((steps == 0) | (epochs <= steps), "epochs must be at most steps", trace.meta)
    else:
        law = f"epochs must be those of the configuration, {planned!r:.20}, or 0"
        counted, further = numbers.by_task(epochs), numbers.by_task(np.ones_like(epochs)) - 1
        fits = (counted == planned) | ((counted > planned) & (counted - planned <= further))
        demand_each((counted == 0) | fits, law, trace.meta)


def _samples(numbers: Numbers, name: str, trace: Trace) -> Whole:
    vectors = numbers.of(name)
    demand_each(vectors % numbers.positions == 0, f"{name} must be a multiple of the layer's positions", trace.meta)
    samples: Whole = vectors // numbers.positions
    return samples


def _check_order(samples: Whole, trace: Trace) -> None:
    for index, feeds in enumerate(trace.meta.feeds if trace.meta.producers else ()):
        if feeds:
            fed = samples[:, list(feeds)].sum(axis=1)
            law = f"layer '{trace.meta.layers[index].name}' saw more samples than the layers that it reads from"
            demand_each(samples[:, index] <= fed, law, trace.meta)


def _check_scoring(numbers: Numbers, trace: Trace) -> None:
    forward = _samples(numbers, "scoring_forward_vectors", trace)
    backward = _samples(numbers, "scoring_input_gradient_vectors", trace)
    demand_each(backward <= forward, "scoring passes more vectors back than forward", trace.meta)
    most = numbers.of("scoring_forward_vectors") * numbers.weights
    macs = numbers.of("scoring_weight_gradient_macs")
    demand_each(macs <= most, "scoring_weight_gradient_macs must be at most vectors x weights", trace.meta)


def samples_of(numbers: Numbers) -> Whole:
    """Return (F, 1): samples that passed in training or scoring, those of the layer that scored most."""
    scored = (numbers.of("scoring_forward_vectors") // numbers.positions).max(axis=1, keepdims=True)
    passed: Whole = numbers.task("samples") + numbers.task("forward_only_samples") + scored
    return passed
