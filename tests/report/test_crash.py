"""The data, the text and the picture of power cuts."""

import pytest

from imcsim.chip.price import price
from imcsim.core.errors import ConfigError
from imcsim.events import work_of
from imcsim.events.consolidate import CommitScheme, Crash, crash
from imcsim.report.crash import crash_record, crash_text, lost_tasks
from imcsim.report.crash_picture import draw_crash, spans_by_state
from tests.chip.hand import random_trace, small_chip

TRACE, CHIP = random_trace(0), small_chip("hybrid-28nm")


def crashes(at: float | None = 0.5) -> list[Crash]:
    work = work_of(TRACE, CHIP.config, 2)
    return [crash(work, CommitScheme(name=name), cuts=5, at_share=at) for name in ("in-place", "two-copy")]


@pytest.mark.parametrize(
    ("tasks", "words"),
    [((), "none"), ((-1,), "deployment"), ((2,), "task 2"), ((0, 1, 2), "tasks 0-2"), ((0, 2), "tasks 0, 2")],
)
def test_lost_tasks_as_words(tasks: tuple[int, ...], words: str) -> None:
    assert lost_tasks(tasks) == words


def test_record_and_text_say_the_same() -> None:
    found, priced = crashes(), price(TRACE, CHIP)
    record, text = crash_record(found, priced), crash_text(found, priced)
    assert record["train_again"]["energy_j"] == priced.energy_by_task[2].total
    assert record["train_again"]["time_s"] == priced.latency_by_task[2].total
    for name, one in zip(("in-place", "two-copy"), found, strict=True):
        assert record["schemes"][name]["time_s"] == one.schedule.makespan_s
        assert record["schemes"][name]["worst_events"] == one.cost.worst
    assert "tasks 0-1" in text
    assert "a cut at" not in crash_text(crashes(None), priced)
    assert crash_record(crashes(None), priced)["schemes"]["in-place"]["cut"] is None


def test_the_picture_shows_every_row_once_and_torn_ones_at_the_cut() -> None:
    for one in crashes():
        states = spans_by_state(one)
        cut = 0.5 * one.schedule.makespan_s
        assert all(end <= cut for spans in states["done"].values() for _, end in spans)
        assert all(start < cut < end for spans in states["torn"].values() for start, end in spans)
        assert all(start >= cut for spans in states["not begun"].values() for start, _ in spans)
        rows = sum(len(spans) for state in ("done", "torn") for spans in states[state].values())
        assert rows == int((one.schedule.start_s[one.found.row_tasks] < cut).sum())
    assert len(draw_crash(crashes()).axes) == 2


def test_a_picture_needs_a_cut() -> None:
    with pytest.raises(ConfigError, match="the picture shows one cut: say at which share of the consolidation"):
        draw_crash(crashes(None))
