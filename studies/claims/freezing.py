"""How far frozen layers can bring the backward pass down: the arithmetic behind PTLF's backward FLOPs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from imcsim.learn.flops import training_flops
from imcsim.mapping.layer import LayerSpec

STREAMS = {"5 tasks": 5, "20 tasks": 20}
DRAWS = 2000  # random choices of frozen layers for each share


def backward_less(layers: Sequence[LayerSpec], trains: Mapping[str, bool]) -> float:
    """Return how many times fewer backward FLOPs a step takes when some layers are frozen."""
    everything = training_flops(layers, {spec.name: True for spec in layers}).backward
    return everything / training_flops(layers, trains).backward


def prefix(layers: Sequence[LayerSpec], count: int) -> dict[str, bool]:
    """Return layer -> whether it trains, when the first ``count`` are frozen."""
    return {spec.name: i >= count for i, spec in enumerate(layers)}


def all_but_first(layers: Sequence[LayerSpec]) -> dict[str, bool]:
    """Return layer -> whether it trains, when only the first one does: the most that scattered freezing can save."""
    return {spec.name: i == 0 for i, spec in enumerate(layers)}


def stream_factor(later: float, tasks: int) -> float:
    """Return the factor over a stream whose first task freezes nothing and whose later ones reach ``later``."""
    return tasks / (1 + (tasks - 1) / later)


def needed_share(saving: float, tasks: int) -> float:
    """Return the frozen share of the backward pass's weight half that scattered freezing needs in tasks 2 to T.

    Weight and input gradients are half of the backward pass each, and only the former is saved; the first task freezes
    nothing. Above 1: out of reach.
    """
    return saving / 0.5 / ((tasks - 1) / tasks)


def freezing_rows(layers: Sequence[LayerSpec], seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yield one row for each stream and version: bounds of scattered freezing, a prefix that does as much."""
    for name, tasks in STREAMS.items():
        bound = backward_less(layers, all_but_first(layers))
        for factor, version in ((1.46, "ISQED 2025"), (1.54, "arXiv v1")):
            steps = [stream_factor(backward_less(layers, prefix(layers, k)), tasks) for k in range(len(layers))]
            first = next((k for k, reached in enumerate(steps) if reached >= factor), None)
            macs = sum(spec.macs for spec in layers)
            yield {
                "stream": name,
                "version": version,
                "published": factor,
                "scattered_bound_per_task": bound,
                "scattered_bound_stream": stream_factor(bound, tasks),
                "scattered_random_best": stream_factor(_best_random(layers, seed), tasks),
                "share_needed": needed_share(1 - 1 / factor, tasks),
                "prefix_layers": first,
                "prefix_share": None if first is None else sum(spec.macs for spec in layers[:first]) / macs,
            }


def _best_random(layers: Sequence[LayerSpec], seed: int) -> float:
    """Return the largest factor of random sets of frozen layers; the first layer and the classifier train."""
    draw = np.random.default_rng(seed)
    inner = [spec.name for spec in layers[1:-1]]
    best = 1.0
    for _ in range(DRAWS):
        frozen = set(np.array(inner)[draw.random(len(inner)) < draw.random()].tolist())
        best = max(best, backward_less(layers, {spec.name: spec.name not in frozen for spec in layers}))
    return best
