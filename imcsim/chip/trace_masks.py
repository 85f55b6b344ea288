"""What a trace says of each weight in one task, for rules that look at it: zero, trainable, its code, its inputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import TraceError
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.masks import expand_pe_mask
from imcsim.trace.conservation import check_once
from imcsim.trace.trace import Trace

Masks = dict[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class TaskMasks:
    """One task of a trace.

    Parameters
    ----------
    zeros
        Layer -> (G, D, N): outside the sparsity mask; without one, the weights whose code is 0 after the task.
    trainable
        Layer -> (G, D, N): inside a trainable PE and inside the sparsity mask; all, if the method has neither.
    codes
        Layer -> (G, D, N) weight codes after the task.
    density
        (L, b): share of ones per bit plane of the inputs during the task.
    """

    zeros: Masks
    trainable: Masks
    codes: dict[str, NDArray[np.integer]]
    density: NDArray[np.float64]


def task_masks(trace: Trace, task: int = -1) -> TaskMasks:
    """Return what ``trace`` says of task ``task`` (the last by default).

    Raises
    ------
    TraceError
        If there is no such task.
    """
    tasks = check_once(trace).meta.tasks
    if not -tasks <= task < tasks:
        raise TraceError(f"the trace has tasks 0 to {tasks - 1}, not {task}")
    at = task % tasks
    codes = {spec.name: trace.codes[spec.name][at + 1] for spec in trace.meta.layers}
    active = {name: mask[at] for name, mask in trace.active.items()}
    trainable = {spec.name: _trainable(trace, spec, at) for spec in trace.meta.layers}
    return TaskMasks(
        zeros={name: ~active[name] if name in active else code == 0 for name, code in codes.items()},
        trainable={name: mask & active.get(name, True) for name, mask in trainable.items()},
        codes=codes,
        density=trace.input_density[at],
    )


def check_same_layers(trace: Trace, layers: Sequence[LayerSpec]) -> None:
    """Raise TraceError unless ``layers`` are those of ``trace``: the same names and matrices in the same order."""
    ours = [(spec.name, spec.matrix_shape) for spec in layers]
    theirs = [(spec.name, spec.matrix_shape) for spec in trace.meta.layers]
    if ours == theirs:
        return
    at = next((i for i, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        raise TraceError(f"the trace has {len(theirs)} layers and the network {len(ours)}: it is of another network")
    raise TraceError(
        f"layer {at} of the trace is '{theirs[at][0]}' {theirs[at][1]}, of the network '{ours[at][0]}' {ours[at][1]}: "
        f"give the network, --input, --classes and --param that the trace was recorded with"
    )


def _trainable(trace: Trace, spec: LayerSpec, task: int) -> NDArray[np.bool_]:
    placed = trace.placement.get(spec.name)
    if placed is None or trace.meta.pe_tile is None:
        return np.ones(spec.matrix_shape, dtype=bool)
    return expand_pe_mask(placed[task], spec.matrix_shape, trace.meta.pe_tile)
