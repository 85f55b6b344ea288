"""Mapping ResNet-50 by every rule, a network four times and sixteen times as large, 10^9 weights; masks of ResNet-18.

Building one tile per PE bounds the rules without a mask, walking over the mask's bytes those with one.
"""

import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

from imcsim.crossbar.encoding import Encoding
from imcsim.learn.networks import build_network
from imcsim.learn.shapes import trace_layers
from imcsim.mapping import MAPPING_RULES, LayerSpec, PeGeometry, map_network
from imcsim.mapping.masks import expand_pe_mask, reduce_to_pes, tile_grid

WHOLE = PeGeometry(rows=128, cols=128, encoding=Encoding(sign="offset", weight_bits=8, cell_bits=8))
HYBRID = PeGeometry(rows=64, cols=64, encoding=Encoding(sign="differential", weight_bits=8, cell_bits=2))  # 64 x 8
PLAIN = ("im2col", "kernel_split", "transposable", "second_copy", "dense_pack")
BUDGET = 60_000  # PEs for replicate: more than one copy takes at either size


@pytest.fixture(scope="module")
def layers() -> tuple[LayerSpec, ...]:
    return trace_layers(build_network("resnet50", 1000, (3, 224, 224)), (3, 224, 224))


@pytest.fixture(scope="module")
def masks(layers: tuple[LayerSpec, ...]) -> dict[str, dict[str, Any]]:
    """Three quarters of the weights zero, drawn one by one; half of the channels trainable."""
    rng = np.random.default_rng(0)
    channels = {spec.name: rng.random((spec.groups, 1, spec.outputs)) < 0.5 for spec in layers}
    return {
        "zeros": {spec.name: rng.random(spec.matrix_shape) < 0.75 for spec in layers},
        "trainable": {s.name: np.broadcast_to(channels[s.name], s.matrix_shape).copy() for s in layers},
    }


def transformer(width: int, blocks: int) -> list[LayerSpec]:
    """Shapes of a transformer's matrices: 12 width^2 weights a block; no tensor is made."""
    shapes = [(width, width)] * 4 + [(width, 4 * width), (4 * width, width)]
    return [
        LayerSpec(
            name=f"{block}.{i}", kind="linear", in_features=d, out_features=n, input_elements=d, output_elements=n
        )
        for block in range(blocks)
        for i, (d, n) in enumerate(shapes)
    ]


def test_map_resnet50(benchmark: Any, layers: tuple[LayerSpec, ...]) -> None:
    assert benchmark(map_network, layers, WHOLE).pe_count == 1448 + 128


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("geometry", [WHOLE, HYBRID], ids=["128x128", "64x8"])
def test_map_resnet50_by_every_rule(
    benchmark: Any, layers: tuple[LayerSpec, ...], masks: dict[str, Any], geometry: PeGeometry
) -> None:
    def every_rule() -> list[int]:
        return [
            map_network(layers, geometry, rule, **masks, pe_budget=BUDGET).pe_count for rule in MAPPING_RULES.names()
        ]

    assert min(benchmark.pedantic(every_rule, rounds=3)) > 0
    assert benchmark.stats.stats.min < 1.0  # CPU seconds, all rules together


@pytest.mark.parametrize("rule", PLAIN)
def test_time_grows_with_the_pes(benchmark: Any, rule: str) -> None:
    """CPU time per PE at 1, 4 and 16 times the PEs; within a factor, as the smallest takes milliseconds."""

    def per_pe(blocks: int) -> float:
        network = transformer(512, blocks)
        start = time.process_time()
        pes = map_network(network, HYBRID, rule).pe_count
        return (time.process_time() - start) / pes

    benchmark.pedantic(per_pe, (16,), rounds=1)
    once, four, sixteen = (min(per_pe(blocks) for _ in range(3)) for blocks in (4, 16, 64))
    benchmark.extra_info["per_pe_relative"] = [1.0, round(four / once, 2), round(sixteen / once, 2)]
    assert max(four, sixteen) < 2 * once


LARGE = """
import resource, time
from benchmarks.test_mapping import HYBRID, map_network, transformer
network = transformer(4096, 5)
assert sum(spec.weight_count for spec in network) > 1_000_000_000
start = time.process_time()
pes = map_network(network, HYBRID).pe_count
print(pes, time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_a_thousand_million_weights_by_shape(benchmark: Any) -> None:
    """In a process of its own, whose peak memory holds Python, numpy and torch too."""

    def mapped() -> list[str]:
        command = [sys.executable, "-c", LARGE]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    pes, seconds, mib = (float(text) for text in benchmark.pedantic(mapped, rounds=1))
    benchmark.extra_info.update(cpu_s=round(seconds, 2), peak_mib=round(mib))
    assert pes == 5 * 12 * 4096**2 // (64 * 8)
    assert seconds < 10
    assert mib < 1024


def test_reduce_the_largest_layer_of_resnet18(benchmark: Any) -> None:
    element = np.ones((5, 1, 4608, 512), dtype=np.bool_)
    assert benchmark(reduce_to_pes, element, (128, 128)).sum() == element.size


def test_expand_the_largest_layer_of_resnet18(benchmark: Any) -> None:
    shape = (1, 4608, 512)
    mask = np.ones((5, *tile_grid(shape, (128, 128))), dtype=np.bool_)
    assert benchmark(expand_pe_mask, mask, shape, (128, 128)).all()
