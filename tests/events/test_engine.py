"""Schedules against ones made by hand, and laws that every schedule obeys."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.core.errors import EventsError
from imcsim.events import Buffer, Resource, Task, TaskGraph, doubled, run


def graph(tasks: list[Task], *resources: Resource, buffers: tuple[Buffer, ...] = ()) -> TaskGraph:
    return TaskGraph(tuple(tasks), resources, buffers)


def three_layers_one_adc(adcs: float = 1) -> TaskGraph:
    """Two vectors through three layers: an array read of 1 s, held until the shared ADC has converted for 2 s."""
    tasks: list[Task] = []
    for vector in range(2):
        for layer in range(3):
            after = (len(tasks) - 1,) if layer else ()
            read = len(tasks)
            tasks.append(Task(f"read {layer}.{vector}", f"array {layer}", 1.0, 0.25, after, until=read + 1))
            tasks.append(Task(f"convert {layer}.{vector}", "adc", 2.0, 0.5, (read,)))
    return graph(tasks, *(Resource(f"array {layer}") for layer in range(3)), Resource("adc", adcs))


def test_three_layers_share_one_adc() -> None:
    found = run(three_layers_one_adc())
    # array 0 reads vector 1 only when vector 0 is converted (3); the ADC is then free;
    # at 4 both layer 0 (vector 1) and layer 1 (vector 0) ask for it: the one that comes first in the graph goes first.
    starts = dict(zip((task.name for task in found.graph.tasks), found.start_s, strict=True))
    assert starts == {
        "read 0.0": 0, "convert 0.0": 1, "read 0.1": 3, "read 1.0": 3, "convert 1.0": 4, "convert 0.1": 6,
        "read 2.0": 6, "convert 2.0": 8, "read 1.1": 8, "convert 1.1": 10, "read 2.1": 12, "convert 2.1": 13,
    }  # fmt: skip
    assert found.makespan_s == 15
    assert found.energy_j == 6 * 0.75
    assert found.busy_s == {"array 0": 2, "array 1": 2, "array 2": 2, "adc": 12}
    assert found.held_s["array 0"] == (3 - 0) + (8 - 3)
    assert found.utilisation["adc"] == 12 / 15


def test_with_an_adc_a_layer_the_pipeline_takes_its_bottleneck() -> None:
    assert run(three_layers_one_adc(math.inf)).makespan_s == 3 * 3 + 3
    assert doubled(run(three_layers_one_adc()))["adc"] == pytest.approx(15 / 12)


@pytest.mark.parametrize(("read_first", "ends"), [(True, [5, 6, 7, 17]), (False, [5, 16, 17, 15])])
def test_a_read_overtakes_a_waiting_write_but_not_one_that_runs(read_first: bool, ends: list[float]) -> None:
    reads, writes = (0, 1) if read_first else (1, 0)
    tasks = [
        Task("first write", "port", 5.0, priority=writes),
        Task("read", "port", 1.0, priority=reads),
        Task("read again", "port", 1.0, priority=reads),
        Task("second write", "port", 10.0, priority=writes),
    ]
    # the first write alone is there at 0; the others come at 1
    late = [tasks[0], Task("wake", "clock", 1.0)]
    late += [Task(t.name, t.resource, t.service_s, after=(1,), priority=t.priority) for t in tasks[1:]]
    found = run(graph(late, Resource("port"), Resource("clock")))
    assert [found.end_s[i] for i in (0, 2, 3, 4)] == ends


def test_priorities_hold_between_tasks_that_come_at_the_same_time() -> None:
    # 'a' ends first in the queue and frees the low one; 'b' ends at the same time and frees the high one
    tasks = [
        Task("a", "x", 1.0),
        Task("b", "y", 1.0),
        Task("low", "port", 1.0, after=(0,), priority=1),
        Task("high", "port", 1.0, after=(1,), priority=0),
    ]
    found = run(graph(tasks, Resource("x"), Resource("y"), Resource("port")))
    assert found.start_s.tolist() == [0, 0, 2, 1]


def test_a_full_buffer_blocks_its_producer() -> None:
    tasks: list[Task] = []
    for i in range(4):
        tasks.append(Task(f"make {i}", "producer", 1.0, fills="belt"))
    for i in range(4):
        tasks.append(Task(f"use {i}", "consumer", 3.0, after=(i,), drains="belt"))
    resources = (Resource("producer"), Resource("consumer"))
    free = run(graph(tasks, *resources, buffers=(Buffer("belt", 4),)))
    assert free.end_s[:4].tolist() == [1, 2, 3, 4]
    tight = run(graph(tasks, *resources, buffers=(Buffer("belt", 2),)))
    # uses end at 4, 7, 10, 13; item 2 is begun when use 0 has ended, item 3 when use 1 has
    assert tight.start_s[:4].tolist() == [0, 1, 4, 7]
    assert tight.end_s[4:].tolist() == [4, 7, 10, 13]
    assert tight.makespan_s == free.makespan_s == 13
    one = run(graph(tasks, *resources, buffers=(Buffer("belt", 1),)))
    assert one.makespan_s == 4 * (1 + 3)


def test_a_buffer_that_nobody_frees_is_told() -> None:
    tasks = [Task("a", "x", 1.0, fills="b"), Task("c", "x", 1.0, fills="b")]
    with pytest.raises(EventsError, match=r"1 tasks wait for room in a buffer that nobody frees, first 'c'"):
        run(graph(tasks, Resource("x"), buffers=(Buffer("b", 1),)))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: graph([Task("a", "adk", 1.0)], Resource("adc")), r"'a' names no resource 'adk'; did you mean 'adc'\?"),
        (lambda: graph([Task("a", "x", -1.0)], Resource("x")), r"'a' needs service_s and energy_j finite and >= 0"),
        (lambda: graph([Task("a", "x", math.nan)], Resource("x")), r"finite and >= 0, got nan s"),
        (lambda: graph([Task("a", "x", 1.0, after=(0,))], Resource("x")), r"'a' \(0\) may wait for earlier tasks only"),
        (lambda: graph([Task("a", None, 1.0)]), r"'a' has no resource and so no service time"),
        (lambda: graph([Task("a", "x", until=3)], Resource("x")), r"'a' \(0\) can hold its resource until a later"),
        (lambda: graph([], Resource("x", 0)), r"capacity of 'x' must be a whole number >= 1 or inf, got 0"),
        (lambda: graph([], Resource("x"), Resource("x")), r"must have different names"),
        (lambda: graph([], buffers=(Buffer("b", 0),)), r"buffer 'b' needs at least one place, got 0"),
        (
            lambda: graph([Task("a", "x", fills="b")], Resource("x")),
            r"needs 1 places in buffer 'b', which is not there",
        ),
        (
            lambda: graph([Task("a", "x", fills="b", places=(3, 0))], Resource("x"), buffers=(Buffer("b", 2),)),
            r"needs 3 places in buffer 'b', which has 2",
        ),
        (lambda: graph([], Resource("adc")).with_capacity("adk", 2), r"no resource 'adk'; did you mean 'adc'\?"),
    ],
)
def test_what_a_graph_refuses(make: Callable[[], TaskGraph], sentence: str) -> None:
    with pytest.raises(EventsError, match=sentence):
        make()


@st.composite
def graphs(draw: st.DrawFn) -> TaskGraph:
    resources = [Resource(f"r{i}", draw(st.sampled_from([1, 2, 3, math.inf]))) for i in range(draw(st.integers(1, 3)))]
    tasks: list[Task] = []
    for index in range(draw(st.integers(1, 14))):
        after = tuple(sorted(draw(st.sets(st.integers(0, index - 1), max_size=3)))) if index else ()
        where: Any = draw(st.sampled_from([None, *resources]))
        service = 0.0 if where is None else float(draw(st.integers(0, 5)))
        name = None if where is None else where.name
        tasks.append(Task(f"t{index}", name, service, draw(st.floats(0, 1)), after, draw(st.integers(0, 2))))
    return TaskGraph(tuple(tasks), tuple(resources))


@settings(max_examples=60)
@given(graphs())
def test_laws_of_every_schedule(made: TaskGraph) -> None:
    found = run(made)
    assert found.makespan_s >= made.critical_path_s
    service = np.array([task.service_s for task in made.tasks])
    assert np.array_equal(found.end_s - found.start_s, service)
    for index, task in enumerate(made.tasks):
        assert found.start_s[index] >= found.ready_s[index] >= max((found.end_s[i] for i in task.after), default=0.0)
    for resource in made.resources:
        mine = [i for i, task in enumerate(made.tasks) if task.resource == resource.name and task.service_s > 0]
        for i in mine:  # never more at once than the capacity, and never idle while one waits
            during = sum(found.start_s[j] <= found.start_s[i] < found.end_s[j] for j in mine)
            assert during <= resource.capacity
            for moment in np.arange(found.ready_s[i], found.start_s[i]):
                assert sum(found.start_s[j] <= moment < found.end_s[j] for j in mine) == resource.capacity
        busy = sum(float(service[i]) for i in mine)
        assert found.busy_s[resource.name] == busy
        assert found.makespan_s >= busy / resource.capacity
    assert found.energy_j == math.fsum(task.energy_j for task in made.tasks)
    path = found.critical_path
    assert found.start_s[path[0]] == 0
    assert all(found.end_s[a] == found.start_s[b] for a, b in pairwise(path))
    assert sum(found.critical_s().values()) == found.makespan_s


@settings(max_examples=20)
@given(graphs())
def test_the_same_graph_gives_the_same_bytes(made: TaskGraph) -> None:
    first, second = run(made), run(made)
    for name in ("ready_s", "start_s", "end_s", "cause"):
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


def test_unlimited_resources_take_the_critical_path() -> None:
    made = three_layers_one_adc()
    for resource in made.resources:
        made = made.with_capacity(resource.name, math.inf)
    assert run(made).makespan_s == made.critical_path_s == 9


def test_doubling_what_nothing_waits_for_changes_nothing() -> None:
    found = doubled(run(three_layers_one_adc()))
    assert found["array 2"] == 1.0
    assert set(found) == {"array 0", "array 1", "array 2", "adc"}
    assert doubled(run(three_layers_one_adc()), {"it": ["adc"]}).keys() == {"it"}


def test_an_array_that_waits_for_its_own_converters_is_doubled_with_them() -> None:
    tasks: list[Task] = []
    for vector in range(4):
        tasks.append(Task(f"read {vector}", "array", 1.0, until=2 * vector + 1))
        tasks.append(Task(f"convert {vector}", "adc", 2.0, after=(2 * vector,)))
    found = doubled(run(graph(tasks, Resource("array"), Resource("adc"))))
    # 4 x 3 s one after the other; two arrays with one converter: 1 + 4 x 2; two of both: 2 x 3
    assert found == {"array": 12 / 9, "adc": 1.0, "array + adc": 12 / 6}


def test_an_empty_graph_takes_no_time() -> None:
    found = run(TaskGraph((), (Resource("x"),)))
    assert (found.makespan_s, found.critical_path, found.utilisation) == (0.0, (), {"x": 0.0})
