"""Pricing VGG-8 on one chip, against DNN+NeuroSim V1.4, which takes 94 to 138 CPU seconds for the same network.

The peer's figure is that of its C++ core on the traces of studies/peers (94 s layer by layer with SRAM); the ratio to
it is extra info and never asserted, as seconds belong to a machine.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest

from imcsim.chip import load_chip, price
from imcsim.chip.per_image import per_image
from imcsim.mapping.network_map import map_network
from studies.peers.training import batch_trace
from studies.peers.workloads import Workload, workload

NEUROSIM_CPU_S = 94.0


@pytest.fixture(scope="module")
def vgg8() -> Workload:
    return workload("vgg8")


def against_neurosim(benchmark: Any, action: Callable[[], object]) -> None:
    best = min(_cpu_s(action) for _ in range(3))
    benchmark.extra_info["cpu_s"] = best
    benchmark.extra_info["neurosim_cpu_s_over_ours"] = round(NEUROSIM_CPU_S / best)


def _cpu_s(action: Callable[[], object]) -> float:
    before = time.process_time()
    action()
    return time.process_time() - before


@pytest.mark.benchmark(group="price-vgg8")
def test_one_image_from_codes_and_densities(benchmark: Any, vgg8: Workload) -> None:
    """Mapping included; nothing is kept from one call to the next."""
    chip = load_chip("neurosim-like-22nm-rram").config

    def priced() -> float:
        placed = map_network(vgg8.layers, chip.geometry)
        return per_image(placed, chip, density=vgg8.density, codes=vgg8.codes).energy.total

    assert benchmark(priced) > 0
    against_neurosim(benchmark, priced)


@pytest.mark.benchmark(group="price-vgg8")
def test_training_from_a_trace(benchmark: Any, vgg8: Workload) -> None:
    """A price after the first one of the trace: what each further chip or setting costs."""
    chip = load_chip("neurosim-like-32nm-training")
    trace = batch_trace(vgg8)
    price(trace, chip)
    assert benchmark(price, trace, chip).energy.total > 0
    against_neurosim(benchmark, lambda: price(trace, chip))
