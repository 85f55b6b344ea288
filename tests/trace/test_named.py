"""What a method names itself: accuracies, work, pulses and half-selects, with their laws and their files."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imcsim.core.errors import ConservationError
from imcsim.trace import Trace, TraceMeta, WorkTerm
from imcsim.trace.conservation import check_trace
from imcsim.trace.store import load, save
from tests.chip.hand import RRAM, random_trace, told

BUFFER = WorkTerm(name="gradient buffer", memory="buffer", why="gradients of a batch are summed")
KEY = (RRAM.name, "b")


def changed(trace: Trace, **fields: Any) -> Trace:
    return dataclasses.replace(trace, **fields)


def working(**amounts: Any) -> Trace:
    trace = random_trace(0)
    table = {"operations": [1, 2, 3], "bytes_read": [0, 4, 0], "bytes_written": [5, 0, 0], **amounts}
    meta = trace.meta.model_copy(update={"work_terms": (BUFFER,)})
    return changed(trace, meta=meta, work={BUFFER.name: {k: np.array(v) for k, v in table.items() if v is not None}})


def pulsed(pulses: Any = None, halves: Any = None) -> Trace:
    trace = random_trace(0)
    of = trace.changes["step", *KEY]
    return changed(
        trace,
        pulses={} if pulses is None else {KEY: pulses(of.astype(np.uint32))},
        half_selects={} if halves is None else {KEY: halves(of.astype(np.uint32))},
    )


def test_all_survive_the_disk(tmp_path: Path) -> None:
    base = pulsed(lambda changes: 3 * changes, lambda changes: changes + 1)
    knn = np.tril(np.full((3, 3), 0.25))
    trace = changed(
        base, meta=working().meta, work=working().work, accuracy={**base.accuracy, "knn": knn, "linear": knn / 2}
    )  # fmt: skip
    path = tmp_path / "named.trace"
    save(trace, path)
    found = load(path)
    assert found.meta.work_terms == (BUFFER,)
    assert {name: values.tolist() for name, values in found.work[BUFFER.name].items()} == {
        "operations": [1, 2, 3], "bytes_read": [0, 4, 0], "bytes_written": [5, 0, 0]
    }  # fmt: skip
    assert found.accuracy.keys() == {"class_il", "task_il", "knn", "linear"}
    assert found.accuracy["knn"].tolist() == knn.tolist()
    assert np.array_equal(found.pulses[KEY], trace.pulses[KEY])
    assert np.array_equal(found.half_selects[KEY], trace.half_selects[KEY])


def test_a_trace_has_none_of_them_by_default(tmp_path: Path) -> None:
    path = tmp_path / "plain.trace"
    save(random_trace(0), path)
    found = load(path)
    assert not found.work and not found.pulses and not found.half_selects
    assert found.accuracy.keys() == {"class_il", "task_il"}


def test_what_is_not_served_is_zero_and_may_be_absent() -> None:
    trace = told(random_trace(0))
    check_trace(trace)
    trace = changed(trace, accuracy={"task_il": trace.task_il})
    assert "class_il" not in trace.accuracy and trace.class_il.tolist() == np.zeros((3, 3)).tolist()
    check_trace(trace)
    check_trace(changed(trace, accuracy={**trace.accuracy, "class_il": np.zeros((3, 3))}))
    with pytest.raises(ConservationError, match="class-il is not served, so its accuracies must be 0"):
        check_trace(changed(trace, accuracy={**trace.accuracy, "class_il": np.full((3, 3), 0.1)}))
    with pytest.raises(ConservationError, match="task-il is served, so accuracy of 'task_il' must be there"):
        check_trace(changed(trace, accuracy={}))


@pytest.mark.parametrize(
    ("accuracy", "law"),
    [
        ({"knn": np.zeros((2, 3))}, r"accuracy of 'knn' must have shape \(3, 3\), got \(2, 3\)"),
        ({"knn": np.full((3, 3), 1.5)}, r"accuracy of 'knn' must lie in 0..1, got 1.5..1.5"),
        ({"knn": np.full((3, 3), np.nan)}, "accuracy of 'knn' must lie in 0..1"),
        ({"": np.zeros((3, 3))}, "the name of an accuracy must not be empty, nor hold a slash"),
        ({"a/b": np.zeros((3, 3))}, "the name of an accuracy must not be empty, nor hold a slash"),
        ({3: np.zeros((3, 3))}, "accuracy holds arrays by name, got 3"),
    ],
)
def test_laws_of_named_accuracies(accuracy: Any, law: str) -> None:
    trace = random_trace(0)
    with pytest.raises(ConservationError, match=law):
        check_trace(changed(trace, accuracy={**trace.accuracy, **accuracy}))


@pytest.mark.parametrize(
    ("trace", "law"),
    [
        (lambda: working(operations=[1, 2]), r"work of 'gradient buffer/operations' must have shape \(3,\)"),
        (lambda: working(bytes_read=[0, -1, 0]), "work of 'gradient buffer/bytes_read' must lie in 0"),
        (lambda: working(bytes_read=[0.5, 1, 0]), "work of 'gradient buffer/bytes_read' must be of integers"),
        (lambda: working(bytes_read=None), "work of 'gradient buffer' must have operations, bytes_read, bytes_written"),
        (lambda: working(joules=[1, 2, 3]), "work of 'gradient buffer' must have operations"),
        (lambda: changed(working(), work={}), "work of 'gradient buffer' is missing"),
        (lambda: changed(working(), meta=random_trace(0).meta), "'gradient buffer' is not declared in work_terms"),
        (lambda: changed(working(), work={**working().work, 3: {}}), "work holds arrays by name, got 3"),
    ],
)
def test_laws_of_work(trace: Any, law: str) -> None:
    check_trace(working())
    with pytest.raises(ConservationError, match=law):
        check_trace(trace())


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        (({"name": "x", "memory": "flash", "why": "y"},), "'buffer', 'dram' or 'digital'"),
        (({"name": "a/b", "memory": "dram", "why": "y"},), "should match pattern"),
        (({"name": "x", "memory": "dram", "why": ""},), "at least 1 character"),
        (({"name": "x", "memory": "dram", "why": "y"},) * 2, "work_terms must differ from one another .* 'x'"),
        (({"name": "samples", "memory": "dram", "why": "y"},), "from the schema's counts: 'samples'"),
    ],
)
def test_a_term_has_a_name_a_memory_and_a_reason(terms: Any, sentence: str) -> None:
    meta = random_trace(0).meta.model_dump()
    with pytest.raises(ValueError, match=sentence):
        TraceMeta.model_validate(meta | {"work_terms": terms})


@pytest.mark.parametrize(
    ("trace", "law"),
    [
        (lambda: pulsed(lambda c: c - (c > 0)), "a cell changed its level more often than it got pulses"),
        (lambda: pulsed(lambda c: c.astype(np.int64)), "pulses of '.*/b' must be of unsigned integers"),
        (lambda: pulsed(lambda c: c[:2]), "pulses of '.*/b' must have shape"),
        (lambda: pulsed(lambda c: c, lambda c: c[..., :1]), "half_selects of '.*/b' must have shape"),
        (lambda: changed(pulsed(), pulses={("lost", "b"): np.zeros(1)}), "there are no pulses of 'lost/b'"),
    ],
)
def test_laws_of_pulses(trace: Any, law: str) -> None:
    check_trace(pulsed(lambda c: c, lambda c: c))
    check_trace(pulsed(None, lambda c: c))
    with pytest.raises(ConservationError, match=law):
        check_trace(trace())


def test_nothing_is_half_selected_where_no_pulse_was() -> None:
    still = random_trace(0, still=(1,), counts={"updated_weights": [[300, 90], [0, 0], [300, 90]]})
    changes = still.changes["step", *KEY].astype(np.uint32)
    assert not changes[1].any()
    check_trace(changed(still, pulses={KEY: changes}, half_selects={KEY: 2 * changes}))
    with pytest.raises(ConservationError, match=r"task 1: layer 'b', .*: half-selected without a pulse"):
        check_trace(changed(still, pulses={KEY: changes}, half_selects={KEY: changes + 1}))
