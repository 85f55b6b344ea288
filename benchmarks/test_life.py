"""The wear ledger of ResNet-18 (11.2 million weights, 89 million cells): bytes, and GB/s beside numpy's own copy.

What bounds an update in place: memory, two bytes read of the trace and four read and written of the ledger for each
cell. A commit is bound by looking up the levels of the codes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from imcsim.chip import load_chip
from imcsim.chip.wear.counting import add_changes, add_moves
from imcsim.crossbar import Encoding
from imcsim.life import WearLedger

CODING = Encoding(sign="differential", cell_bits=2)
SHAPE = (8, 1, 4608, 512)  # one of the largest layers of ResNet-18
Counters = tuple[Any, Any]


@pytest.fixture(scope="module")
def counters() -> Counters:
    return np.zeros(SHAPE, np.uint32), np.zeros(SHAPE, np.float32)


@pytest.mark.benchmark(group="ledger, 18.9 M cells")
def test_baseline_copy(benchmark: Callable[..., Any], counters: Counters) -> None:
    to = np.empty_like(counters[0])
    benchmark(np.copyto, to, counters[0])  # 8 bytes a cell, read and written


@pytest.mark.benchmark(group="ledger, 18.9 M cells")
def test_changes_in_place(benchmark: Callable[..., Any], counters: Counters) -> None:
    changes = np.random.default_rng(0).integers(0, 4, SHAPE).astype(np.uint16)
    benchmark(add_changes, *counters, changes, 0.0, None)  # 10 bytes a cell


@pytest.mark.benchmark(group="ledger, 18.9 M cells")
def test_changes_in_place_with_full_window(benchmark: Callable[..., Any], counters: Counters) -> None:
    changes = np.random.default_rng(0).integers(0, 4, SHAPE).astype(np.uint16)
    benchmark(add_changes, *counters, changes, 0.1, None)  # 18 bytes a cell


@pytest.mark.benchmark(group="ledger, 18.9 M cells")
def test_a_commit(benchmark: Callable[..., Any], counters: Counters) -> None:
    rng = np.random.default_rng(0)
    old = rng.integers(-100, 101, SHAPE[1:]).astype(np.int8)
    new = (old + (rng.random(old.shape) < 0.2)).astype(np.int8)
    benchmark(add_moves, counters, old, new, CODING, None)  # 16 bytes a cell


def test_the_ledger_of_resnet18_stays_below_one_gib() -> None:
    import torch

    from imcsim.learn.networks import build_network
    from imcsim.learn.shapes import trace_layers

    network = build_network("resnet18", 10, (3, 32, 32), {}, torch.Generator().manual_seed(0))
    geometry = load_chip("all-rram-28nm").config.geometry
    ledger = WearLedger.empty(geometry, trace_layers(network, (3, 32, 32)))
    assert ledger.cells > 89e6
    assert ledger.nbytes == 8 * ledger.cells < 1 << 30
