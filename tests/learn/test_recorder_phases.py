"""The recorder within a task: PEs move, a phase ends, another begins."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from imcsim.core.errors import ConfigError
from imcsim.learn import checkpoint
from imcsim.learn.api import learn_on, make_learner
from imcsim.learn.loop import Learner, finish_task, start_task, state_per_value, train_step
from imcsim.learn.method import Context, Method, MethodConfig, TaskPlan, WorkDone
from imcsim.learn.placing.pe_blocks import pe_counts
from imcsim.learn.record import make_trace
from imcsim.learn.run_marks import run_marks
from imcsim.learn.stream import Task
from imcsim.trace import Trace, WorkTerm
from imcsim.trace.conservation import check_trace
from imcsim.trace.store import load, save
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream

TERM = WorkTerm(name="feature bank", memory="dram", why="features of earlier tasks are compared")
EPOCHS, BATCHES = 2, 3


def plan(learner: Learner, trains: str) -> TaskPlan:
    """All PEs of one layer train."""
    layers, tile = learner.quantiser.layers, learner.config.pe_tile
    return TaskPlan({s.name: torch.full(pe_counts(s, tile), s.name == trains) for s in layers})


class Banked(Method):
    """Plain fine-tuning that reads 10 bytes of a bank at each step and writes 3 after each task."""

    def work_terms(self) -> tuple[WorkTerm, ...]:
        return (TERM,)

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        context.work.add("feature bank", operations=2, bytes_read=10)
        context.work.did("lookup")

    def after_task(self, context: Context, task: Task) -> None:
        context.work.add("feature bank", bytes_written=3)


def cut(learner: Learner, trains: str) -> None:
    """End the phase and begin another, in which the PEs of layer ``trains`` train."""
    learner.recorder.end_phase(learner.method, state_per_value(learner.optimizer), learner.context.work)
    learner.context.work = WorkDone()
    learner.freezer.apply(plan(learner, trains))
    learner.recorder.begin_phase()


def run_task(learner: Learner, cuts: dict[int, str], from_step: int = 0) -> None:
    """Train one task of 6 steps; before step n of it a phase begins if ``cuts`` has n."""
    task = learner.tasks[learner.task]
    if from_step == 0:
        start_task(learner, task)
    for step in range(from_step, EPOCHS * BATCHES):
        if step in cuts:
            cut(learner, cuts[step])
        learner.network.train()
        if step % BATCHES == 0:
            learner.recorder.note_active(learner.method)
        train_step(learner, task, torch.arange(4) + step, sample_activity=True)
        if step % BATCHES == BATCHES - 1:
            learner.recorder.end_epoch()
    finish_task(learner, task)


def new_learner() -> Learner:
    return make_learner(tiny_config(), tiny_net(), tiny_stream(), Banked(MethodConfig()))


def finished(learner: Learner) -> Trace:
    learner.recorder.passes.remove()
    trace = make_trace(learner, tiny_stream())
    check_trace(trace)
    return trace


@pytest.fixture(scope="module")
def phased() -> Trace:
    """Task 0 in phases of 2, 1 and 3 steps, the second of which ends with an epoch; task 1 in one."""
    learner = new_learner()
    run_task(learner, {2: "second", 3: "head"})
    run_task(learner, {})
    return finished(learner)


def test_each_phase_has_its_row(phased: Trace) -> None:
    assert [(p.task, p.first_step, p.steps) for p in phased.meta.placement_phases] == [
        (0, 0, 2), (0, 2, 1), (0, 3, 3), (1, 0, 6)
    ]  # fmt: skip
    assert phased.task_counts["samples"].tolist() == [8, 4, 12, 24]
    assert phased.task_counts["epochs"].tolist() == [1, 1, 1, 2]  # the first epoch is one of two phases
    assert phased.class_il.shape == (2, 2)
    assert phased.meta.acts == {"lookup": (6, 6)}


def test_a_phase_writes_what_its_plan_lets_train(phased: Trace) -> None:
    moved = {spec.name: (np.diff(phased.codes[spec.name].astype(int), axis=0) != 0) for spec in phased.meta.layers}
    assert [bool(moved["second"][phase].any()) for phase in range(3)] == [True, True, False]
    assert [bool(moved["head"][phase].any()) for phase in range(3)] == [True, False, True]
    assert [bool(mask.all()) for mask in phased.placement["head"]] == [True, False, True, True]
    assert phased.placement(0)["head"].all() and not phased.placement(0)["first"].any()
    weights = [spec.weight_count for spec in phased.meta.layers]
    assert phased.counts["trainable_weights"].tolist() == [
        weights, [0, weights[1], 0], [0, 0, weights[2]], weights
    ]  # fmt: skip


def test_work_of_the_methods_own_is_by_phase(phased: Trace) -> None:
    assert phased.meta.work_terms == (TERM,)
    amounts = {name: values.tolist() for name, values in phased.work["feature bank"].items()}
    assert amounts == {
        "operations": [4, 2, 6, 12],
        "bytes_read": [20, 10, 30, 60],
        "bytes_written": [0, 0, 3, 3],
    }


def test_a_task_in_phases_under_one_plan_is_the_task(tmp_path: Path) -> None:
    """Where the plan stays, a cut changes neither what is learned nor any amount."""
    whole, parts = new_learner(), new_learner()
    for learner in (whole, parts):
        run_task(learner, {})
    run_task(whole, {})
    task = parts.tasks[1]
    start_task(parts, task)
    for step in range(6):
        if step in (1, 3):
            parts.recorder.end_phase(parts.method, state_per_value(parts.optimizer), parts.context.work)
            parts.context.work = WorkDone()
            parts.recorder.begin_phase()
        train_step(parts, task, torch.arange(4) + step, sample_activity=True)
        if step % 3 == 2:
            parts.recorder.end_epoch()
    finish_task(parts, task)
    one, two = finished(whole), finished(parts)
    assert two.meta.phase_tasks == (0, 1, 1, 1)
    for name in ("forward_vectors", "weight_gradient_macs", "updated_weights", "kept_elements"):
        assert np.array_equal(two.by_task(two.counts[name]), one.counts[name])
    for key, changes in one.changes.items():
        assert key[0] == "epoch" or np.array_equal(two.by_task(two.changes[key]), changes)
    for name, codes in one.codes.items():
        assert np.array_equal(two.at_task(two.codes[name]), codes)
    assert np.array_equal(one.task_il, two.task_il)
    save(two, tmp_path / "parts.trace")
    assert load(tmp_path / "parts.trace").phases == two.phases


def test_a_run_resumes_within_a_later_phase(tmp_path: Path) -> None:
    whole, first, second = new_learner(), new_learner(), new_learner()
    run_task(whole, {2: "second"})
    task = first.tasks[0]
    start_task(first, task)
    for step in range(3):
        if step == 2:
            cut(first, "second")
        train_step(first, task, torch.arange(4) + step, sample_activity=True)
    first.recorder.end_epoch()
    first.epoch = 1
    marks = run_marks(first.config, first.network, first.stream_tasks, None)
    checkpoint.save(first, tmp_path / "c", marks)
    checkpoint.restore(second, tmp_path / "c", marks)
    run_task(second, {}, from_step=3)
    for learner in (whole, second):
        run_task(learner, {})
    one, two = finished(whole), finished(second)
    assert one.meta.placement_phases == two.meta.placement_phases
    assert all(np.array_equal(one.counts[name], two.counts[name]) for name in one.counts)
    assert all(np.array_equal(one.changes[key], two.changes[key]) for key in one.changes)
    assert all(np.array_equal(v, two.work["feature bank"][name]) for name, v in one.work["feature bank"].items())


def test_work_that_is_not_declared_is_refused() -> None:
    class Silent(Banked):
        def work_terms(self) -> tuple[WorkTerm, ...]:
            return (TERM.model_copy(update={"name": "featur bank"}),)

    with pytest.raises(ConfigError, match=r"reports work 'feature bank', .*; did you mean 'featur bank'"):
        learn_on(tiny_config(), tiny_net(), tiny_stream(), method=Silent(MethodConfig()))


@pytest.mark.parametrize(
    ("amounts", "sentence"),
    [({"bytes": 3}, "work 'x' has operations, bytes_read, bytes_written, got 'bytes'"),
     ({"operations": -1}, "work 'x': operations must not be negative, got -1")],
)  # fmt: skip
def test_amounts_of_work_have_names_and_are_not_negative(amounts: Any, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        WorkDone().add("x", **amounts)
