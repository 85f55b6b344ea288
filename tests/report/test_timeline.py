"""The table, the data and the picture of simulated steps."""

from pathlib import Path

import pytest

from imcsim.events import Resource, Schedule, StepOptions, Task, TaskGraph, doubled, run, training_graph, work_of
from imcsim.report.gantt import draw_gantt, merged, rows_of
from imcsim.report.style import save_as
from imcsim.report.timeline import timeline_record, timeline_text
from tests.chip.hand import random_trace, small_chip


def schedule() -> Schedule:
    return run(training_graph(work_of(random_trace(0), small_chip("hybrid-28nm").config, 0), StepOptions(steps=2)))


def test_record_and_text_say_the_same() -> None:
    found, options = schedule(), StepOptions(steps=2)
    work = work_of(random_trace(0), small_chip("hybrid-28nm").config, 0)
    record = timeline_record(found, work, options, 1, doubled(found))
    assert record["latency_s"] == found.makespan_s
    assert record["leakage_j"] == pytest.approx(work.leakage_w() * found.makespan_s)
    assert sum(record["critical_path"]["by_phase_s"].values()) == pytest.approx(found.makespan_s)
    assert sum(row["critical_s"] for row in record["resources"]) == pytest.approx(found.makespan_s)
    assert {row["name"] for row in record["resources"]} == {resource.name for resource in found.graph.resources}
    text = timeline_text(record)
    assert max(map(len, text.splitlines())) <= 100
    assert f"latency {found.makespan_s * 1e3:.5g} ms" in text
    assert "task 0, 2 steps" in text
    best = max(record["speedup_if_doubled"], key=lambda name: record["speedup_if_doubled"][name])
    assert best in text.split("What would help")[1]


def test_nothing_helps_a_chain() -> None:
    tasks = (Task("a", "x", 1.0), Task("b", "y", 1.0, after=(0,)))
    found = run(TaskGraph(tasks, (Resource("x"), Resource("y"))))
    work = work_of(random_trace(0), small_chip("hybrid-28nm").config, 0)
    assert timeline_text(timeline_record(found, work, StepOptions(), 1, doubled(found))).endswith("nothing alone\n")


def test_the_picture_has_a_row_for_each_busy_resource_and_gives_the_same_bytes(tmp_path: Path) -> None:
    found = schedule()
    figure = draw_gantt(found, "title")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["critical path", *rows_of(found)]
    assert set(rows_of(found)) == {name for name, share in found.utilisation.items() if share > 0}
    files = [save_as(draw_gantt(found, "title"), tmp_path / f"{i}.png").read_bytes() for i in range(2)]
    assert files[0] == files[1]


def test_a_picture_of_many_resources_keeps_those_that_are_held_longest() -> None:
    tasks = tuple(Task(f"t{i}", f"r{i}", 1.0 + i) for i in range(40))
    found = run(TaskGraph(tasks, tuple(Resource(f"r{i}") for i in range(40))))
    assert rows_of(found) == [f"r{i}" for i in range(18, 40)]
    notes = [text.get_text() for text in draw_gantt(found, "").axes[0].texts]
    assert "and 18 more" in notes


def test_bars_that_touch_are_one() -> None:
    assert merged([(3.0, 4.0), (0.0, 1.0), (1.0, 2.0), (0.2, 0.5)], 0.0) == [(0.0, 2.0), (3.0, 4.0)]
    assert merged([(0.0, 1.0), (1.5, 2.0)], 0.5) == [(0.0, 2.0)]
    assert merged([], 0.1) == []
