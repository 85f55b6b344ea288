"""Traces at random, on chips whose every number is another than the shipped one."""

from dataclasses import replace
from typing import Any

import numpy as np

from imcsim.chip import ChipConfig
from imcsim.core.sources import Resolved
from imcsim.mapping.masks import expand_pe_mask
from imcsim.trace import Trace
from tests.chip.hand import random_trace, told

SHAPES = {"a": (1, 10, 5), "b": (1, 5, 3)}
TILE = (4, 2)
TASKS, STEPS, VECTORS = 3, 6, (64, 16)
TASK_COUNTS = {
    "mask_bits": 40, "replay_samples_read": 2, "replay_bytes_read": 64, "replay_samples_written": 1,
    "replay_bytes_written": 8, "scoring_bytes": 16, "scoring_macs": 5, "relu_elements": 70,
    "other_kept_elements": 10**9, "digital_parameters": 3, "optimizer_state_values": 68,
    "peak_kept_elements": 10**6, "peak_kept_bits": 5,
}  # fmt: skip
BUSY = {
    "scoring_forward_vectors": [8, 4], "scoring_input_gradient_vectors": [0, 4],
    "scoring_weight_gradient_macs": [300, 60], "dense_gradient_macs": [11, 7], "closed_segments": [2, 1],
}  # fmt: skip


def scrambled_trace(seed: int, *, placed: bool = True, own: str = "") -> Trace:
    """Return a trace in which all that can be charged is: densities at random, other PEs at rest in each task.

    ``own``: layer ``b`` holds other weights for each task, ``"switched"`` or, stored with the masks, ``"resident"``.
    """
    rng, placement = np.random.default_rng(seed), {}
    if placed:
        placement = {"a": rng.random((TASKS, 1, 3, 3)) < 0.5, "b": rng.random((TASKS, 1, 2, 2)) < 0.5}
        placement["a"][:, 0, 0, 0] = [True, False, False]  # leaves SRAM for good
    trained = [[_trained(placement, name, t) for name in SHAPES] for t in range(TASKS)]
    counts = BUSY | {
        "weight_gradient_macs": np.multiply(trained, VECTORS),
        "updated_weights": np.multiply(trained, STEPS),
        "skipped_writes": 0,
    }
    more: dict[str, Any] = {"placement": placement, "pe_tile": TILE} if placed else {}
    trace = random_trace(seed, TASKS, counts=counts, task_counts=TASK_COUNTS, **more)
    if own:
        trace = told(trace, switched_layers=("b",), resident_layers=("b",) if own == "resident" else ())
    shape = trace.input_density.shape
    return replace(trace, input_density=rng.random(shape), error_density=rng.random(shape))


def _trained(placement: dict[str, Any], name: str, task: int) -> int:
    if not placement:
        return int(np.prod(SHAPES[name]))
    return int(expand_pe_mask(placement[name][task], SHAPES[name], TILE).sum())


def scrambled_chip(chip: Resolved[ChipConfig], seed: int) -> Resolved[ChipConfig]:
    """Return ``chip`` with every number that is no count times a factor of its own, 0.7 to 1.3."""
    rng = np.random.default_rng(seed)
    return replace(chip, config=ChipConfig.model_validate(_scrambled(chip.config.model_dump(), "", rng)))


_KEPT = ("share", "fraction", "pulses", "activity", "nonlinearity", "table_bytes", "feature_sizes", "area_log10")
"""Of a range of their own, or increasing."""


def _scrambled(value: Any, name: str, rng: np.random.Generator) -> Any:
    if isinstance(value, dict):
        return {key: _scrambled(one, key, rng) for key, one in value.items()}
    if isinstance(value, tuple) and not any(kept in name for kept in _KEPT):
        return tuple(_scrambled(one, name, rng) for one in value)
    if isinstance(value, float) and not any(kept in name for kept in _KEPT):
        factor = rng.uniform(1.0, 1.3) if name.startswith("conductance_max") else rng.uniform(0.7, 1.0)
        return value * (factor if name != "feature_size_m" else 1.0)
    return value
