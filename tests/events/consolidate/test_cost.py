"""What two copies cost, recounted by brute force; one copy costs what the chip's price says."""

from dataclasses import replace

import numpy as np
import pytest

from imcsim.chip.price import price
from imcsim.events import run, work_of
from imcsim.events.consolidate import CommitScheme, consolidation, crash, memory_before, scheme_cost
from imcsim.testing.traces import make_trace
from imcsim.trace.trace import Trace
from tests.chip.hand import ENCODINGS, RRAM, one_pe_trace, random_trace, small_chip
from tests.events.consolidate.test_power_cut import ONE, TWO, placed_trace, work


def alternating(trace: Trace, back: int) -> list[int]:
    """Cells that differ between the codes after each task and those ``back`` commits before; deployment before that."""
    events = []
    for task in range(trace.meta.tasks):
        before = max(task + 1 - back, 0)
        events.append(
            sum(int((RRAM.levels(c[task + 1]) != RRAM.levels(c[before])).sum()) for c in trace.codes.values())
        )
    return events


def test_one_copy_is_what_the_price_charges() -> None:
    trace, chip = random_trace(0), small_chip("hybrid-28nm")
    report, found = price(trace, chip), scheme_cost(work(trace, -1), ONE)
    assert found.events * found.commits == sum(report.writes["rram"].per_task) == sum(alternating(trace, 1))
    assert found.worst == report.writes["rram"].worst
    assert found.life == report.lifetime["rram"]
    charged = report.energy.part("migration", "rram_program").total
    assert found.programming_j * found.commits == pytest.approx(charged, rel=1e-9)
    assert found.cells == report.writes["rram"].cells
    assert (found.deployment_j, found.area_m2, found.power_up, found.records) == (0.0, (0.0, 0.0), (0.0, 0.0), None)


def test_switches_wear_the_copy_in_force() -> None:
    trace = random_trace(0)
    trace = replace(trace, meta=trace.meta.model_copy(update={"switched_layers": ("a",)}), cache={})
    chip = small_chip("hybrid-28nm", {"horizon.task_switches_per_task": 1e9})
    one, two = (scheme_cost(work_of(trace, chip.config, -1), scheme) for scheme in (ONE, TWO))
    assert one.life == price(trace, chip).lifetime["rram"]
    # so many switches that commits do not count: each copy takes half of them
    assert two.life.worst_writes_per_task == pytest.approx(one.life.worst_writes_per_task / 2, rel=1e-6)
    still = replace(trace, meta=trace.meta.model_copy(update={"switched_layers": ()}), cache={})
    assert scheme_cost(work_of(still, chip.config, -1), ONE).life.worst_writes_per_task < 10


def test_the_graph_writes_what_the_price_charges() -> None:
    for task in range(3):
        one = work(random_trace(1), task)
        found = consolidation(one, ONE)
        assert found.rows.energy_j.sum() == pytest.approx(one.joules("migration.rram_program"), rel=1e-9)
        assert found.rows.cells.sum() == one.spent.writes.committed[0].events[task].sum()
        drawn = consolidation(one, ONE, np.random.default_rng(0))
        assert drawn.graph.energy_j == pytest.approx(found.graph.energy_j, rel=1e-12)
        assert run(drawn.graph).makespan_s != run(found.graph).makespan_s


def test_two_copies_differ_from_the_commit_before_last() -> None:
    trace = random_trace(2, tasks=6)
    one, two = scheme_cost(work(trace, -1), ONE), scheme_cost(work(trace, -1), TWO)
    assert two.events * two.commits == sum(alternating(trace, 2))
    assert two.events > one.events  # the codes walk away from those of two commits ago
    assert two.worst <= 3 < one.worst  # each copy is written at every second of six commits
    assert two.cells == 2 * one.cells
    chip = small_chip("hybrid-28nm")
    assert two.deployment_j == pytest.approx(price(trace, chip).deployment.total)


def test_codes_that_swing_cost_two_copies_nothing() -> None:
    """A to B and back: each copy already holds what is committed to it, from the second commit on."""
    trace = random_trace(3, tasks=1)
    first, second = ({k: v[at] for k, v in trace.codes.items()} for at in (0, 1))
    history = {k: [[[second[k]]], [[first[k]]], [[second[k]]], [[first[k]]]] for k in first}
    swings = make_trace(trace.meta.layers, first, history, ENCODINGS)
    found = scheme_cost(work(swings, -1), TWO)
    assert found.events * found.commits == sum(alternating(swings, 1)) / 4


def test_only_pes_that_train_get_a_second_copy() -> None:
    trace = placed_trace(8, tasks=1)
    found = scheme_cost(work(trace, -1), TWO)
    ever = sum(int(mask.any(axis=0).sum()) for mask in trace.placement.values())
    assert found.pes == ever < sum(mask[0].size for mask in trace.placement.values())
    cells, pes = found.area_m2
    chip = small_chip("hybrid-28nm").config
    assert chip.rram is not None
    least = ever * 64 * chip.rram.cell.area_m2
    assert least < cells < pes


@pytest.mark.parametrize("slots", [2, 8])
def test_a_mark_wears_once_in_as_many_commits_as_there_are_slots(slots: int) -> None:
    trace = random_trace(4, tasks=8)
    found = scheme_cost(work(trace, -1), CommitScheme(record_slots=slots))
    assert found.records is not None
    assert found.records.worst_per_commit == 1 / slots
    chip = small_chip("hybrid-28nm").config
    assert chip.rram is not None
    assert found.records.life.tasks_guaranteed == chip.rram.cell.endurance(2).guaranteed_cycles * slots
    pes = 3 * 3 + 2 * 2
    assert found.records.cells == slots * (pes + 1)
    # all PEs flip at each commit: with an even ring every map stays as it was written first, half of them turned once
    assert found.records.events_per_commit == (8 + pes * slots // 2) / 8


def test_the_energy_is_that_of_its_phases_and_reading_more_slots_costs_more() -> None:
    found = crash(work(random_trace(0), -1), TWO, cuts=3)
    phases = found.energy_by_phase_j
    assert set(phases) == {"read codes", "row write", "read back", "record", "mark"}
    assert sum(phases.values()) == pytest.approx(found.schedule.energy_j)
    assert min(phases.values()) > 0
    few, many = (scheme_cost(work(random_trace(0), -1), CommitScheme(record_slots=slots)).power_up for slots in (2, 8))
    assert many == pytest.approx([4 * part for part in few])


def test_an_all_rram_chip_that_writes_once_a_task_commits_from_its_master_copy() -> None:
    chip = small_chip("all-rram-28nm", {"rram.write_policy": "task", "commit": "task"})
    one = work_of(random_trace(0), chip.config, 1)
    found = consolidation(one, ONE)
    assert found.rows.energy_j.sum() == pytest.approx(one.joules("update.rram_program"), rel=1e-9)
    reads = [task for task in found.graph.tasks if task.phase == "read codes"]
    assert {task.resource for task in reads} == {chip.config.master_copy.location}
    assert crash(one, TWO, cuts=5).outcomes.neither == 0
    assert crash(one, ONE, cuts=5).outcomes.neither > 0


def test_shares_of_cuts_and_chances_per_year() -> None:
    one = work(one_pe_trace(), 0)
    found = crash(one, ONE, cuts=400, cuts_per_year=1e6, at_share=1.0)
    start = found.schedule.start_s[found.found.row_tasks]
    first_done = found.schedule.end_s[found.found.row_tasks][0]
    assert found.outcomes.old == pytest.approx(first_done / found.schedule.makespan_s, abs=1 / 400)
    assert found.outcomes.old + found.outcomes.neither == 1
    assert start[1] == first_done  # from the end of the first row on, codes are of neither commit
    assert found.shown is not None
    assert found.shown.whole == "new"
    assert found.yearly is not None
    hits = 1e6 * found.schedule.makespan_s * one.chip.horizon.tasks_per_day / 86400
    assert found.yearly.in_consolidation == pytest.approx(-np.expm1(-hits))
    assert found.yearly.committed_lost == pytest.approx(-np.expm1(-hits * found.outcomes.neither))
    assert found.yearly.tasks_again > hits  # training is lost as well, not the commit alone
    two = crash(one, TWO, cuts=50, cuts_per_year=1e6)
    assert two.yearly is not None
    assert two.yearly.committed_lost == 0
    none = crash(one, ONE, cuts=1, cuts_per_year=0).yearly
    assert none is not None
    assert (none.in_consolidation, none.committed_lost, none.tasks_again) == (0, 0, 0)


def test_residents_do_not_keep_a_whole_commit_from_being_whole() -> None:
    """Layer a lives in SRAM alone: RRAM never holds what it learns, and no commit is to write it."""
    trace = random_trace(0)
    trace = replace(trace, meta=trace.meta.model_copy(update={"resident_layers": ("a",)}), cache={})
    for scheme in (ONE, TWO):
        found = crash(work(trace, 1), scheme, cuts=3, at_share=1.0)
        assert found.shown is not None
        assert (found.shown.whole, found.shown.wrong_weights, found.shown.train_again) == ("new", 0, False)
        assert (found.shown.pe_state[:9] == "same").all()  # of layer a
        begun = crash(work(trace, 1), scheme, cuts=3, at_share=0.0).shown
        assert begun is not None
        assert (begun.whole, begun.wrong_weights) == ("old", 0)


def test_a_task_that_commits_nothing_writes_no_record() -> None:
    nothing = {name: mask.copy() for name, mask in placed_trace(1).placement.items()}
    for mask in nothing.values():
        mask[1] = False
    still = work(random_trace(1, 4, placement=nothing, pe_tile=(4, 2)), 2)
    before, first = memory_before(still, TWO).records, memory_before(replace(still, phase=1), TWO).records
    assert before is not None
    assert first is not None
    assert np.array_equal(before.maps, first.maps)
    assert np.array_equal(before.marks, first.marks)
