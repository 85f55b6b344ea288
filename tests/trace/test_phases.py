"""Placement phases: stretches of a task, each with a row of its own in what was recorded."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError, ConservationError, TraceError
from imcsim.testing.strategies import phases
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Phase, Trace, TraceMeta
from imcsim.trace.conservation import check_trace
from imcsim.trace.store import load, save
from tests.chip.hand import ENCODINGS, codes, random_trace

STEPS = ((2, 4), (6,), (1, 0, 5))  # of 6 a task, in epochs of 3


def phased(seed: int = 0, **changes: Any) -> Trace:
    return random_trace(seed, phases=STEPS, **changes)


def header(trace: Trace, phases: tuple[Phase, ...]) -> TraceMeta:
    return TraceMeta.model_validate(trace.meta.model_dump() | {"placement_phases": [p.model_dump() for p in phases]})


def test_phases_have_rows_and_tasks() -> None:
    trace = phased()
    assert trace.meta.phase_tasks == (0, 0, 1, 2, 2, 2)
    assert trace.meta.phase_count == 6 and trace.meta.tasks == 3
    assert trace.meta.last_phases == (1, 2, 5)
    assert [(p.task, p.first_step, p.steps) for p in trace.phases] == [
        (0, 0, 2), (0, 2, 4), (1, 0, 6), (2, 0, 1), (2, 1, 0), (2, 1, 5)
    ]  # fmt: skip
    assert trace.task_counts["optimizer_steps"].tolist() == [2, 4, 6, 1, 0, 5]
    assert trace.task_counts["epochs"].tolist() == [1, 2, 2, 1, 0, 2]  # an epoch that a phase ends within is in either
    assert trace.codes["a"].shape[0] == 7 and trace.changes["step", ENCODINGS[0].name, "a"].shape[0] == 6
    assert trace.class_il.shape == (3, 3)
    check_trace(trace)


def test_without_phases_in_the_header_each_task_is_one() -> None:
    trace = random_trace(0)
    assert trace.meta.placement_phases == ()
    assert trace.meta.phase_tasks == trace.meta.last_phases == (0, 1, 2) and trace.meta.phase_count == 3
    assert trace.phases == tuple(Phase(task=task, first_step=0, steps=6) for task in range(3))
    for array in (trace.counts["forward_vectors"], trace.changes["step", ENCODINGS[0].name, "a"]):
        assert trace.by_task(array) is array
    assert trace.at_task(trace.codes["a"]) is trace.codes["a"]


def test_sums_over_phases_are_the_task_and_codes_are_those_at_its_end() -> None:
    """The same history, cut or not: what changed at each step does not depend on where a phase ends."""
    whole, cut = random_trace(3), phased(3)
    for encoding in ENCODINGS:
        for layer in ("a", "b"):
            key: Any = ("step", encoding.name, layer)
            assert np.array_equal(cut.by_task(cut.changes[key]), whole.changes[key])
            assert np.array_equal(cut.by_task(cut.transitions[key]), whole.transitions[key])
            assert np.array_equal(cut.at_task(cut.codes[layer]), whole.codes[layer])
    assert cut.by_task(cut.task_counts["optimizer_steps"]).tolist() == [6, 6, 6]


def test_a_sum_over_phases_does_not_overflow() -> None:
    trace = phased()
    wide = np.full((6, 2), 200, np.uint8)
    assert trace.by_task(wide).tolist() == [[400, 400], [200, 200], [600, 600]]
    assert trace.by_task(np.full(6, 0.25)).tolist() == [0.5, 0.25, 0.75]


def test_commits_of_whole_phases_by_hand() -> None:
    """One weight goes 0, 1, 0, 2 in cells of 2 bits: by phases of 2 and 1 steps it ends at 0, then at 2."""
    layer, path = linear_layer("fc", 1, 1), [codes([value]) for value in (0, 1, 0, 2)]
    trace = make_trace([layer], {"fc": path[0]}, {"fc": [[path[1:]]]}, ENCODINGS, phases=((2, 1),))
    check_trace(trace)
    rram = ENCODINGS[0]
    assert trace.changes["step", rram.name, "fc"][:, 0].ravel().tolist() == [2, 1]
    assert trace.changes["epoch", rram.name, "fc"][:, 0].ravel().tolist() == [0, 1]  # the phase's end is a commit
    assert trace.task_changes(rram, "fc")[:, 0].ravel().tolist() == [0, 1]
    assert [np.argwhere(table).tolist() for table in trace.task_transitions(rram, "fc")] == [[], [[0, 2]]]


def test_the_placement_of_a_task_is_that_of_its_last_phase() -> None:
    placement = {"a": np.zeros((6, 1, 3, 3), bool), "b": np.zeros((6, 1, 2, 2), bool)}
    placement["a"][1, 0, 0, 0] = placement["a"][3, 0, 2, 2] = True
    trace = phased(placement=placement, pe_tile=(4, 2))
    check_trace(trace)
    assert trace.placement(0)["a"].tolist() == placement["a"][1].tolist()
    assert not trace.placement(2)["a"].any()
    with pytest.raises(TraceError, match="the trace has tasks 0 to 2, got 3"):
        trace.placement(3)


def test_a_frozen_pe_may_train_in_another_phase_of_the_task() -> None:
    """A PE that trains in the second phase alone: written in the first, it breaks the law."""
    layer, path = linear_layer("fc", 2, 1), [codes([value], [0]) for value in (0, 0, 3)]
    open_, shut = np.ones((1, 1, 1, 1), bool), np.zeros((1, 1, 1, 1), bool)

    def trace(first: Any, second: Any) -> Trace:
        placed = {"fc": np.concatenate([first, second])}
        told: Any = {"placement": placed, "pe_tile": (2, 1), "phases": ((1, 1),)}
        return make_trace([layer], {"fc": path[0]}, {"fc": [[path[1:]]]}, ENCODINGS, **told)

    check_trace(trace(shut, open_))
    with pytest.raises(ConservationError, match="layer 'fc': a frozen PE changed its codes"):
        check_trace(trace(open_, shut))


@pytest.mark.parametrize(
    ("phases", "law"),
    [
        ([(0, 0, 6), (1, 0, 6)], "at least one phase of each of 3 tasks, and of no other"),
        ([(0, 0, 6), (1, 0, 6), (2, 0, 6), (3, 0, 1)], "at least one phase of each of 3 tasks, and of no other"),
        ([(1, 0, 6), (0, 0, 6), (2, 0, 6)], "must follow one another, but phase 1 is of task 0, after 1"),
        ([(0, 0, 2), (0, 3, 3), (1, 0, 6), (2, 0, 6)], "phase 1 must begin at step 2 of task 0, got 3"),
        ([(0, 1, 6), (1, 0, 6), (2, 0, 6)], "phase 0 must begin at step 0 of task 0, got 1"),
        ([(0, 0, 6), (1, 6, 6), (2, 0, 6)], "phase 1 must begin at step 0 of task 1, got 6"),
    ],
)
def test_a_header_whose_phases_do_not_tile_the_tasks_is_refused(phases: list[Any], law: str) -> None:
    given = tuple(Phase(task=task, first_step=first, steps=steps) for task, first, steps in phases)
    with pytest.raises(ValueError, match=law):
        header(random_trace(0), given)
    trace = random_trace(0)
    broken = dataclasses.replace(trace, meta=trace.meta.model_copy(update={"placement_phases": given}))
    with pytest.raises(ConservationError, match=law):
        check_trace(broken)


def test_a_phase_has_the_steps_that_were_counted_in_it() -> None:
    trace = phased()
    wrong = tuple(Phase(task=p.task, first_step=p.first_step, steps=p.steps) for p in trace.phases[:-1])
    meta = header(trace, (*wrong, Phase(task=2, first_step=1, steps=4)))
    with pytest.raises(ConservationError, match="task 2, phase 2: a phase has as many steps as were counted in it"):
        check_trace(dataclasses.replace(trace, meta=meta))


def test_arrays_have_a_row_for_each_phase() -> None:
    trace = random_trace(0)
    meta = header(
        trace, (Phase(task=0, first_step=0, steps=2), Phase(task=0, first_step=2, steps=4), *trace.phases[1:])
    )
    with pytest.raises(ConservationError, match=r"'forward_vectors' must have shape \(4, 2\), got \(3, 2\)"):
        check_trace(dataclasses.replace(trace, meta=meta))


def test_a_phase_of_negative_steps_is_refused() -> None:
    with pytest.raises(ConfigError, match="steps"):
        Phase(task=0, first_step=0, steps=-1)


def test_phases_survive_the_disk(tmp_path: Path) -> None:
    trace, path = phased(), tmp_path / "phased.trace"
    save(trace, path)
    found = load(path)
    assert found.meta == trace.meta and found.phases == trace.phases
    assert all(np.array_equal(found.codes[name], trace.codes[name]) for name in trace.codes)


@settings(max_examples=25, deadline=None)
@given(phases((6, 6, 6)), st.integers(0, 10_000))
def test_however_a_task_is_cut_the_laws_hold_and_its_sums_stay(cut: tuple[tuple[int, ...], ...], seed: int) -> None:
    whole, parts = random_trace(seed), random_trace(seed, phases=cut)
    check_trace(parts)
    assert parts.meta.phase_count == sum(map(len, cut))
    key: Any = ("step", ENCODINGS[1].name, "b")
    assert np.array_equal(parts.by_task(parts.changes[key]), whole.changes[key])
    assert np.array_equal(parts.at_task(parts.codes["b"]), whole.codes["b"])
