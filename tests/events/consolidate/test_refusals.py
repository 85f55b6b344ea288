"""Chips of which the question has no answer, and figures out of range: one clear sentence each."""

from typing import Any

import numpy as np
import pytest

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError, EventsError
from imcsim.events import run, work_of
from imcsim.events.consolidate import CommitScheme, consolidation, crash, cut_again, memory_before, power_cut
from tests.chip.hand import random_trace, small_chip
from tests.events.consolidate.test_power_cut import ONE, TWO, placed_trace, work


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("all-sram-28nm", {}, "'all-sram-28nm' has no RRAM: nothing is committed, a power cut loses every weight"),
        ("all-rram-28nm", {}, "13 PEs train in RRAM in task 0, written every step: a power cut leaves them between"),
        ("all-rram-28nm", {"rram.write_policy": "epoch"}, "written every epoch: .*; set rram.write_policy = 'task'"),
        ("hybrid-28nm", {"commit": "lazy"}, "commit = 'lazy' leaves the 13 PEs that task 1 trained in SRAM until"),
        ("hybrid-28nm", {"sram.pe_count": 5}, "8 PEs train in RRAM in task 0, written every step"),
        ("hybrid-28nm", {"input_gradient": "second-copy", "rram.pe_count": 40, "sram.pe_count": 40},
         "input_gradient = 'second-copy' programs every weight twice"),
    ],
)  # fmt: skip
def test_chips_without_an_answer(name: str, changes: dict[str, Any], sentence: str) -> None:
    one = work_of(random_trace(0), small_chip(name, changes).config, 1)
    for scheme in (ONE, TWO):
        with pytest.raises(EventsError, match=sentence):
            consolidation(one, scheme)


def test_a_task_that_commits_nothing() -> None:
    nothing = {name: mask.copy() for name, mask in placed_trace(1).placement.items()}
    for mask in nothing.values():
        mask[2] = False
    still = random_trace(1, 4, placement=nothing, pe_tile=(4, 2))
    with pytest.raises(EventsError, match="task 2 commits no PE: its method trained none that has a home in RRAM"):
        consolidation(work(still, 2), TWO)


@pytest.mark.parametrize("at_s", [-1e-9, 1.0, float("nan")])
def test_a_cut_outside_the_commit(at_s: float) -> None:
    found = consolidation(work(random_trace(0), 1), TWO)
    schedule = run(found.graph)
    with pytest.raises(EventsError, match=r"the consolidation lasts from 0 to .* s, and the cut is at"):
        power_cut(found, schedule, at_s)
    with pytest.raises(EventsError, match=r"recovery lasts from 0 to .* s, and the cut is at"):
        cut_again(found.work, found.before, at_s)


def test_a_schedule_of_another_commit() -> None:
    first, second = (consolidation(work(random_trace(0), task), TWO) for task in (0, 1))
    with pytest.raises(EventsError, match="the schedule is of another consolidation"):
        power_cut(first, run(second.graph), 0.0)


def test_contents_of_another_scheme_or_not_recovered() -> None:
    one = work(random_trace(0), 1)
    with pytest.raises(EventsError, match="what RRAM holds is not of scheme 'two-copy'"):
        consolidation(one, TWO, before=memory_before(one, ONE))
    found = consolidation(one, TWO)
    schedule = run(found.graph)
    left = power_cut(found, schedule, float(np.nextafter(schedule.makespan_s, 0)))
    with pytest.raises(
        EventsError, match="a mark is unsettled since the last power cut: recover before the next commit"
    ):
        consolidation(one, TWO, before=left)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"cuts": 0}, "cuts must be >= 1, got 0"),
        ({"at_share": 1.5}, "at a share of 0 to 1 of the consolidation, got 1.5"),
        ({"at_share": float("nan")}, "at a share of 0 to 1 of the consolidation, got nan"),
        ({"cuts_per_year": -1.0}, "power cuts per year must be finite and >= 0, got -1"),
        ({"cuts_per_year": float("inf")}, "power cuts per year must be finite and >= 0, got inf"),
    ],
)
def test_figures_out_of_range(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(EventsError, match=sentence):
        crash(work(random_trace(0), 1), TWO, **given)


def test_one_record_slot_is_too_few() -> None:
    with pytest.raises(ConfigError, match=r"'record_slots'.*greater than or equal to 2"):
        parse(CommitScheme, {"record_slots": 1}, "the options")
    with pytest.raises(ConfigError, match=r"'name'.*'in-place' or 'two-copy'"):
        parse(CommitScheme, {"name": "three-copy"}, "the options")
