"""A network and chips small enough to check with a pencil."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.chip import ChipConfig, load_chip
from imcsim.core.sources import Resolved
from imcsim.crossbar import Encoding
from imcsim.mapping.masks import expand_pe_mask
from imcsim.testing.traces import History, linear_layer, make_trace
from imcsim.trace import Trace

RRAM = Encoding(sign="differential", weight_bits=8, cell_bits=2)
SRAM = Encoding(sign="offset", weight_bits=8, cell_bits=1)
ENCODINGS = (RRAM, SRAM)
Codes = NDArray[np.int64]


def codes(*rows: list[int]) -> Codes:
    return np.array([rows], dtype=np.int64)


def small_chip(name: str, more: Mapping[str, Any] | None = None) -> Resolved[ChipConfig]:
    """4 x 16 cells: a PE holds 4 x 2 weights; each has an adder input of its own, control and clamps take nothing."""
    overrides: dict[str, Any] = {"array.rows": 4, "array.cols": 16}
    if name != "all-sram-28nm":
        overrides |= {"rram.pe_count": 16, "rram.control_share": 0.0, "rram.clamp_current_a": 0.0}
    if name != "all-rram-28nm":
        overrides |= {"sram.pe_count": 16, "sram.control_share": 0.0, "sram.weight_sets": 1}
    return load_chip(name, overrides | dict(more or {}))


def one_pe_trace(**changes: Any) -> Trace:
    """One 4 x 2 layer, one task, one epoch, two steps: weight (0, 0) goes 0 -> 1 -> 4, (3, 1) goes -1 -> -1 -> 1."""
    start = codes([0, 5], [7, -7], [100, 3], [2, -1])
    first = codes([1, 5], [7, -7], [100, 3], [2, -1])
    second = codes([4, 5], [7, -7], [100, 3], [2, 1])
    layer = linear_layer("fc", 4, 2)
    return make_trace([layer], {"fc": start}, {"fc": [[[first, second]]]}, ENCODINGS, **changes)


def random_trace(
    seed: int,
    tasks: int = 3,
    still: Collection[int] = (),
    positions: int = 4,
    counts: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Trace:
    """Two layers (10 x 5, 5 x 3) whose codes walk at random, 2 epochs of 3 steps a task.

    They stand in tasks that are ``still``, and in PEs of a ``placement`` that do not train. ``counts`` take the place
    of those here; gradients are of all weights. With ``phases`` a placement is by phase, and counts follow from it.
    """
    rng = np.random.default_rng(seed)
    layers = [linear_layer("a", 10, 5, positions=positions), linear_layer("b", 5, 3)]
    start = {spec.name: rng.integers(-127, 128, spec.matrix_shape) for spec in layers}
    steps = np.array([length for task in changes.get("phases") or [[6]] * tasks for length in task])
    tasks_of = np.repeat(np.arange(tasks), [len(task) for task in changes.get("phases") or [[6]] * tasks])
    moves = {spec.name: np.ones((len(steps), *spec.matrix_shape), bool) for spec in layers}
    for name, mask in (changes.get("placement") or {}).items():
        shape = start[name].shape
        moves[name] = np.stack([expand_pe_mask(each, shape, changes["pe_tile"]) for each in mask])
    for mask in moves.values():
        mask[np.isin(tasks_of, list(still))] = False
    history = {spec.name: _walk(rng, start[spec.name], np.repeat(moves[spec.name], steps, 0)) for spec in layers}
    told: dict[str, Any] = {
        "forward_vectors": [16 * positions, 16],
        "input_gradient_vectors": [0, 16],
        "weight_gradient_vectors": [16 * positions, 16],
        "kept_elements": [160, 80],
        "updated_weights": [300, 90],
        **(counts or {}),
    }
    if "phases" in changes:  # nothing without a step
        told = {name: np.multiply(value, (steps > 0)[:, None]) for name, value in told.items()}
        trains = np.array([[mask.sum() for mask in moves[spec.name]] for spec in layers]).T
        told["updated_weights"] = steps[:, None] * trains
        told["weight_gradient_macs"] = told["weight_gradient_vectors"] * trains
    all_ = {"weight_gradient_macs": np.multiply(told["weight_gradient_vectors"], [50, 15])}
    return make_trace(layers, start, history, ENCODINGS, counts=all_ | told, **changes)


def masked(trace: Trace, active: Mapping[str, NDArray[np.bool_]]) -> Trace:
    """The same trace with sparsity masks (T, G, D, N) of layers, and with their weights counted."""
    counts = dict(trace.counts)
    for name in ("active_weights", "peak_active_weights"):
        counts[name] = counts[name].copy()
        for layer, mask in active.items():
            counts[name][:, trace.layer_index[layer]] = mask.reshape(len(mask), -1).sum(axis=1)
    most = counts["weight_gradient_vectors"] * counts["peak_active_weights"]
    counts["weight_gradient_macs"] = np.minimum(counts["weight_gradient_macs"], most)
    steps = trace.task_counts["optimizer_steps"][:, None]
    counts["updated_weights"] = np.minimum(counts["updated_weights"], steps * counts["peak_active_weights"])
    return replace(trace, active=active, counts=counts)


def told(trace: Trace, **header: Any) -> Trace:
    """The same trace of a method that must be told the task that it serves, with these fields of the header."""
    meta = trace.meta.model_copy(update={"scenarios": ("task-il",), **header})
    return replace(trace, meta=meta, accuracy={**trace.accuracy, "class_il": np.zeros_like(trace.class_il)})


def _walk(rng: np.random.Generator, start: Codes, moves: NDArray[np.bool_]) -> History:
    now, out = start, []
    for task in range(len(moves) // 6):
        epochs = []
        for epoch in range(2):
            steps = []
            for may_move in moves[6 * task + 3 * epoch :][:3]:
                moved = rng.integers(-2, 3, now.shape) * (rng.random(now.shape) < 0.3)
                now = np.clip(now + moved * may_move, -127, 127)
                steps.append(now)
            epochs.append(steps)
        out.append(epochs)
    return out
