"""A network and chips small enough to check with a pencil."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.chip import ChipConfig, load_chip
from imcsim.core.sources import Resolved
from imcsim.crossbar import Encoding
from imcsim.mapping.layer import LayerSpec
from imcsim.testing.traces import History, linear_layer, make_trace
from imcsim.trace import Trace

RRAM = Encoding(sign="differential", weight_bits=8, cell_bits=2)
SRAM = Encoding(sign="offset", weight_bits=8, cell_bits=1)
ENCODINGS = (RRAM, SRAM)
Codes = NDArray[np.int64]


def codes(*rows: list[int]) -> Codes:
    return np.array([rows], dtype=np.int64)


def small_chip(name: str, more: Mapping[str, Any] | None = None) -> Resolved[ChipConfig]:
    """4 x 16 cells: a PE holds 4 x 2 weights."""
    overrides: dict[str, Any] = {"array.rows": 4, "array.cols": 16}
    if name != "all-sram-28nm":
        overrides["rram.pe_count"] = 16
    if name != "all-rram-28nm":
        overrides["sram.pe_count"] = 16
    return load_chip(name, overrides | dict(more or {}))


def one_pe_trace(**changes: Any) -> Trace:
    """One 4 x 2 layer, one task, one epoch, two steps: weight (0, 0) goes 0 -> 1 -> 4, (3, 1) goes -1 -> -1 -> 1."""
    start = codes([0, 5], [7, -7], [100, 3], [2, -1])
    first = codes([1, 5], [7, -7], [100, 3], [2, -1])
    second = codes([4, 5], [7, -7], [100, 3], [2, 1])
    layer = linear_layer("fc", 4, 2)
    return make_trace([layer], {"fc": start}, {"fc": [[[first, second]]]}, ENCODINGS, **changes)


def random_trace(seed: int, tasks: int = 3, still: Collection[int] = (), **changes: Any) -> Trace:
    """Two layers (10 x 5, 5 x 3) whose codes walk at random, but in tasks that are ``still``: 2 epochs of 3 steps."""
    rng = np.random.default_rng(seed)
    layers = [linear_layer("a", 10, 5, positions=4), linear_layer("b", 5, 3)]
    start = {spec.name: rng.integers(-127, 128, spec.matrix_shape) for spec in layers}
    history = {spec.name: _walk(rng, spec, start[spec.name], tasks, still) for spec in layers}
    counts: dict[str, Any] = {
        "forward_vectors": [64, 16],
        "input_gradient_vectors": [0, 16],
        "weight_gradient_vectors": [64, 16],
        "weight_gradient_macs": [64 * 50, 16 * 15],
        "kept_elements": [160, 80],
        "updated_weights": [300, 90],
    }
    return make_trace(layers, start, history, ENCODINGS, counts=counts, **changes)


def _walk(rng: np.random.Generator, spec: LayerSpec, start: Codes, tasks: int, still: Collection[int]) -> History:
    now, out = start, []
    for task in range(tasks):
        epochs = []
        for _ in range(2):
            steps = []
            for _ in range(3):
                moved = rng.integers(-2, 3, now.shape) * (rng.random(now.shape) < 0.3)
                now = now if task in still else np.clip(now + moved, -127, 127)
                steps.append(now)
            epochs.append(steps)
        out.append(epochs)
    return out
