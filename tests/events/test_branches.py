"""Networks with branches: hand-made schedules on one converter, joins, and laws for any graph of layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.events import Resource, Schedule, StepOptions, Task, TaskGraph, Work, run, training_graph, work_of
from imcsim.events.branches import links_of, nearest, reversed_edges
from imcsim.events.passes import backward_pass, forward_pass
from imcsim.testing.traces import linear_layer, make_trace
from tests.chip.hand import ENCODINGS, small_chip

# a feeds two branches, b1 -> b2 and c; d reads their sum
NAMES = ("a", "b1", "b2", "c", "d")
BRANCHES = ((), ("a",), ("b1",), ("a",), ("b2", "c"))
FEEDS = ((), (0,), (1,), (0,), (2, 3))
PLAIN: dict[str, Any] = {"transport": False, "vectors_per_task": 1}


def branched(
    producers: Sequence[tuple[str, ...]] = BRANCHES, vectors: Sequence[int] = (1,) * 5, chip: str = "all-rram-28nm"
) -> Work:
    """One step of one task; each layer is one 4 x 2 PE."""
    layers = [linear_layer(f"{name}", 4, 2) for name in NAMES]
    start = {spec.name: np.zeros(spec.matrix_shape, dtype=np.int64) for spec in layers}
    history = {spec.name: [[[start[spec.name] + 1]]] for spec in layers}
    counts = {
        "forward_vectors": vectors, "input_gradient_vectors": vectors, "weight_gradient_vectors": vectors,
        "weight_gradient_macs": [8 * count for count in vectors], "updated_weights": [8] * 5,
    }  # fmt: skip
    trace = make_trace(layers, start, history, ENCODINGS, counts=counts, producers=producers)
    return work_of(trace, small_chip(chip).config, 0)


def ends_of(found: Schedule, phase: str) -> dict[str, float]:
    """Layer -> when its arrays are done in ``phase``."""
    tasks = zip(found.graph.tasks, found.end_s, strict=True)
    return {task.name.removesuffix(f" {phase}"): end for task, end in tasks if task.name.endswith(f" {phase}")}


def test_two_branches_share_one_adc() -> None:
    tasks: list[Task] = []
    done: dict[str, int] = {}
    for name, before in zip(NAMES, BRANCHES, strict=True):
        read = len(tasks)
        tasks.append(Task(f"read {name}", f"array {name}", 1.0, after=tuple(done[b] for b in before), until=read + 1))
        tasks.append(Task(f"convert {name}", "adc", 2.0, after=(read,)))
        done[name] = read + 1
    arrays = [Resource(f"array {name}") for name in NAMES]
    found = run(TaskGraph(tuple(tasks), (*arrays, Resource("adc"))))
    starts = dict(zip((task.name for task in tasks), found.start_s, strict=True))
    # b1 and c ask for the ADC at 4; b1 comes first in the graph, c waits till 6, and b2, read at 7, waits for c till 8
    assert starts == {
        "read a": 0, "convert a": 1, "read b1": 3, "read c": 3, "convert b1": 4, "convert c": 6, "read b2": 6,
        "convert b2": 8, "read d": 10, "convert d": 11,
    }  # fmt: skip
    assert found.makespan_s == 13
    path = [tasks[i].name for i in found.critical_path]
    assert path == ["read a", "convert a", "read b1", "convert b1", "convert c", "convert b2", "read d", "convert d"]
    free = run(found.graph.with_capacity("adc", 2))
    assert free.makespan_s == 4 * (1 + 2)  # the longer branch alone
    assert [tasks[i].name for i in free.critical_path if tasks[i].name[-1] == "c"] == []


def test_a_step_with_two_branches_on_one_adc() -> None:
    of = branched()
    (there,), (back,) = forward_pass(of).stages[0], backward_pass(of).stages[0]
    assert there.settle_s < there.convert_s
    assert back.settle_s < back.convert_s
    found = run(training_graph(of, StepOptions(**PLAIN, layers_per_adc=5)))
    # forward: a, then b1 and c read together and convert in turn, b2 waits for c; then d
    assert found.end_of("forward") == pytest.approx(3 * there.settle_s + 5 * there.convert_s, rel=1e-12)
    # back: d; then c and b2 read together, c converts first; b1; a, which needs the errors of b1 and c
    took = found.end_of("input_gradient") - found.end_of("forward")
    assert took == pytest.approx(4 * back.settle_s + 5 * back.convert_s, rel=1e-12)


def test_the_critical_path_takes_the_longer_branch() -> None:
    of = branched()
    (stage,) = forward_pass(of).stages[0]
    found = run(training_graph(of, StepOptions(**PLAIN)))
    assert found.end_of("forward") == pytest.approx(4 * (stage.settle_s + stage.convert_s), rel=1e-12)
    held = {name for name, seconds in found.critical_s().items() if seconds > 0}
    assert {"rram a", "rram b1", "rram b2", "rram d"} <= held
    assert "rram c" not in held
    chain = run(training_graph(branched(()), StepOptions(**PLAIN)))
    assert chain.end_of("forward") == pytest.approx(5 * (stage.settle_s + stage.convert_s), rel=1e-12)
    assert found.energy_j == pytest.approx(chain.energy_j, rel=1e-12)
    assert found.energy_j == pytest.approx(of.closed_form_energy_j(), rel=1e-12)


def test_weight_gradients_need_the_errors_of_both_branches() -> None:
    of = branched(vectors=(4, 4, 4, 1, 4))
    found = run(training_graph(of, StepOptions(**PLAIN)))
    errors = ends_of(found, "input_gradient")
    first = min(
        ready for task, ready in zip(found.graph.tasks, found.ready_s, strict=True)
        if task.name == "a weight_gradient"
    )  # fmt: skip
    arrived = [
        end for task, end in zip(found.graph.tasks, found.end_s, strict=True) if task.name == "b1 input_gradient"
    ]
    assert first == max(min(arrived), errors["c"])


def test_producers_that_are_a_chain_change_nothing() -> None:
    chain = ((), ("a",), ("b1",), ("b2",), ("c",))
    shortcut = ((), ("a",), ("b1",), ("a", "b2"), ("b1", "c"))  # identities round b1, b2 and round b2, c
    options = StepOptions(vectors_per_task=1, queue_vectors=1)
    plain = run(training_graph(branched(()), options))
    for producers in (chain, shortcut):
        found = run(training_graph(branched(producers), options))
        assert found.graph == plain.graph
        assert np.array_equal(found.end_s, plain.end_s)


def test_links_by_hand() -> None:
    every = np.ones(5, dtype=bool)
    assert links_of(FEEDS, every, backward=False).sources == {0: (), 1: (0,), 2: (1,), 3: (0,), 4: (2, 3)}
    back = links_of(FEEDS, every, backward=True)
    assert list(back.sources.items()) == [(4, ()), (3, (4,)), (2, (4,)), (1, (2,)), (0, (1, 3))]
    assert [back.only_next(layer) for layer in range(5)] == [None, None, 1, None, None]
    without = np.array([True, False, False, True, True])  # the longer branch is not in use: d is fed by a through it
    assert links_of(FEEDS, without, backward=False).sources == {0: (), 3: (0,), 4: (3,)}
    assert nearest(reversed_edges(FEEDS), without)[0] == (4, 3)


@st.composite
def feeds(draw: st.DrawFn, count: int = 5) -> tuple[tuple[int, ...], ...]:
    return tuple(
        tuple(sorted(draw(st.sets(st.integers(0, i - 1), min_size=1, max_size=3)))) if i else () for i in range(count)
    )


def reached(edges: Sequence[Sequence[int]], layer: int) -> set[int]:
    return set().union(*({other} | reached(edges, other) for other in edges[layer]))


@given(feeds(6), st.booleans())
def test_links_reach_what_the_graph_reaches_with_no_edge_too_many(
    edges: tuple[tuple[int, ...], ...], backward: bool
) -> None:
    found = links_of(edges, np.ones(6, dtype=bool), backward=backward).sources
    short = [found[layer] for layer in range(6)]
    for layer in range(6):
        assert reached(short, layer) == reached(reversed_edges(edges) if backward else edges, layer)
        assert not any(other in reached(short, one) for one in short[layer] for other in short[layer])


@settings(max_examples=30)
@given(st.data())
def test_laws_hold_for_any_branches(data: st.DataObject) -> None:
    """Energy, critical path, and no step that waits for ever, however short the queues."""
    edges, some = data.draw(feeds()), st.integers(1, 30)
    producers = tuple(tuple(NAMES[other] for other in others) for others in edges)
    chip = data.draw(st.sampled_from(["all-rram-28nm", "all-sram-28nm"]))
    vectors = np.array(data.draw(st.tuples(some, some, some, some, some)))
    for layer, others in enumerate(edges):  # no layer sees more than those that it reads from
        vectors[layer] = min(vectors[layer], vectors[list(others)].max()) if others else vectors[layer]
    of = branched(producers, vectors.tolist(), chip)
    options = StepOptions(
        vectors_per_task=data.draw(st.sampled_from([1, 2, 7])), queue_vectors=data.draw(st.sampled_from([None, 1, 5])),
        layers_per_adc=data.draw(st.sampled_from([1, 5])), overlap=data.draw(st.booleans()),
    )  # fmt: skip
    found = run(training_graph(of, options))
    assert found.makespan_s >= found.graph.critical_path_s * (1 - 1e-12)
    assert found.energy_j == pytest.approx(of.closed_form_energy_j(), rel=1e-9)
