"""Pricing a five-task ResNet-18 trace, against reading its weight codes once (what no pricing could avoid).

What bounds a warm price: Python calls over about 60 (tasks x parts) small arrays and the einsums over 21,816 PEs.
The first price of a trace also reduces every per-cell count to its PEs; that pass is bound by memory bandwidth.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from imcsim.chip import load_chip, price
from imcsim.crossbar import Encoding
from imcsim.learn.networks import build_network
from imcsim.learn.shapes import trace_layers
from imcsim.testing.traces import make_trace
from imcsim.trace import Trace

TASKS = 5


@pytest.fixture(scope="module")
def resnet_trace() -> Trace:
    """Full-size ResNet-18 (width 64): one step a task, each weight moves one code with probability 0.2."""
    import torch

    network = build_network("resnet18", 10, (3, 32, 32), {}, torch.Generator().manual_seed(0))
    layers = trace_layers(network, (3, 32, 32))
    rng = np.random.default_rng(0)
    start, history = {}, {}
    for spec in layers:
        now = rng.integers(-100, 101, spec.matrix_shape)
        start[spec.name], path = now, []
        for _ in range(TASKS):
            now = now + (rng.random(now.shape) < 0.2)
            path.append([[now]])
        history[spec.name] = path
    vectors = 10 * np.array([spec.positions for spec in layers])
    passes = ("forward_vectors", "input_gradient_vectors", "weight_gradient_vectors")
    counts: dict[str, Any] = dict.fromkeys(passes, vectors)
    return make_trace(layers, start, history, [Encoding(sign="differential", cell_bits=2)], counts=counts)


@pytest.mark.benchmark(group="price")
def test_warm_price(benchmark: Callable[..., Any], resnet_trace: Trace) -> None:
    chip = load_chip("all-rram-28nm")
    price(resnet_trace, chip)
    report = benchmark(price, resnet_trace, chip)
    assert report.energy.total > 0


@pytest.mark.benchmark(group="price")
def test_first_price(benchmark: Any, resnet_trace: Trace) -> None:
    chip = load_chip("all-rram-28nm")
    benchmark.pedantic(price, (resnet_trace, chip), setup=resnet_trace.cache.clear, rounds=3)


@pytest.mark.benchmark(group="price")
def test_baseline_reading_the_codes(benchmark: Callable[..., Any], resnet_trace: Trace) -> None:
    benchmark(lambda: sum(int(codes.sum()) for codes in resnet_trace.codes.values()))
