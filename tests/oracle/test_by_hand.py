"""The oracle itself, by hand: counts of small cases, limits and known integrals."""

import math
from typing import Any

import numpy as np
import pytest

from tests.chip.hand import one_pe_trace, random_trace, small_chip
from tests.oracle import serve
from tests.oracle.cells import levels_of
from tests.oracle.latency import ahead_s, pipeline
from tests.oracle.periphery import conversion_j, conversion_s, full_adders, levels, line_j
from tests.oracle.place import Commit, Place, commits_of
from tests.oracle.reads import Way, conductance_s, line_of, passes
from tests.oracle.report import expected
from tests.oracle.scene import Scene, scene_of
from tests.oracle.tables import between, integrated_maximum, power_law, slowest_of
from tests.oracle.traffic import router_hops
from tests.oracle.writes import event_j

HYBRID, RRAM, SRAM = "hybrid-28nm", "all-rram-28nm", "all-sram-28nm"


def one_pe(chip: str = RRAM, trace: Any = None, **choice: Any) -> Scene:
    """One 4 x 2 layer in one PE of 4 x 16 cells: differential, 2 bits a cell, 8 cells a weight."""
    return scene_of(trace or one_pe_trace(), small_chip(chip, choice).config.model_dump())


def test_levels_are_the_digits_of_a_code() -> None:
    codes = np.array([[27, -27, 0]])  # 27 = 3 + 2 x 4 + 1 x 16
    pair = levels_of(codes, "differential", 8, 2, 4)[0]
    assert pair.T.tolist() == [[3, 2, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 3, 2, 1, 0], [0] * 8]
    offset = levels_of(codes, "offset", 8, 2, 4)[0]
    assert (offset * [[1], [4], [16], [64]]).sum(axis=0).tolist() == [27 + 128, 128 - 27, 128]


def test_a_line_switches_when_a_digit_is_not_nothing() -> None:
    ones = np.array([0.5, 0.25, 1.0, 0.0])
    single, double = line_of(ones, 1), line_of(ones, 2)
    assert (single.switches, single.digits, single.cycles) == (1.75, 1.75, 4)
    # digits 0..3 with chances 3/8, 3/8, 1/8, 1/8, and a digit of 1 for sure
    assert double.switches == pytest.approx(5 / 8 + 1)
    assert double.digits == pytest.approx((3 / 8 * 1 + 1 / 8 * 2 + 1 / 8 * 3) / 3 + 1 / 3)
    assert line_of(np.ones(5), 2).digits == pytest.approx(3)  # the last cycle's largest digit is 1


def test_conversions() -> None:
    # 8 pairs of columns, 8 cycles, 5 vectors
    scene = one_pe()
    way = Way(np.array([[5.0]]), np.full((1, 1, 8), 0.5))
    part, chip = scene.chip.rram, scene.chip
    found = passes(scene, way, scene.place.in_sram)
    assert found["rram.adc"] == [pytest.approx(5 * 8 * 8 * conversion_j(part.adc, part.adc_bits, chip.supply_v, 1.0))]
    siemens = 64e-6 + 20 * 13e-6  # of all cells; each conducts while its pair settles and is converted
    seconds = part.cell.read_time_s + conversion_s(part.adc, part.adc_bits, 4)
    volts = part.cell.read_voltage_v * chip.supply_v
    assert found["rram.cells"] == [pytest.approx(5 * siemens * 8 * 0.5 * volts * seconds)]
    assert found["rram.driver"] == [pytest.approx(5 * 4 * 8 * 0.5 * line_j(chip, 16))]
    assert found["rram.accumulate"] == [0.0]
    back = passes(scene, Way(way.vectors, way.density, transposed=True), scene.place.in_sram)
    # transposed: 4 rows, each in 4 slices, are sensed; 16 columns are driven past 4 cells
    each_j = conversion_j(part.adc, part.transposed_adc_bits, chip.supply_v, 1.0)
    assert back["rram.adc"] == [pytest.approx(5 * 16 * 8 * each_j)]
    assert back["rram.driver"] == [pytest.approx(5 * 16 * 8 * 0.5 * line_j(chip, 4))]


def test_a_pe_conducts_by_its_levels() -> None:
    # 64 cells of 1 uS at least; the digits of 0, 5, 7, -7, 100, 3, 2, -1 sum to 2 + 4 + 4 + 4 + 3 + 2 + 1 = 20
    scene = one_pe()
    assert scene.rram is not None
    assert conductance_s(scene.rram, scene.rram.pes[0], 0) == pytest.approx(64 * 1e-6 + 20 * 13e-6)


def test_programming_events() -> None:
    # steps: 0 -> 1 (one up), 1 -> 4 (digit 0 down, digit 1 up), -1 -> 1 (one down, one up): 3 up and 2 down
    for rule in ("flat", "harmonic", "arithmetic"):
        scene = one_pe(**{"rram.write_rule": rule})
        found = expected(one_pe_trace(), small_chip(RRAM, {"rram.write_rule": rule}).config.model_dump())
        part = scene.chip.rram
        assert found["energy.update.rram_program"] == pytest.approx(3 * event_j(part, 0, 1) + 2 * event_j(part, 1, 0))
        assert found["writes.rram.total"] == 5


def test_events_of_the_rules() -> None:
    chip = small_chip(RRAM).config.model_dump()
    cell = chip["rram"]["cell"]
    cell |= {
        "conductance_min_s": 1e-6, "conductance_max_s": 4e-6, "set_voltage_v": 2.0, "reset_voltage_v": 3.0,
        "pulse_time_s": 1e-9, "wire_capacitance_f": 1e-15, "set_energy_j": 2.0, "reset_energy_j": 4.0,
        "verify_energy_j": 1.0, "set_pulse_share": 0.75, "pulses_mean": (3.0, 8.0),
    }  # fmt: skip
    part = scene_of(one_pe_trace(), chip).chip.rram  # levels of 1, 2, 3 and 4 uS
    part.write_rule = "flat"
    assert event_j(part, 0, 3) == event_j(part, 1, 0) == 8 * 2.5 + 9 * 1.0
    assert event_j(part, 2, 2) == 0.0
    part.write_rule = "harmonic"  # two levels of four: 2 x 4/3 of the smallest step, so 3 pulses
    assert event_j(part, 1, 3) == pytest.approx(2 * 4.0 * (8 / 3 * 1e-6) * 1e-9 * 3)
    part.write_rule = "arithmetic"
    assert event_j(part, 3, 0) == pytest.approx(9.0 * (2.5e-6 * 1e-9 + 1e-15) * 4)


def test_a_pipeline_is_the_slowest_layer_and_one_vector_of_each_other() -> None:
    assert pipeline(np.array([64, 16, 0]), [2.0, 3.0, 9.0], 6.0) == 128 + 6 * 3
    scene = scene_of(random_trace(1), small_chip(RRAM).config.model_dump())
    (one, two), found = (
        ahead_s(scene, scene.place.in_sram[0]),
        expected(random_trace(1), small_chip(RRAM).config.model_dump()),
    )
    assert one == two
    assert found["latency.forward"] == pytest.approx((3 * 64 + 3 * 6) * one)


def test_adder_trees() -> None:
    assert [levels(n) for n in (1, 2, 3, 4, 5, 128)] == [0, 1, 2, 2, 3, 7]
    assert full_adders(1, 1) == 0
    assert full_adders(2, 1) == 1  # one bit and one bit: a sum of two bits from one adder
    assert full_adders(4, 1) == 4  # two of one bit, one of two bits


def test_tables_are_power_laws() -> None:
    assert power_law(4.0, (1.0, 16.0), (1.0, 4.0)) == pytest.approx(2.0)
    assert between(1.0, (0.0, 2.0), (1.0, 100.0)) == pytest.approx(10.0)
    with pytest.raises(ValueError, match=r"3\.0 lies outside 0\.0\.\.2\.0"):
        between(3.0, (0.0, 2.0), (1.0, 2.0))


@pytest.mark.parametrize(("mean", "p99"), [(8.5, 44.0), (21.0, 199.0), (3.0, 3.0)])
def test_the_slowest_of_some(mean: float, p99: float) -> None:
    z99 = 2.3263478740408408
    sigma = z99 - math.sqrt(z99**2 - 2 * math.log(p99 / mean))
    of_two = mean * (1 + math.erf(sigma / 2))  # E max of two lognormals = 2 m Phi(sigma / sqrt 2)
    assert integrated_maximum(mean, p99, 1.0) == pytest.approx(mean, rel=1e-12)
    assert integrated_maximum(mean, p99, 2.0) == pytest.approx(of_two, rel=1e-12)
    for draws in (1.0, 2.5, 16.3, 511.7):
        assert slowest_of(mean, p99, draws) == pytest.approx(integrated_maximum(mean, p99, draws), rel=1e-6)


def test_commits() -> None:
    # PE 0 trains in tasks 0 and 1, PE 1 in task 1 alone, PE 2 (a resident) in all
    trains = np.array([[1, 0, 1], [1, 1, 1], [0, 0, 1]], dtype=bool)
    place = Place(trains, trains, np.array([False, False, True]))
    assert sorted(map(_told, commits_of(place, "task"))) == [(0, 0, 0, 1), (1, 0, 1, 2), (1, 1, 1, 2)]
    assert sorted(map(_told, commits_of(place, "lazy"))) == [(2, 0, 0, 2), (2, 1, 1, 2)]


def _told(commit: Commit) -> tuple[int, int, int, int]:
    return commit.phase, commit.pe, commit.first, commit.last


def test_routers_lie_near_first() -> None:
    plan: dict[str, Any] = {"floor_plan": {"topology": "mesh", "pes_per_router": 2}, "rram.pe_count": 17}
    # nine routers on 3 x 3, the buffer west of the middle row
    assert router_hops(one_pe(**plan)) == [1, 2, 2, 2, 3, 3, 3, 4, 4]
    plan["floor_plan"] = {"topology": "h-tree", "pes_per_router": 2}
    assert router_hops(one_pe(**plan)) == [4] * 9
    assert router_hops(one_pe(**{**plan, "rram.pe_count": 2})) == [1]


def test_a_switch_is_there_and_back() -> None:
    from tests.oracle.traces import scrambled_trace

    trace = scrambled_trace(5, own="switched")
    scene = scene_of(trace, small_chip(RRAM, {"rram.write_rule": "harmonic"}).config.model_dump())
    found, part = serve.switch(scene), scene.chip.rram
    codes = trace.codes["b"].astype(int)
    joules = cells = 0.0
    for a, b in ((1, 2), (2, 3)):
        for old, new in zip(codes[a].ravel(), codes[b].ravel(), strict=True):
            for sign in (1, -1):
                for place in range(4):
                    one, two = (max(sign * int(code), 0) // 4**place % 4 for code in (old, new))
                    joules += (event_j(part, one, two) + event_j(part, two, one)) / 2 / 2
                    cells += (one != two) / 2
    assert found.rram_cells == cells > 0
    assert found.joules["rram_program"] == pytest.approx(joules, rel=1e-12)
