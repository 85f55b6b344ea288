"""Counts of a trace made by hand: those that a test does not give follow from those that it gives.

Plain SGD with one sample a step is what is filled in: each step passes its samples forward through every layer, takes
the gradient of all weights that train, and updates them. Nothing is kept, replayed or scored unless a test says so.

Shape letters: F placement phases, L mapped layers.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.masks import expand_pe_mask
from imcsim.trace.schema import COUNTS, TASK_COUNTS, TraceMeta

Counts = dict[str, NDArray[np.int64]]
_VECTORS = ("forward_vectors", "input_gradient_vectors", "weight_gradient_vectors")


def hand_counts(
    layers: Sequence[LayerSpec],
    history: Sequence[Sequence[Sequence[object]]],
    counts: Mapping[str, ArrayLike],
    task_counts: Mapping[str, ArrayLike],
) -> tuple[Counts, Counts]:
    """Return all counts (F, L) and task counts (F,).

    Parameters
    ----------
    layers
        Mapped layers.
    history
        Codes after each step, nested by phase and epoch: as many steps and epochs as it has.
    counts, task_counts
        Name -> value, broadcast to the count's shape.
    """
    by_layer = {name: np.zeros((len(history), len(layers)), np.int64) for name in COUNTS}
    by_task = {name: np.zeros(len(history), np.int64) for name in TASK_COUNTS}
    for table, values in ((by_layer, counts), (by_task, task_counts)):
        for name, value in values.items():
            table[name][:] = value

    def fill(name: str, value: Callable[[], ArrayLike]) -> None:
        if name not in counts and name not in task_counts:
            (by_layer if name in COUNTS else by_task)[name][:] = value()

    _fill_passes(fill, layers, history, by_layer, by_task, counts)
    _fill_gradients(fill, layers, by_layer, by_task)
    fill("peak_kept_elements", lambda: by_layer["kept_elements"].sum(axis=1) + by_task["other_kept_elements"])
    fill("peak_kept_bits", lambda: by_task["relu_elements"])
    return by_layer, by_task


def placed_weights(meta: TraceMeta, placement: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Return (F, L): weights in PEs that train; all of a layer without a placement."""
    counts = np.array([[spec.weight_count for spec in meta.layers]] * meta.phase_count)
    if meta.pe_tile is not None:
        for index, spec in enumerate(meta.layers):
            if spec.name in placement:
                each = (expand_pe_mask(mask, spec.matrix_shape, meta.pe_tile).sum() for mask in placement[spec.name])
                counts[:, index] = list(each)
    return counts


Fill = Callable[[str, Callable[[], ArrayLike]], None]


def _fill_passes(
    fill: Fill,
    layers: Sequence[LayerSpec],
    history: Sequence[Sequence[Sequence[object]]],
    by_layer: Counts,
    by_task: Counts,
    given: Mapping[str, ArrayLike],
) -> None:
    positions = np.array([spec.positions for spec in layers])
    fill("optimizer_steps", lambda: [sum(len(epoch) for epoch in task) for task in history])
    fill("epochs", lambda: [len(task) for task in history])
    told = [by_layer[name] // positions for name in _VECTORS if name in given]
    seen = np.max(told, axis=0).max(axis=1) if told else by_task["optimizer_steps"]
    fill("samples", lambda: seen)
    for name in ("forward_vectors", "weight_gradient_vectors"):
        fill(name, lambda: by_task["samples"][:, None] * positions)


def _fill_gradients(fill: Fill, layers: Sequence[LayerSpec], by_layer: Counts, by_task: Counts) -> None:
    weights = np.array([spec.weight_count for spec in layers])
    fill("trainable_weights", lambda: weights)
    fill("active_weights", lambda: weights)
    fill("peak_active_weights", lambda: weights)
    fill("weight_gradient_macs", lambda: by_layer["weight_gradient_vectors"] * by_layer["trainable_weights"])
    fill("updated_weights", lambda: by_task["optimizer_steps"][:, None] * by_layer["trainable_weights"])
