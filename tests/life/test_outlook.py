"""The outlook by hand on one PE, the wear rules, the levers and their costs, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.chip import price
from imcsim.chip.layout import GridLayout
from imcsim.chip.placed import place
from imcsim.chip.wear.worn import worn_memory
from imcsim.core.errors import ConfigError
from imcsim.crossbar import Encoding
from imcsim.devices.programming import event_energies_j
from imcsim.life import LifeOptions, cell_rates, changed_by, outlook, parse_policies, wear_ledger
from imcsim.life.levers import rotate, rotated_cycles
from imcsim.testing.traces import linear_layer, make_trace
from tests.chip.hand import RRAM, codes, one_pe_trace, random_trace, small_chip

ALL = "all-rram-28nm"


def test_the_outlook_of_one_pe_by_hand() -> None:
    # events of the five cells written: 2 1 1 1 and none twice more; one task a day
    found = outlook(one_pe_trace(), small_chip(ALL))
    assert found.worst_cycles_per_task == 2
    hazard = 2**2.11 + 3
    assert found.first_failure is not None
    assert found.first_failure.median == pytest.approx(2.9e5 * (math.log(2) / hazard) ** (1 / 2.11), rel=1e-6)
    assert found.guaranteed_tasks == 800 / 2
    assert found.margin_tasks is None
    assert found.one_percent == found.first_failure  # 1 % of 64 cells is one cell
    assert [(layer.pes, layer.events_per_task, layer.dies_first) for layer in found.layers] == [(1, 5, 1.0)]
    assert found.layers[0].weak_pulses_per_task == pytest.approx(5 * 8.52)
    assert found.pe_tasks == pytest.approx([found.first_failure.median])
    low, high = found.published_range or (0.0, 0.0)
    assert low == pytest.approx(3.6e4 * (math.log(2) / (2**1.5 + 3)) ** (1 / 1.5), rel=1e-6)
    assert high == pytest.approx(1e6 * (math.log(2) / (2**3 + 3)) ** (1 / 3), rel=1e-6)


def test_wear_rules_by_hand() -> None:
    chip = small_chip(ALL)
    worst = {w: outlook(one_pe_trace(), chip, parse_policies([], w)).worst_cycles_per_task
             for w in ("events", "pulses", "window")}  # fmt: skip
    assert worst["pulses"] == pytest.approx(2 * 8.52 * 0.5)  # pairs: the larger of SET and RESET
    assert worst["window"] == pytest.approx(2 * (1 / 3) ** 2.5)  # every event moves one of three steps
    assert worst["events"] == 2


def test_margins_count_at_three_bits_alone() -> None:
    assert (
        "No measured limit of margins against cycles at 2 bits per cell: not counted."
        in outlook(random_trace(0), small_chip(ALL)).notes
    )
    # 0 -> 1 -> 2: the lowest 3-bit cell is written twice in one task
    path = [codes([0]), codes([1]), codes([2])]
    coding = Encoding(sign="differential", weight_bits=8, cell_bits=3)
    trace = make_trace([linear_layer("l", 1, 1)], {"l": path[0]}, {"l": [[path[1:]]]}, [coding])
    found = outlook(trace, small_chip(ALL, {"rram.cell_bits": 3}))
    assert found.margin_tasks == 5e3 / 2
    assert any("5,000 cycles of 3-bit cells" in note for note in found.notes)
    assert [at.pulses_factor for at in found.energy] == [1.0] * 4  # growth is measured at 2 bits alone


def test_energy_along_life_holds_the_price_and_what_wear_adds() -> None:
    trace, chip = random_trace(1), small_chip(ALL)
    report, found = price(trace, chip), outlook(trace, chip)
    fresh, last = found.energy[0], found.energy[-1]
    programmed = report.energy.part("update", "rram_program").total / 3
    assert fresh.programming_j == pytest.approx(programmed / 0.96, rel=1e-12)
    switching = report.task_switch.total * report.horizon["task_switches_per_task"]
    assert fresh.total_j == pytest.approx(report.energy.total / 3 + switching + programmed * (1 / 0.96 - 1), rel=1e-12)
    assert found.first_failure is not None
    assert last.tasks == found.first_failure.median
    assert last.total_j - last.programming_j == pytest.approx(fresh.total_j - fresh.programming_j, rel=1e-12)
    assert last.pulses_factor > 1.1


def test_cells_lie_on_their_pes() -> None:
    values = np.arange(8 * 1 * 10 * 5, dtype=np.float32).reshape(8, 1, 10, 5)
    geometry = small_chip(ALL).config.geometry
    pes = GridLayout((linear_layer("l", 10, 5),), geometry).to_arrays(values, 0)
    assert pes.shape == (9, 4, 16)
    # PE 4 is the middle row tile and column tile: rows 4..7, outputs 2 and 3
    np.testing.assert_array_equal(pes[4, 1, :2], values[0, 0, 5, 2:4])
    np.testing.assert_array_equal(pes[4, 1].reshape(8, 2), values[:, 0, 5, 2:4])
    assert pes.sum() == values.sum()
    assert not pes[8, 2:].any()  # rows 8 and 9 alone are left


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 4))
def test_rotation_moves_wear_and_makes_none(seed: int, tasks: int, period: int) -> None:
    rates = np.random.default_rng(seed).integers(0, 9, (2, 4, 3)).astype(float)
    cycles = rotated_cycles(rates, tasks, period)
    np.testing.assert_allclose(cycles.sum(axis=1), tasks * rates.sum(axis=1))
    assert cycles.max() <= tasks * rates.max()
    whole = rotated_cycles(rates, 4 * period, period)
    np.testing.assert_allclose(whole, np.broadcast_to(4 * period * rates.mean(axis=1, keepdims=True), rates.shape))


def test_the_cost_of_rotation_by_hand() -> None:
    chip = small_chip(ALL).config
    trace, macro = one_pe_trace(), worn_memory(chip)
    assert chip.rram is not None
    ledger, options = wear_ledger(place(trace, chip)), LifeOptions(rotate_every_tasks=2)
    rates = cell_rates(ledger, macro, options)
    found = rotate(trace, rates, ledger, macro, options)
    levels = RRAM.levels(trace.codes["fc"][-1])[:, 0]  # (K, 4 rows, 2 outputs) fill the array
    moves = int((levels != np.roll(levels, 1, axis=1)).sum())
    assert found.events_per_task == moves / 2
    each = event_energies_j(chip.rram.cell, 2, "flat").max()
    assert found.energy_per_task_j == pytest.approx(each * moves / 2, rel=1e-12)
    before, after = rates.layers["fc"].sum(), found.rates.layers["fc"].sum()
    assert after == pytest.approx(before + moves / 2, rel=1e-6)
    assert (found.rates.layers["fc"] == found.rates.layers["fc"][:, :1]).all()


def test_spares_and_their_cost() -> None:
    chip = small_chip(ALL, {"rram.pe_count": 16})
    plain = outlook(random_trace(0), chip)
    found = outlook(random_trace(0), chip, parse_policies(["spare-columns=1"]))
    part = chip.config.rram
    assert part is not None
    assert found.spares is not None
    assert found.spares.area_m2 == pytest.approx(16 * 4 * part.cell.area_m2)
    assert found.spares.remap_j == pytest.approx(4 * event_energies_j(part.cell, 2, "flat").max())
    assert found.first_failure == plain.first_failure
    assert found.spare_limited is not None
    assert plain.first_failure is not None
    assert found.spare_limited.median > 2 * plain.first_failure.median
    assert found.pe_dies_first.sum() == pytest.approx(1)
    by_rows = outlook(random_trace(0), chip, parse_policies(["spare-rows=1"]))
    assert by_rows.spares is not None
    assert by_rows.spares.area_m2 == pytest.approx(16 * 16 * part.cell.area_m2)


def test_coalescing_writes_wears_less() -> None:
    worst, chip = [], small_chip(ALL).config
    for policy in ("step", "epoch", "task"):
        options = parse_policies([f"coalesce={policy}"])
        worst.append(
            outlook(random_trace(0), small_chip(ALL, changed_by(options, chip)), options).worst_cycles_per_task
        )
    assert worst[0] >= worst[1] >= worst[2]
    assert worst[0] > worst[2]


def test_selective_verify_saves_pulses_not_events() -> None:
    chip, trace = small_chip(ALL), random_trace(0)
    options = parse_policies(["selective-verify=0.25"])
    plain, found = outlook(trace, chip), outlook(trace, chip, options)
    pulse, verify, n = 0.5 * 61e-12 + 0.5 * 45e-12, 2e-12, 8.52
    share = 0.25 + 0.75 * pulse / (n * pulse + (n + 1) * verify)
    assert found.energy[0].programming_j == pytest.approx(share * plain.energy[0].programming_j, rel=1e-9)
    assert found.worst_cycles_per_task == plain.worst_cycles_per_task
    pulses = outlook(trace, chip, options.model_copy(update={"wear": "pulses"}))
    assert pulses.worst_cycles_per_task == pytest.approx(plain.worst_cycles_per_task * 0.5 * (0.25 * n + 0.75))
    with pytest.raises(ConfigError, match="selective verify needs write_rule = 'flat'"):
        outlook(trace, small_chip(ALL, {"rram.write_rule": "harmonic"}), options)


def test_a_ledger_of_many_streams_and_of_another_mapping() -> None:
    trace, chip = random_trace(0), small_chip(ALL)
    many = wear_ledger(place(trace, chip.config))
    for _ in range(99):
        many.add(wear_ledger(place(trace, chip.config)))
    found, once = outlook(trace, chip, ledger=many), outlook(trace, chip)
    assert found.tasks == 300
    assert found.first_failure is not None
    assert once.first_failure is not None
    assert found.first_failure.median == pytest.approx(once.first_failure.median, rel=1e-6)
    with pytest.raises(ConfigError, match="the ledger is of another mapping: its layers are fc"):
        outlook(trace, chip, ledger=wear_ledger(place(one_pe_trace(), chip.config)))


def test_what_is_never_written_never_fails() -> None:
    trace = one_pe_trace()
    still = {name: np.zeros_like(changes) for name, changes in trace.changes.items()}
    tables = {name: np.zeros_like(table) for name, table in trace.transitions.items()}
    codes = {"fc": trace.codes["fc"][[0, 0]]}
    trace = replace(trace, changes=still, transitions=tables, codes=codes, cache={})
    found = outlook(trace, small_chip(ALL), parse_policies(["rotate", "spare-columns=1"]))
    for never in (found.first_failure, found.one_percent, found.spare_limited, found.guaranteed_tasks):
        assert never is None
    assert found.rotation is not None
    assert found.rotation.events_per_task == 0
    assert np.isinf(found.pe_tasks).all()


@pytest.mark.parametrize(
    ("policies", "sentence"),
    [
        (["rotat"], "unknown policy 'rotat'; did you mean 'rotate'"),
        (["coalesce"], "policy 'coalesce' needs a value, such as coalesce=task"),
        (["coalesce=week"], "the policies: 'coalesce': Input should be 'step', 'epoch' or 'task'"),
        (["rotate=0"], "'rotate_every_tasks': Input should be greater than or equal to 1"),
        (["rotate", "rotate=3"], "policy 'rotate' is given twice"),
        (["spare-rows=1", "spare-columns=1"], "spare rows and spare columns together are not modelled"),
        (["selective-verify=2"], "'verified_share': Input should be less than or equal to 1"),
    ],
)
def test_policies_that_are_refused(policies: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_policies(policies)
