"""One image on a map: im2col is priced as a trace is, and other rules differ where they should."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from imcsim.chip import ChipConfig, price
from imcsim.chip.per_image import per_image
from imcsim.chip.trace_masks import check_same_layers, task_masks
from imcsim.core.errors import TraceError
from imcsim.mapping import LayerSpec, NetworkMap, map_network
from imcsim.testing.traces import linear_layer
from tests.chip.hand import random_trace, small_chip
from tests.mapping.specs import conv

CHIPS = ("hybrid-28nm", "all-rram-28nm", "all-sram-28nm")


def on(layers: list[LayerSpec], chip: ChipConfig, rule: str = "im2col", budget: int | None = None) -> NetworkMap:
    return map_network(layers, chip.geometry, rule, pe_budget=budget)


TIGHT = {"sram.pe_count": 9, "oversize": "multiplex"}  # room for 9 of 13 PEs


BY_COLUMN = {"rram.adc": "adc-neurosim-22nm", "rram.adc_bits": 5}  # energy follows the column's conductance


@pytest.mark.parametrize(
    ("name", "more"), [*((name, {}) for name in CHIPS), ("all-rram-28nm", BY_COLUMN), ("all-sram-28nm", TIGHT)]
)
def test_im2col_costs_what_price_says(name: str, more: dict[str, Any]) -> None:
    """An image after the last task: its codes, its inputs."""
    trace, chip = random_trace(5), small_chip(name, more)
    report = price(trace, chip)
    found = per_image(
        map_network(trace.meta.layers, chip.config.geometry),
        chip.config,
        density=trace.input_density[-1],
        codes={layer: codes[-1] for layer, codes in trace.codes.items()},
    )
    expected = report.inference.flat()
    assert found.energy.flat() == pytest.approx({k: v for k, v in expected.items() if v or k in found.energy.flat()})
    assert found.energy.total == pytest.approx(report.inference.total)
    assert found.latency_s == pytest.approx(report.inference_latency.total)
    assert found.table_energy_j == 0
    assert (found.energy.part("reload").total > 0) == (more == TIGHT)


def test_counts_by_hand() -> None:
    chip = small_chip("hybrid-28nm").config  # 4 x 2 weights of 8 cells, 8 phases
    layers = [linear_layer("a", 10, 5, positions=4), linear_layer("b", 5, 3)]
    found = per_image(on(layers, chip), chip)
    assert found.conversions == (4 * 3 * 5 * 8 * 8, 2 * 3 * 8 * 8)  # positions x row tiles x outputs x cells x phases
    assert [route.delivered for route in found.routes] == [4 * 10 * 3, 5 * 2]
    assert [route.added for route in found.routes] == [4 * 5 * 2, 3]


def test_kernel_split_fetches_less_and_converts_as_much() -> None:
    chip = small_chip("hybrid-28nm").config
    layers = [conv("c", (4, 2), (3, 3), (64, 64))]  # 4 channels fill a PE's rows: nine PEs either way
    plain, split = (per_image(on(layers, chip, rule), chip) for rule in ("im2col", "kernel_split"))
    assert plain.conversions == split.conversions
    assert split.energy.part("buffer", "read").total == pytest.approx(plain.energy.part("buffer", "read").total / 9)
    rest = [{k: v for k, v in cost.energy.flat().items() if k != "buffer.read"} for cost in (plain, split)]
    assert rest[0] == pytest.approx(rest[1])


def test_copies_divide_the_interval_and_cost_no_energy() -> None:
    chip = small_chip("hybrid-28nm").config
    layers = [linear_layer("a", 4, 2, positions=12), linear_layer("b", 4, 2)]
    plain = per_image(on(layers, chip), chip)
    copied = per_image(on(layers, chip, "replicate", 4), chip)  # three copies of 'a'
    assert copied.interval_s == pytest.approx(plain.interval_s / 3)
    assert copied.latency_s < plain.latency_s
    assert copied.energy.flat() == pytest.approx(plain.energy.flat())


def test_layers_that_share_a_pe_take_turns() -> None:
    chip = small_chip("hybrid-28nm").config
    layers = [linear_layer("a", 2, 1, positions=3), linear_layer("b", 2, 1, positions=2)]
    plain, packed = (per_image(on(layers, chip, rule), chip) for rule in ("im2col", "dense_pack"))
    assert on(layers, chip, "dense_pack").pe_count == 1
    assert plain.latency_s == pytest.approx(plain.interval_s / 3 * 4)  # three vectors of 'a', one of 'b'
    assert packed.interval_s == pytest.approx(plain.interval_s / 3 * 5)
    assert packed.latency_s == packed.interval_s


def test_the_memory_of_each_pe_counts() -> None:
    chip = small_chip("hybrid-28nm").config
    network = on([linear_layer("a", 8, 2, positions=4)], chip)
    costs = [per_image(network, chip, in_sram=[np.array(held)]) for held in ([0, 0], [0, 1], [1, 1])]
    assert costs[0].energy.part("sram").total == costs[2].energy.part("rram").total == 0
    assert costs[1].energy.part("sram").total == pytest.approx(costs[2].energy.part("sram").total / 2)
    assert [cost.energy.total for cost in costs] == sorted((c.energy.total for c in costs), reverse=True)
    assert costs[0].latency_s == costs[1].latency_s > costs[2].latency_s
    one_memory = small_chip("all-sram-28nm").config
    network, nowhere = on([linear_layer("a", 8, 2)], one_memory), [np.zeros(2, dtype=bool)]
    ignored = per_image(network, one_memory, in_sram=nowhere).energy
    assert ignored.flat() == per_image(network, one_memory).energy.flat()


def test_fewer_ones_cost_less() -> None:
    chip = small_chip("all-rram-28nm").config
    network = on([linear_layer("a", 8, 2)], chip)
    joules = [per_image(network, chip, density=np.full((1, 8), d)).energy.total for d in (0.1, 0.5, 0.9)]
    assert all(less < more for less, more in pairwise(joules))
    assert per_image(network, chip).energy.total == joules[1]


def test_masks_of_a_trace() -> None:
    trace = random_trace(6, tasks=2)
    found = task_masks(trace)
    assert all(mask.all() for mask in found.trainable.values())
    assert np.array_equal(found.zeros["a"], trace.codes["a"][2] == 0)
    assert np.array_equal(task_masks(trace, 0).codes["b"], trace.codes["b"][1])
    placement = {"a": np.zeros((2, 1, 3, 3), bool), "b": np.ones((2, 1, 2, 2), bool)}
    placement["a"][1, 0, 2, 0] = True  # rows 8 and 9, outputs 0 and 1 train in the second task
    placed = task_masks(random_trace(6, tasks=2, placement=placement, pe_tile=(4, 2)))
    assert np.argwhere(placed.trainable["a"][0]).tolist() == [[8, 0], [8, 1], [9, 0], [9, 1]]
    with pytest.raises(TraceError, match="the trace has tasks 0 to 1, not 2"):
        task_masks(trace, 2)


def test_a_trace_of_another_network_is_refused() -> None:
    trace = random_trace(7, tasks=1)
    check_same_layers(trace, trace.meta.layers)
    with pytest.raises(TraceError, match=r"layer 1 of the trace is 'b' \(1, 5, 3\), of the network 'b' \(1, 5, 4\)"):
        check_same_layers(trace, [trace.meta.layers[0], linear_layer("b", 5, 4)])
    with pytest.raises(TraceError, match="the trace has 2 layers and the network 1"):
        check_same_layers(trace, trace.meta.layers[:1])
