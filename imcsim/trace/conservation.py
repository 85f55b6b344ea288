"""Laws that every trace obeys, whatever was learned; a broken one is a defect and is never priced.

Shape letters: T tasks, K cells per weight, G groups, D fan-in, N outputs per group.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ConservationError
from imcsim.crossbar.encoding import Encoding
from imcsim.trace.gradient_law import check_gradients
from imcsim.trace.schema import COUNTS, RECORDED_POLICIES, TASK_COUNTS, WEAR_COUNTS, Policy
from imcsim.trace.trace import Trace


def check_trace(trace: Trace) -> None:
    """Raise ConservationError at the first broken law.

    Laws: arrays have the shapes of the schema and no negative counts; level changes equal transitions; what flows
    between levels equals the difference of the level histograms of consecutive commits; a cell changes at most once
    per commit, and a coarser policy never changes a cell more often than a finer one; a frozen PE never changes; a
    layer whose levels change computes a weight gradient, or the method says why not
    (:mod:`imcsim.trace.gradient_law`).
    """
    _check_shapes(trace)
    for encoding in trace.meta.encodings:
        for layer in trace.meta.layers:
            _check_layer(trace, encoding, layer.name)
    _check_frozen(trace)
    check_gradients(trace)


def _demand(holds: bool | np.bool_, law: str) -> None:
    if not holds:
        raise ConservationError(f"the trace breaks a law: {law}")


def _check_shapes(trace: Trace) -> None:
    tasks, layers = trace.meta.tasks, len(trace.meta.layers)
    for name in COUNTS:
        array = trace.counts[name]
        _demand(array.shape == (tasks, layers), f"counts '{name}' must be (tasks, layers)")
        _demand(bool((array >= 0).all()), f"counts '{name}' must not be negative")
    for name, array in trace.wear_counts.items():
        _demand(name in WEAR_COUNTS, f"there is no wear count '{name}'")
        _demand(array.shape == (tasks, layers), f"wear counts '{name}' must be (tasks, layers)")
        _demand(bool((array >= 0).all()), f"wear counts '{name}' must not be negative")
    dead = trace.wear_counts.get("dead_cells", np.zeros((1, 1), np.int64))
    _demand(bool((np.diff(dead, axis=0) >= 0).all()), "a dead cell stays dead")
    for name in TASK_COUNTS:
        _demand(trace.task_counts[name].shape == (tasks,), f"task counts '{name}' must be (tasks,)")
        _demand(bool((trace.task_counts[name] >= 0).all()), f"task counts '{name}' must not be negative")
    for name, bits in (("input_density", trace.meta.input_bits), ("error_density", trace.meta.error_bits)):
        array = getattr(trace, name)
        _demand(array.shape == (tasks, layers, bits), f"{name} must be (tasks, layers, bits)")
        _demand(bool(((array >= 0) & (array <= 1)).all()), f"{name} must lie in 0..1")
    for name in ("class_il", "task_il"):
        array = getattr(trace, name)
        _demand(array.shape == (tasks, tasks), f"{name} must be (tasks, tasks)")
        _demand(bool(((array >= 0) & (array <= 1)).all()), f"{name} must lie in 0..1")
    for layer in trace.meta.layers:
        shape = (tasks + 1, *layer.matrix_shape)
        _demand(trace.codes[layer.name].shape == shape, f"codes of '{layer.name}' must be {shape}")
    for name, values in trace.digital.items():
        _demand(len(values) == tasks + 1, f"'{name}' in digital logic must be ({tasks + 1}, ...)")


def _check_layer(trace: Trace, encoding: Encoding, layer: str) -> None:
    levels = encoding.levels(trace.codes[layer])  # (K, T+1, G, D, N)
    count = encoding.level_count
    histograms = np.stack([np.bincount(levels[:, t].ravel(), minlength=count) for t in range(levels.shape[1])])
    finer: NDArray[np.integer] | None = None
    commits: dict[Policy, str] = {"step": "optimizer_steps", "epoch": "epochs"}
    for policy in RECORDED_POLICIES:
        changes = trace.changes[policy, encoding.name, layer]
        flow = trace.transitions[policy, encoding.name, layer]
        where = f"layer '{layer}', {encoding.name}, policy '{policy}'"
        moved = changes.reshape(changes.shape[0], -1).sum(axis=1, dtype=np.int64)
        _demand(np.array_equal(moved, flow.sum(axis=(1, 2))), f"{where}: level changes must equal transitions")
        net = flow.sum(axis=1) - flow.sum(axis=2)
        _demand(np.array_equal(net, np.diff(histograms, axis=0)), f"{where}: transitions must lead to the new codes")
        limit = trace.task_counts[commits[policy]]
        most = changes.reshape(changes.shape[0], -1).max(axis=1, initial=0)
        _demand(bool((most <= limit).all()), f"{where}: a cell changed more often than there were commits")
        if finer is not None:
            _demand(bool((changes <= finer).all()), f"{where}: changed more often than under the finer policy")
        finer = changes
    if finer is not None:
        whole = (levels[:, 1:] != levels[:, :-1]).swapaxes(0, 1)
        _demand(
            bool((whole <= finer).all()), f"layer '{layer}', {encoding.name}: a task's change must be an epoch's too"
        )


def _check_frozen(trace: Trace) -> None:
    tile = trace.meta.pe_tile
    for layer, trainable in trace.placement.items():
        _demand(tile is not None, "a placement needs pe_tile in the header")
        if tile is None:
            continue
        codes = trace.codes[layer]
        weights = trainable.repeat(tile[0], axis=2)[:, :, : codes.shape[2]]
        weights = weights.repeat(tile[1], axis=3)[..., : codes.shape[3]]
        _demand(weights.shape == codes[1:].shape, f"placement of '{layer}' must cover its weight matrix")
        moved = codes[1:] != codes[:-1]
        _demand(not bool((moved & ~weights).any()), f"layer '{layer}': a frozen PE changed its codes")
        for (policy, encoding, name), changes in trace.changes.items():
            if name == layer:
                hit = (changes != 0).any(axis=1) & ~weights
                _demand(not bool(hit.any()), f"layer '{layer}', {encoding}, '{policy}': a frozen cell was written")
