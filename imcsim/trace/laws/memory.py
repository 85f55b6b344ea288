"""What is kept, replayed and remembered follows from what passed and what trains."""

from math import prod

import numpy as np

from imcsim.trace.laws.demand import demand_each
from imcsim.trace.laws.numbers import Numbers
from imcsim.trace.laws.passes import samples_of
from imcsim.trace.trace import Trace

_BYTES = 8  # of a stored value, at most


def check(trace: Trace) -> None:
    """Check peaks, the optimiser's state, digital parameters and replay of every phase."""
    _check_peaks(trace)
    _check_state(trace)
    _check_replay(trace)


def _check_peaks(trace: Trace) -> None:
    numbers = Numbers(trace)
    kept = numbers.of("kept_elements").sum(axis=1, keepdims=True) + numbers.task("other_kept_elements")
    for peak, total in (("peak_kept_elements", kept), ("peak_kept_bits", numbers.task("relu_elements"))):
        most = numbers.task(peak)
        demand_each(most <= total, f"{peak} must be at most all that was kept", trace.meta)
        demand_each((total == 0) | (most > 0), f"{peak} must be positive where anything was kept", trace.meta)


def _check_state(trace: Trace) -> None:
    numbers = Numbers(trace)
    digital = numbers.task("digital_parameters")
    trains = numbers.of("trainable_weights").sum(axis=1, keepdims=True) + digital
    state = numbers.task("optimizer_state_values")
    demand_each((state == 0) | (trains > 0), "optimizer_state_values of nothing that trains", trace.meta)
    if trace.digital:
        held = sum(prod(array.shape[1:]) for array in trace.digital.values())
        demand_each(digital <= held, "more digital_parameters train than digital logic holds", trace.meta)


def _check_replay(trace: Trace) -> None:
    """A sample that is read from the buffer passes somewhere; stored, it is no larger than all it makes of itself."""
    numbers, meta = Numbers(trace), trace.meta
    passed = samples_of(numbers)
    sizes = np.array(meta.task_sizes, dtype=object)[:, None]
    whole = numbers.by_task
    elements = sum(layer.input_elements + layer.output_elements for layer in meta.layers)
    largest = _BYTES * (elements + prod(meta.image_shape or ()) + 2)  # and a label, and a place
    for name, most in (("read", whole(passed)), ("written", whole(passed) + sizes)):
        samples, size = (whole(numbers.task(f"replay_{what}_{name}")) for what in ("samples", "bytes"))
        demand_each(samples <= most, f"more replay samples are {name} than pass", meta)
        fits = (size >= samples) & (size <= samples * largest)
        demand_each(fits, f"replay_bytes_{name} do not fit the samples {name}", meta)
    _check_replayed(trace)


def _check_replayed(trace: Trace) -> None:
    """Who stores samples and replays has read some; who replays without storing, as generated samples, need not."""
    replayed = np.array(trace.meta.acts.get("replay", [0] * trace.meta.tasks), dtype=object)[:, None]
    numbers = Numbers(trace)
    stored, read = (numbers.by_task(numbers.task(f"replay_samples_{name}")) for name in ("written", "read"))
    silent = (replayed > 0) & (np.cumsum(stored, axis=0) > 0) & (read == 0)
    demand_each(~silent.astype(bool), "samples were stored and replayed, but replay_samples_read is 0", trace.meta)
