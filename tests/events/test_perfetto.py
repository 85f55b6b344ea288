"""The file for Perfetto: strict JSON, one lane for each unit at work, times in microseconds."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.events import Resource, StepOptions, Task, TaskGraph, perfetto_json, run, training_graph, work_of
from imcsim.events.perfetto import lanes
from tests.chip.hand import random_trace, small_chip


def refuse(text: str) -> float:
    raise ValueError(text)


def test_two_units_of_one_resource_get_two_lanes() -> None:
    tasks = [Task(f"t{i}", "drivers", 2e-6, 1e-12, phase="update") for i in range(3)]
    found = run(TaskGraph((*tasks, Task("meet", None, after=(0,))), (Resource("drivers", 2), Resource("idle"))))
    events = json.loads(perfetto_json(found), parse_constant=refuse)["traceEvents"]
    assert [e["args"]["name"] for e in events if e["ph"] == "M"] == ["drivers"]
    spans = [(e["name"], e["tid"], e["ts"], e["dur"], e["cat"]) for e in events if e["ph"] == "X"]
    assert spans == [("t0", 0, 0, 2, "update"), ("t1", 1, 0, 2, "update"), ("t2", 0, 2, 2, "update")]
    assert [e["args"]["waited_s"] for e in events if e["ph"] == "X"] == [0, 0, 2e-6]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), max_size=20))
def test_lanes_never_overlap_and_are_as_few_as_possible(spans: list[tuple[int, int]]) -> None:
    given_spans = sorted((float(start), float(start + length)) for start, length in spans)
    found = lanes(given_spans)
    for i, (start, end) in enumerate(given_spans):
        for j in range(i):
            if found[i] == found[j]:
                assert given_spans[j][1] <= start < end
    most = max((sum(a <= t < b for a, b in given_spans) for t, _ in given_spans), default=0)
    assert max(found, default=-1) + 1 == most
    assert not any(math.isnan(lane) for lane in found)


def strict(text: str, tasks: int) -> None:
    """Check what the Trace Event Format asks of complete and metadata events, and what viewers choke on."""
    assert text.isascii()
    found = json.loads(text, parse_constant=refuse)
    assert set(found) == {"traceEvents", "displayTimeUnit"}
    assert found["displayTimeUnit"] in ("ms", "ns")
    names: dict[int, str] = {}
    last: dict[tuple[int, int], float] = {}
    for event in found["traceEvents"]:
        assert type(event["pid"]) is int
        assert isinstance(event["name"], str)
        assert event["name"]
        if event["ph"] == "M":
            assert event["name"] == "process_name"
            assert event["pid"] not in names
            names[event["pid"]] = event["args"]["name"]
            continue
        assert event["ph"] == "X"
        assert event.keys() == {"ph", "pid", "tid", "name", "cat", "ts", "dur", "args"}
        assert type(event["tid"]) is int
        assert isinstance(event["cat"], str)
        assert event["cat"]
        assert event["pid"] in names  # a process is named before its first event
        assert type(event["ts"]) is type(event["dur"]) is float
        assert event["dur"] >= 0
        lane = event["pid"], event["tid"]
        # in order, and none begins inside the one before: viewers would nest it, or drop it
        assert event["ts"] >= last.get(lane, 0.0) * (1 - 1e-12)
        last[lane] = event["ts"] + event["dur"]
        assert all(math.isfinite(value) and value >= 0 for value in event["args"].values())
    assert len(set(names.values())) == len(names)
    assert sum(event["ph"] == "X" for event in found["traceEvents"]) == tasks
    assert len(text) < 400 * (tasks + len(names))


def test_a_training_step_keeps_the_rules_of_the_format() -> None:
    of = work_of(random_trace(2), small_chip("hybrid-28nm").config, 0)
    found = run(training_graph(of, StepOptions(steps=2, vectors_per_task=1)))
    text = perfetto_json(found)
    strict(text, sum(task.resource is not None for task in found.graph.tasks))
    spans = [event for event in json.loads(text)["traceEvents"] if event["ph"] == "X"]
    last_us = max(event["ts"] + event["dur"] for event in spans)
    assert last_us == pytest.approx(found.makespan_s * 1e6, rel=1e-12)  # microseconds
    assert math.fsum(event["args"]["energy_j"] for event in spans) == pytest.approx(found.energy_j, rel=1e-12)


def test_names_of_any_alphabet_stay_valid() -> None:
    tasks = (Task('"a\\b"\n\u2603', "x\u00e9", 1.0),)
    text = perfetto_json(run(TaskGraph(tasks, (Resource("x\u00e9"),))))
    strict(text, 1)
    assert json.loads(text)["traceEvents"][1]["name"] == tasks[0].name
