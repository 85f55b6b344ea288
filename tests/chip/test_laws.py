"""Conservation and limits, over random histories and every chip."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.chip import Report, price
from imcsim.chip.conservation import check_assignment, check_writes
from imcsim.chip.placed import Placed, place
from imcsim.chip.profile import profile_of
from imcsim.chip.writes import writes_of
from imcsim.core.errors import ConservationError
from imcsim.trace import Trace
from imcsim.trace.placements import Placements
from imcsim.trace.schema import Policy
from tests.chip.hand import random_trace, small_chip

CHIPS = ("all-rram-28nm", "all-sram-28nm", "hybrid-28nm")


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), chip=st.sampled_from(CHIPS), policy=st.sampled_from(["step", "epoch", "task"]))
def test_every_chip_and_policy_keeps_the_laws(seed: int, chip: str, policy: str) -> None:
    overrides = {f"{kind}.write_policy": policy for kind in ("rram", "sram") if kind in chip or chip == "hybrid-28nm"}
    report = price(random_trace(seed), small_chip(chip, overrides))
    assert report.energy.total == pytest.approx(sum(tree.total for tree in report.energy_by_task), rel=1e-12)
    assert report.energy.total == pytest.approx(sum(report.energy.by(0).values()), rel=1e-12)
    for writes in report.writes.values():
        assert sum(writes.per_task) == writes.total
        assert writes.worst >= writes.mean


@pytest.mark.parametrize("chip", CHIPS)
def test_a_coarser_policy_never_writes_more(chip: str) -> None:
    kind = "sram" if chip == "all-sram-28nm" else "rram"
    trace = random_trace(3)
    totals = [
        price(trace, small_chip(chip, {f"{kind}.write_policy": p, "overflow": "refuse"})).writes[kind].total
        for p in ("step", "epoch", "task")
    ]
    assert totals == sorted(totals, reverse=True)


def frozen_trace() -> Trace:
    """The second of three tasks trains nothing, as a method that freezes every PE."""
    trace = random_trace(5, still=(1,))
    tiles = {"a": (1, 3, 3), "b": (1, 2, 2)}
    placement = {name: np.ones((3, *shape), dtype=bool) for name, shape in tiles.items()}
    for mask in placement.values():
        mask[1] = False
    return dataclasses.replace(
        trace,
        meta=trace.meta.model_copy(update={"pe_tile": (4, 2)}),
        counts={k: v if "active" in k else _without_task(v, 1) for k, v in trace.counts.items()},
        task_counts={key: _without_task(array, 1) for key, array in trace.task_counts.items()},
        input_density=_without_task(trace.input_density, 1),
        placement=Placements(placement),
    )


def _without_task(array: np.ndarray[Any, Any], task: int) -> np.ndarray[Any, Any]:
    copy = array.copy()
    copy[task] = 0
    return copy


@pytest.mark.parametrize("chip", ["all-rram-28nm", "all-sram-28nm"])
def test_everything_frozen_means_zero_writes(chip: str) -> None:
    report = price(frozen_trace(), small_chip(chip))
    assert all(writes.per_task[1] == 0 for writes in report.writes.values())
    assert all(writes.per_task[0] > 0 for writes in report.writes.values())
    quiet = report.energy_by_task[1]
    for part in ("update", "weight_gradient", "input_gradient", "forward", "migration"):
        assert quiet.part(part).total == 0


def test_a_write_to_a_frozen_cell_stops_the_pricing() -> None:
    trace = frozen_trace()
    key: tuple[Policy, str, str] = ("step", "differential-8w-2c", "a")
    changes = {name: array.copy() for name, array in trace.changes.items()}
    changes[key][1, 0, 0, 0, 0] = 1
    bad = dataclasses.replace(trace, changes=changes, cache={})
    with pytest.raises(ConservationError, match="changed more often than there were commits"):
        price(bad, small_chip("all-rram-28nm"))
    chip = small_chip("all-rram-28nm").config  # and once more, behind the trace's own laws
    with pytest.raises(ConservationError, match="a frozen cell must never be written"):
        check_assignment(_behind(bad, place(trace, chip)))


def _behind(bad: Trace, placed: Placed) -> Placed:
    """Put a trace that breaks a law where another one was placed."""
    home = dataclasses.replace(placed.home, profile=profile_of(bad, placed.chip.geometry))
    if placed.home is placed.volatile:
        return dataclasses.replace(placed, trace=bad, volatile=home)
    return dataclasses.replace(placed, trace=bad, nonvolatile=home)


@pytest.mark.parametrize(("chip", "key"), [("all-rram-28nm", "differential-8w-2c"), ("all-sram-28nm", "offset-8w-1c")])
def test_events_that_differ_from_the_traces_changes_stop_the_pricing(chip: str, key: str) -> None:
    trace = random_trace(1)
    changes = {name: array.copy() for name, array in trace.changes.items()}
    index: tuple[Policy, str, str] = ("step", key, "b")
    changes[index][0, 0, 0, 0, 0] += 1
    bad, config = dataclasses.replace(trace, changes=changes), small_chip(chip).config
    placed = _behind(bad, place(trace, config))
    with pytest.raises(ConservationError, match="must equal the level changes"):
        check_writes(placed, writes_of(placed))


def test_no_work_costs_no_dynamic_energy() -> None:
    trace = random_trace(2)
    codes = {name: np.repeat(array[:1], len(array), axis=0) for name, array in trace.codes.items()}
    tables = ("changes", "transitions")
    still = {name: {k: np.zeros_like(v) for k, v in getattr(trace, name).items()} for name in tables}
    counts = {k: v if "active" in k else np.zeros_like(v) for k, v in trace.counts.items()}
    tasks = {k: np.zeros_like(v) for k, v in trace.task_counts.items()}
    density = np.zeros_like(trace.input_density)
    idle = dataclasses.replace(
        trace, codes=codes, counts=counts, task_counts=tasks, input_density=density, changes=still["changes"],
        transitions=still["transitions"],
    )  # fmt: skip
    report = price(idle, small_chip("all-sram-28nm"))
    parts = ("forward", "input_gradient", "weight_gradient", "buffer", "link", "dram", "masks", "scoring", "update")
    for part in parts:
        assert report.energy.part(part).total == 0


@pytest.mark.parametrize("chip", CHIPS)
def test_twice_the_vectors_cost_twice_the_forward_energy(chip: str) -> None:
    trace = random_trace(4)
    counts = dict(trace.counts) | {"forward_vectors": trace.counts["forward_vectors"] * 2}
    tasks = dict(trace.task_counts) | {"samples": trace.task_counts["samples"] * 2}
    double = dataclasses.replace(trace, counts=counts, task_counts=tasks)
    one, two = _forward(price(trace, small_chip(chip))), _forward(price(double, small_chip(chip)))
    assert two == pytest.approx(2 * one, rel=1e-12)


def _forward(report: Report) -> float:
    return report.energy.part("forward").total


def test_silent_inputs_drive_nothing_but_the_converters_still_run() -> None:
    report = price(random_trace(6, density=0.0), small_chip("all-rram-28nm"))
    assert report.energy.leaves["forward", "rram", "driver"] == 0
    assert report.energy.leaves["forward", "rram", "cells"] == 0
    assert report.energy.leaves["forward", "rram", "adc"] > 0


def test_pricing_twice_gives_the_same_numbers() -> None:
    trace = random_trace(7)
    first, again = price(trace, small_chip("hybrid-28nm")), price(trace, small_chip("hybrid-28nm"))
    assert first.energy.flat() == again.energy.flat()
    fresh = price(random_trace(7), small_chip("hybrid-28nm"))
    assert first.energy.flat() == fresh.energy.flat()
