"""The file for Perfetto: strict JSON, one lane for each unit at work, times in microseconds."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from imcsim.events import Resource, Task, TaskGraph, perfetto_json, run
from imcsim.events.perfetto import lanes


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
