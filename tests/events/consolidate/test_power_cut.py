"""Power cuts in a commit: two copies lose no committed task at any instant, one copy does; recovery may be cut, too."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.events import Schedule, Work, run, work_of
from imcsim.events.consolidate import (
    DEPLOYMENT,
    UNSETTLED,
    CommitScheme,
    Consolidation,
    Memory,
    Recovered,
    consolidation,
    cut_again,
    memory_before,
    power_cut,
    recover,
    recovered_trace,
    recovery_graph,
)
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace.trace import Trace
from tests.chip.hand import ENCODINGS, codes, masked, one_pe_trace, random_trace, small_chip

TWO, ONE = CommitScheme(name="two-copy"), CommitScheme(name="in-place")


@cache
def placed_trace(seed: int, tasks: int = 4) -> Trace:
    """Half of the PEs train in each task, other ones each time; weights outside them stay."""
    rng = np.random.default_rng(seed)
    placement = {"a": rng.random((tasks, 1, 3, 3)) < 0.5, "b": rng.random((tasks, 1, 2, 2)) < 0.5}
    placement["b"][:, 0, 0, 0] = True  # each task commits something
    return random_trace(seed, tasks, placement=placement, pe_tile=(4, 2))


def work(trace: Trace, task: int, **changes: object) -> Work:
    return work_of(trace, small_chip("hybrid-28nm", changes).config, task)


def instants(schedule: Schedule) -> list[float]:
    """Every boundary between tasks, and the middle of every stretch between two."""
    times = sorted({0.0, *schedule.start_s, *schedule.end_s})
    middles = [(a + b) / 2 for a, b in pairwise(times)]
    return sorted([*times, *middles, *((schedule.start_s + schedule.end_s) / 2)])


def is_commit(found: Consolidation, recovered: Recovered, commit: int) -> bool:
    trace = found.work.trace
    return all(np.array_equal(recovered.codes[k], trace.codes[k][commit]) for k in recovered.codes)


@pytest.mark.parametrize("task", [0, 1, 3])
def test_two_copies_lose_no_committed_task_at_any_instant(task: int) -> None:
    found = consolidation(work(placed_trace(1), task), TWO)
    schedule = run(found.graph)
    assert found.mark_task is not None
    begins, ends = schedule.start_s[found.mark_task], schedule.end_s[found.mark_task]
    assert ends == schedule.makespan_s
    for at_s in instants(schedule):
        left = power_cut(found, schedule, at_s)
        for reads in (0, 1):
            seen = recover(found, left, reads)
            if at_s <= begins:
                assert (seen.whole, is_commit(found, seen, task)) == ("old", True)
            elif at_s >= ends:
                assert (seen.whole, is_commit(found, seen, task + 1)) == ("new", True)
            assert seen.whole != "neither"
            assert is_commit(found, seen, task + (seen.whole == "new"))
            assert seen.train_again == (seen.whole == "old")
            assert (seen.tasks_lost, seen.wrong_weights, seen.pes("torn")) == ((), 0, 0)


@pytest.mark.parametrize("task", [0, 1, 3])
def test_one_copy_is_of_no_commit_from_the_first_written_cell_to_the_last(task: int) -> None:
    found = consolidation(work(placed_trace(1), task), ONE)
    schedule = run(found.graph)
    ends = schedule.end_s[found.row_tasks]
    for at_s in instants(schedule):
        seen = recover(found, power_cut(found, schedule, at_s))
        if at_s >= ends.max():
            assert is_commit(found, seen, task + 1)
        elif at_s >= ends.min():
            assert seen.whole == "neither"
            assert not is_commit(found, seen, task)
            assert not is_commit(found, seen, task + 1)
            assert seen.wrong_weights > 0
            assert seen.tasks_lost == (tuple(range(task)) if task else (DEPLOYMENT,))
        if at_s < ends.max():
            assert seen.train_again


@given(
    seed=st.integers(0, 5), task=st.integers(0, 3), share=st.floats(0, 1), slots=st.integers(2, 5), draw=st.booleans()
)
def test_two_copies_at_any_other_instant(seed: int, task: int, share: float, slots: int, draw: bool) -> None:
    rng = np.random.default_rng(seed) if draw else None
    found = consolidation(work(placed_trace(seed), task), CommitScheme(record_slots=slots), rng)
    schedule = run(found.graph)
    left = power_cut(found, schedule, share * schedule.makespan_s, rng)
    for reads in (0, 1):
        seen = recover(found, left, reads)
        assert is_commit(found, seen, task + (seen.whole == "new"))


@given(seed=st.integers(0, 1000), share=st.floats(0, 1, exclude_max=True))
def test_what_torn_cells_hold_does_not_matter_to_two_copies(seed: int, share: float) -> None:
    found = consolidation(work(placed_trace(2), 2), TWO)
    schedule, rng = run(found.graph), np.random.default_rng(seed)
    left = power_cut(found, schedule, share * float(schedule.start_s[found.mark_task]))
    spare, copies = {spec.name: mask == 0 for spec, mask in left.spread(left.valid())}, []
    for copy, levels in enumerate(left.copies):
        noise = {k: rng.integers(0, 4, v.shape, dtype=np.uint8) for k, v in levels.items()}
        copies.append({k: np.where(spare[k] if copy else ~spare[k], noise[k], v) for k, v in levels.items()})
    assert is_commit(found, recover(found, replace(left, copies=tuple(copies))), 2)


def test_a_torn_row_by_hand() -> None:
    """Weight (0, 0) goes 0 -> 4 in row 0, one cell; (3, 1) goes -1 -> 1 in row 3: its plus cell, then its minus one."""
    found = consolidation(work(one_pe_trace(), 0), ONE)
    schedule = run(found.graph)
    assert found.rows.row.tolist() == [0, 3]
    assert found.rows.cells.tolist() == [1, 2]
    start, end = schedule.start_s[found.row_tasks[1]], schedule.end_s[found.row_tasks[1]]
    seen = recover(found, power_cut(found, schedule, 0.4 * start + 0.6 * end))
    assert seen.codes["fc"][0].tolist() == [[4, 5], [7, -7], [100, 3], [2, 0]]  # plus and minus cell both at level 1
    assert (seen.wrong_weights, seen.torn_weights, seen.pes("torn")) == (2, 1, 1)
    assert (seen.tasks_lost, seen.train_again) == ((DEPLOYMENT,), True)
    assert (seen.time_s, seen.energy_j) == (0, 0)  # nothing to read: the chip does not know
    assert recover(found, power_cut(found, schedule, 0.0)).whole == "old"


def test_a_torn_row_draws_which_cells_are_written() -> None:
    found = consolidation(work(one_pe_trace(), 0), ONE)
    schedule = run(found.graph)
    start, end = schedule.start_s[found.row_tasks[1]], schedule.end_s[found.row_tasks[1]]
    drawn = set()
    for seed in range(20):
        left = power_cut(found, schedule, 0.4 * start + 0.6 * end, np.random.default_rng(seed))
        drawn.add(tuple(left.copies[0]["fc"][[0, 4], 0, 3, 1].tolist()))  # the lowest slices of plus and of minus
    assert drawn == {(1, 1), (0, 0)}  # from (0, 1) to (1, 0): one of the two cells


def test_a_cut_in_recovery_loses_nothing() -> None:
    found = consolidation(work(placed_trace(3), 2), TWO)
    schedule = run(found.graph)
    start, end = schedule.start_s[found.mark_task], schedule.end_s[found.mark_task]
    for at_s in (schedule.makespan_s / 3, float(start + end) / 2):
        left = power_cut(found, schedule, at_s)
        recovery = run(recovery_graph(found.work, left))
        for again_s in instants(recovery):
            for reads in (0, 1):
                twice = cut_again(found.work, left, again_s, reads)
                later = recover(found, twice, 1 - reads)
                assert is_commit(found, later, 2 + (later.whole == "new"))
                if again_s == recovery.makespan_s:  # settled: it reads the same for good
                    assert later.whole == recover(found, left, reads).whole


def test_a_half_written_mark_is_settled_as_it_was_read() -> None:
    found = consolidation(work(placed_trace(3), 1), TWO)
    schedule = run(found.graph)
    left = power_cut(found, schedule, float(schedule.end_s[found.mark_task]) * (1 - 1e-9))
    assert left.records is not None
    assert (left.records.marks == UNSETTLED).sum() == 1
    seen = {reads: recover(found, left, reads) for reads in (0, 1)}
    assert {one.whole for one in seen.values()} == {"old", "new"}
    for one in seen.values():
        assert one.memory.records is not None
        assert UNSETTLED not in one.memory.records.marks
        assert one.time_s > recover(found, found.before).time_s  # a pulse more than reading


@pytest.mark.parametrize("scheme", [TWO, ONE])
def test_training_again_and_committing_again_gives_the_new_codes(scheme: CommitScheme) -> None:
    trace = placed_trace(4)
    found = consolidation(work(trace, 1), scheme)
    schedule = run(found.graph)
    left = recover(found, power_cut(found, schedule, 0.6 * schedule.makespan_s)).memory
    again = consolidation(found.work, scheme, before=left)
    after = run(again.graph)
    done = recover(again, power_cut(again, after, after.makespan_s))
    assert (done.whole, done.train_again) == ("new", False)
    assert again.rows.count < consolidation(found.work, scheme).rows.count  # rows that were done need no second write
    following = consolidation(work(trace, 2), scheme, before=done.memory)
    last = run(following.graph)
    assert is_commit(following, recover(following, power_cut(following, last, last.makespan_s)), 3)


@pytest.mark.parametrize("slots", [2, 3, 4, 7])
def test_the_ring_of_records_names_the_newest_after_every_commit(slots: int) -> None:
    trace, scheme = placed_trace(5, tasks=9), CommitScheme(record_slots=slots)
    turned = np.zeros(slots, dtype=int)
    before: Memory | None = None
    for task in range(9):
        found = consolidation(work(trace, task), scheme)
        assert all(np.array_equal(found.before.codes()[k], trace.codes[k][task]) for k in trace.codes)
        if before is not None and before.records is not None and found.before.records is not None:
            turned += before.records.marks != found.before.records.marks
        before = found.before
    assert turned.sum() == 8  # one a commit
    assert turned.max() - turned.min() <= 1  # spread evenly


def test_memory_before_is_what_a_whole_commit_leaves() -> None:
    trace = placed_trace(6)
    for scheme in (ONE, TWO):
        found = consolidation(work(trace, 1), scheme)
        schedule = run(found.graph)
        left, wanted = power_cut(found, schedule, schedule.makespan_s), memory_before(work(trace, 2), scheme)
        for have, want in zip(left.copies, wanted.copies, strict=True):
            assert all(np.array_equal(have[k], want[k]) for k in want)
        if left.records is not None and wanted.records is not None:
            assert np.array_equal(left.records.maps, wanted.records.maps)
            assert np.array_equal(left.records.marks, wanted.records.marks)


def test_only_tasks_that_use_a_wrong_weight_are_lost() -> None:
    start = codes([0, 5], [7, -7], [100, 3], [2, 0])
    second = codes([0, 5], [7, -7], [100, 3], [2, 9])  # task 1 changes weight (3, 1) alone
    trace = make_trace([linear_layer("fc", 4, 2)], {"fc": start}, {"fc": [[[start]], [[second]]]}, ENCODINGS)
    active = np.ones((2, 1, 4, 2), dtype=bool)
    for uses in (False, True):
        active[0, 0, 3, 1] = uses
        found = consolidation(work(masked(trace, {"fc": active.copy()}), 1), ONE)
        schedule = run(found.graph)
        seen = recover(found, power_cut(found, schedule, 0.9 * schedule.makespan_s))
        assert (seen.whole, seen.tasks_lost) == ("neither", (0,) if uses else ())


def test_recovered_codes_take_the_place_of_the_last_commit() -> None:
    found = consolidation(work(placed_trace(7), 2), ONE)
    schedule = run(found.graph)
    seen = recover(found, power_cut(found, schedule, schedule.makespan_s / 2))
    served = recovered_trace(found, seen)
    assert all(np.array_equal(served.codes[k][2], seen.codes[k]) for k in seen.codes)
    assert all(np.array_equal(served.codes[k][3], found.work.trace.codes[k][3]) for k in seen.codes)
    assert not all(np.array_equal(served.codes[k][2], found.work.trace.codes[k][2]) for k in seen.codes)


def test_rows_of_a_pe_follow_one_another_and_drivers_are_limited() -> None:
    found = consolidation(work(random_trace(0), 1, **{"rram.parallel_write_pes": 2}), TWO)
    schedule = run(found.graph)
    start, end = schedule.start_s[found.row_tasks], schedule.end_s[found.row_tasks]
    for pe in np.unique(found.rows.pe):
        mine = found.rows.pe == pe
        assert (np.diff(found.rows.row[mine]) > 0).all()
        assert (start[mine][1:] >= end[mine][:-1]).all()
    busy = [int(((start <= at) & (at < end)).sum()) for at in start]
    assert max(busy) == 2
    backs = [i for i, task in enumerate(found.graph.tasks) if task.phase == "read back"]
    assert schedule.start_s[found.mark_task] >= schedule.end_s[backs].max()
