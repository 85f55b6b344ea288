"""Each law of a trace, broken on purpose."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.core.errors import ConservationError
from imcsim.trace.conservation import check_trace
from imcsim.trace.schema import Policy
from tests.chip.hand import one_pe_trace, random_trace

KEY = ("step", "offset-8w-1c", "fc")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_honest_histories_pass(seed: int) -> None:
    check_trace(random_trace(seed))


def _with(field: str, key: Any, change: Any) -> Any:
    trace = one_pe_trace(placement={"fc": np.ones((1, 1, 1, 1), dtype=bool)}, pe_tile=(4, 2))
    table = dict(getattr(trace, field))
    table[key] = change(table[key].copy())
    changed: dict[str, Any] = {field: table}
    return dataclasses.replace(trace, **changed)


def _set(index: tuple[int, ...], value: int) -> Any:
    def change(array: Any) -> Any:
        array[index] = value
        return array

    return change


@pytest.mark.parametrize(
    ("field", "key", "change", "law"),
    [
        ("counts", "forward_vectors", _set((0, 0), -1), "counts 'forward_vectors' must not be negative"),
        ("counts", "forward_vectors", lambda a: a[0], r"must be \(tasks, layers\)"),
        ("task_counts", "samples", lambda a: a[None], r"task counts 'samples' must be \(tasks,\)"),
        ("task_counts", "samples", lambda a: a - 1, "task counts 'samples' must not be negative"),
        ("changes", KEY, _set((0, 7, 0, 2, 0), 1), "level changes must equal transitions"),
        ("codes", "fc", _set((1, 0, 2, 0), 99), "transitions must lead to the new codes"),
        ("task_counts", "optimizer_steps", lambda a: a - 1, "changed more often than there were commits"),
        ("placement", "fc", lambda a: ~a, "a frozen PE changed its codes"),
    ],
)
def test_a_broken_law_is_named(field: str, key: Any, change: Any, law: str) -> None:
    with pytest.raises(ConservationError, match=law):
        check_trace(_with(field, key, change))


def test_a_coarser_policy_must_not_change_more() -> None:
    trace = one_pe_trace()
    step: tuple[Policy, str, str] = ("step", KEY[1], "fc")
    epoch: tuple[Policy, str, str] = ("epoch", KEY[1], "fc")
    swapped, flows = dict(trace.changes), dict(trace.transitions)
    swapped[step], swapped[epoch] = swapped[epoch], swapped[step]
    flows[step], flows[epoch] = flows[epoch], flows[step]
    counts = {**trace.task_counts, "epochs": trace.task_counts["optimizer_steps"]}
    with pytest.raises(ConservationError, match="more often than under the finer policy"):
        check_trace(dataclasses.replace(trace, changes=swapped, transitions=flows, task_counts=counts))


def test_densities_and_accuracies_are_shares() -> None:
    trace = one_pe_trace()
    for field in ("input_density", "error_density", "class_il", "task_il"):
        wrong = getattr(trace, field) + 2.0
        with pytest.raises(ConservationError, match=f"{field} must lie in 0..1"):
            check_trace(dataclasses.replace(trace, **{field: wrong}))
