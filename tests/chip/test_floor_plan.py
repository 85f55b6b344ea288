"""Hops by hand: a 2 x 2 mesh, a row of routers, an H-tree of four leaves, and what they make of a price."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.chip import price
from imcsim.chip.floor_plan import layer_hops, network_hops, routers
from imcsim.core.errors import ConfigError
from imcsim.events import StepOptions, run, training_graph, work_of
from tests.chip.hand import one_pe_trace, random_trace, small_chip


def planned(topology: str, pes_per_router: int, pes: int, name: str = "all-rram-28nm", **more: Any) -> Any:
    part = "sram" if name == "all-sram-28nm" else "rram"
    plan = {"topology": topology, "pes_per_router": pes_per_router}
    return small_chip(name, {"floor_plan": plan, f"{part}.pe_count": pes, **more})


def hops_of(chip: Any) -> list[int]:
    found = routers(chip.config, chip.config.floor_plan)
    return [int(hop) for hop in found.hops]


def test_a_mesh_of_two_by_two() -> None:
    # the buffer stands west of the upper row: one hop to it, one more for each router east or south
    chip = planned("mesh", 4, 16)
    found = routers(chip.config, chip.config.floor_plan)
    assert hops_of(chip) == [1, 2, 2, 3]
    assert list(zip(found.column.tolist(), found.row.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_mesh_of_three_by_three_has_the_buffer_beside_its_middle_row() -> None:
    assert hops_of(planned("mesh", 1, 9)) == [1, 2, 2, 2, 3, 3, 3, 4, 4]
    assert hops_of(planned("mesh", 16, 16)) == [1]
    # seven routers: a last row of one
    assert hops_of(planned("mesh", 1, 7)) == [1, 2, 2, 2, 3, 3, 4]


def test_an_h_tree_of_four_leaves_is_two_levels_deep() -> None:
    assert hops_of(planned("h-tree", 4, 16)) == [2, 2, 2, 2]
    assert hops_of(planned("h-tree", 1, 5)) == [3] * 5
    assert hops_of(planned("h-tree", 16, 16)) == [1]  # one leaf: still one hop from the buffer


def test_one_layer_on_the_mesh_travels_the_mean_of_its_pes() -> None:
    chip = planned("mesh", 1, 4).config
    assert layer_hops(chip, [np.arange(4)]).tolist() == [2.0]  # (1 + 2 + 2 + 3) / 4
    assert layer_hops(chip, [np.array([0]), np.array([1, 3])]).tolist() == [1.0, 2.5]
    assert network_hops(chip, [slice(0, 1), slice(1, 2)], copy=1).tolist() == [2.0, 3.0]


def test_the_pitch_is_the_side_of_what_a_router_serves() -> None:
    chip = planned("mesh", 4, 16).config
    pe_m2 = chip.home.pe_area_m2
    assert routers(chip, chip.floor_plan).pitch_m == pytest.approx(math.sqrt(4 * pe_m2))
    hybrid = planned("mesh", 4, 16, "hybrid-28nm", **{"sram.pe_count": 8}).config
    rram, sram = hybrid.macros
    both_m2 = rram.pe_area_m2 + 0.5 * sram.pe_area_m2
    assert routers(hybrid, hybrid.floor_plan).pitch_m == pytest.approx(math.sqrt(4 * both_m2))


def test_link_energy_is_bits_times_hops_by_layer() -> None:
    # 9 PEs of layer a fill routers at 1 2 2 2 3 3 3 4 4 hops of 16; 4 of layer b follow
    trace, chip = random_trace(1), planned("mesh", 1, 16)
    order = sorted(1 + x + abs(y - 1) for x in range(4) for y in range(4))
    a, b = sum(order[:9]) / 9, sum(order[9:13]) / 4
    bits_a, bits_b = 64 * (10 + 5) * 8, 16 * (5 + 3) * 8
    joules = price(trace, chip).energy.part("link", "forward").total
    assert joules == pytest.approx(3 * (bits_a * a + bits_b * b) * chip.config.link.energy_j, rel=1e-12)
    back = price(trace, chip).energy.part("link", "input_gradient").total
    assert back == pytest.approx(3 * bits_b * b * chip.config.link.energy_j, rel=1e-12)
    image = price(trace, chip).inference.part("link").total
    assert image == pytest.approx((4 * 15 * 8 * a + 8 * 8 * b) * chip.config.link.energy_j, rel=1e-12)


def test_errors_go_to_the_second_copy() -> None:
    trace, chip = random_trace(1), planned("mesh", 1, 32, input_gradient="second-copy")
    _, b = network_hops(chip.config, [slice(0, 9), slice(9, 13)], copy=1)
    bits = 3 * 16 * (5 + 3) * 8
    joules = price(trace, chip).energy.part("link", "input_gradient").total
    assert joules == pytest.approx(bits * b * chip.config.link.energy_j, rel=1e-12)


@pytest.mark.parametrize("name", ["all-rram-28nm", "all-sram-28nm", "hybrid-28nm"])
def test_hops_change_nothing_but_links(name: str) -> None:
    trace = random_trace(2)
    plain, mesh = price(trace, small_chip(name)), price(trace, planned("mesh", 2, 16, name))
    ours, theirs = plain.energy.flat(), mesh.energy.flat()
    moved = {leaf for leaf in ours if ours[leaf] != theirs[leaf]}
    assert moved == {"link.forward", "link.input_gradient"}
    assert plain.latency.flat() == mesh.latency.flat()


def test_a_plan_of_equal_hops_prices_as_the_constant() -> None:
    trace = random_trace(3)
    tree = price(trace, planned("h-tree", 1, 16, "hybrid-28nm"))
    constant = price(trace, small_chip("hybrid-28nm", {"link.hops": 4.0}))
    for leaf, joules in constant.energy.flat().items():
        assert tree.energy.flat()[leaf] == pytest.approx(joules, rel=1e-12)
    assert tree.inference.total == pytest.approx(constant.inference.total, rel=1e-12)


def test_events_take_the_same_hops() -> None:
    trace, chip = random_trace(4, tasks=1), planned("mesh", 1, 16)
    work = work_of(trace, chip.config, 0)
    schedule = run(training_graph(work, StepOptions(steps=work.steps, once=True)))
    assert schedule.energy_j == pytest.approx(work.closed_form_energy_j(), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(pes=st.integers(1, 300), per_router=st.integers(1, 20), topology=st.sampled_from(["mesh", "h-tree"]))
def test_near_routers_are_filled_first_and_none_is_out_of_reach(pes: int, per_router: int, topology: str) -> None:
    chip = planned(topology, per_router, pes)
    hops = hops_of(chip)
    assert len(hops) == -(-pes // per_router)
    assert hops == sorted(hops)
    assert hops[0] >= 1
    side = math.isqrt(len(hops) - 1) + 1
    assert hops[-1] <= 1 + (side - 1) + side // 2 + (0 if topology == "mesh" else side)


def test_a_network_that_takes_turns_is_read_in_the_last_pe() -> None:
    chip = planned("mesh", 1, 3, "all-sram-28nm", oversize="multiplex").config
    assert layer_hops(chip, [np.arange(3), np.arange(3, 20)]).tolist() == [(1 + 2 + 2) / 3, 2.0]


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ({"topology": "ring", "pes_per_router": 4}, "floor_plan.topology"),
        ({"topology": "mesh", "pes_per_router": 0}, "floor_plan.pes_per_router"),
        ({"topology": "mesh"}, "floor_plan.pes_per_router"),
    ],
)
def test_a_wrong_plan_is_refused(plan: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        small_chip("all-rram-28nm", {"floor_plan": plan})


def test_a_network_of_one_pe_has_a_price_on_any_plan() -> None:
    for topology in ("mesh", "h-tree"):
        report = price(one_pe_trace(counts={"forward_vectors": 5}), planned(topology, 16, 16))
        bits = 5 * (4 + 2) * 8
        assert report.energy.part("link").total == pytest.approx(bits * 0.08e-12, rel=1e-12)
