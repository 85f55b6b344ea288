"""Training steps against the closed form of latency and energy, and what contention adds."""

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.chip import price
from imcsim.chip.pace import forward_pace
from imcsim.core.errors import EventsError
from imcsim.events import (
    Schedule,
    StepOptions,
    Work,
    closed_form_graph,
    closed_form_s,
    run,
    training_graph,
    work_of,
)
from imcsim.mapping.masks import expand_pe_mask, tile_grid
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from tests.chip.hand import ENCODINGS, Codes, random_trace, small_chip

CHIPS = ("all-rram-28nm", "all-sram-28nm", "hybrid-28nm")
GRADIENTS = ("transposable", "second-copy", "digital")
EVERY = list(product(CHIPS, GRADIENTS))
PLAIN: dict[str, Any] = {"transport": False, "overlap": False, "vectors_per_task": 1}
MORE: dict[str, Any] = {
    "relu_elements": 500, "other_kept_elements": 3_000_000, "peak_kept_elements": 3_000_000, "digital_parameters": 7,
    "mask_bits": 64, "replay_samples_read": 2, "replay_bytes_read": 100,
    "scoring_bytes": 10, "scoring_macs": 1000, "optimizer_state_values": 10,
}  # fmt: skip
SCORING: dict[str, Any] = {
    "scoring_forward_vectors": [4, 4], "scoring_input_gradient_vectors": [0, 4],
    "scoring_weight_gradient_macs": [30, 4],
}  # fmt: skip


def full_trace(seed: int = 1, trains: Mapping[str, bool] | None = None) -> Trace:
    """Everything that is charged happens: spilled activations, signs, replay, masks, scoring, frozen PEs."""
    rng = np.random.default_rng(seed)
    layers = [linear_layer("a", 10, 5, positions=4), linear_layer("b", 5, 3)]
    placement = {s.name: rng.random((3, *tile_grid(s.matrix_shape, (4, 2)))) < 0.6 for s in layers}
    for name, value in (trains or {}).items():
        placement[name][:] = value
    start = {s.name: rng.integers(-100, 100, s.matrix_shape) for s in layers}
    history: dict[str, list[list[list[Codes]]]] = {}
    for spec in layers:
        now, history[spec.name] = start[spec.name], []
        for task in range(3):
            mask = expand_pe_mask(placement[spec.name][task], spec.matrix_shape, (4, 2))
            moves = [rng.integers(-2, 3, now.shape) * mask for _ in range(6)]
            steps = [now + np.sum(moves[: i + 1], axis=0) for i in range(6)]
            now = steps[-1]
            history[spec.name].append([steps[:3], steps[3:]])
    counts = {
        "forward_vectors": [64, 16], "input_gradient_vectors": [0, 16], "weight_gradient_vectors": [64, 16],
        "weight_gradient_macs": [64 * 30, 16 * 9], "kept_elements": [160, 80], "updated_weights": [180, 54], **SCORING,
    }  # fmt: skip
    more: dict[str, Any] = {"counts": counts, "task_counts": MORE, "placement": placement, "pe_tile": (4, 2)}
    return make_trace(layers, start, history, ENCODINGS, **more)


def even_trace(vectors: int = 60) -> Trace:
    """The same number of vectors in each layer, whole ones in each step."""
    counts: dict[str, Any] = {"input_gradient_vectors": [0, vectors]}
    counts |= {name: [vectors, vectors] for name in ("forward_vectors", "weight_gradient_vectors")}
    return random_trace(2, positions=1, counts=counts)


def chip_of(name: str, more: Mapping[str, Any] | None = None) -> Any:
    sizes = {kind: 64 for kind in ("rram.pe_count", "sram.pe_count") if kind[:4] in name or "hybrid" in name}
    return small_chip(name, {**sizes, **(more or {})})


def work(trace: Trace, name: str, more: Mapping[str, Any] | None = None, task: int = 0) -> Work:
    return work_of(trace, chip_of(name, more).config, task)


def simulate(of: Work, generator: np.random.Generator | None = None, **options: Any) -> Schedule:
    return run(training_graph(of, StepOptions(**{"steps": of.steps, "once": True, **options}), generator))


@pytest.mark.parametrize(("name", "gradient"), EVERY)
def test_the_closed_form_as_a_graph_takes_as_long_as_the_closed_form(name: str, gradient: str) -> None:
    trace, chip = full_trace(), chip_of(name, {"input_gradient": gradient})
    times = price(trace, chip).latency_by_task
    for task in range(3):
        found = run(closed_form_graph(work_of(trace, chip.config, task)))
        assert found.makespan_s == pytest.approx(times[task].total, rel=1e-9)
        for phase, leaf in (("scoring", "scoring"), ("update", "update"), ("dram", "dram")):
            spent = found.critical_phases_s().get(phase, 0.0)
            assert spent == pytest.approx(times[task].leaves[leaf,], rel=1e-9)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        *((name, {"input_gradient": gradient}) for name, gradient in EVERY),
        ("hybrid-28nm", {"commit": "lazy"}),
        ("hybrid-28nm", {"sram.pe_count": 3, "overflow": "rram"}),
        ("hybrid-28nm", {"charge_migration": False, "sram.write_policy": "epoch"}),
        ("all-rram-28nm", {"rram.write_policy": "task", "skip_masked_gradients": False}),
        ("all-sram-28nm", {"weight_gradient": "sram-array", "master_copy.location": "dram"}),
        ("all-sram-28nm", {"oversize": "multiplex", "sram.pe_count": 5}),
    ],
)
def test_energy_is_that_of_the_price(name: str, more: dict[str, Any]) -> None:
    trace, chip = full_trace(), chip_of(name, more)
    report = price(trace, chip)
    for task in range(3):
        found, tree = simulate(work_of(trace, chip.config, task)), report.energy_by_task[task]
        dynamic = tree.total - tree.part("leakage").total
        assert found.energy_j == pytest.approx(dynamic, rel=1e-9)
        assert found.makespan_s >= found.graph.critical_path_s * (1 - 1e-12)


@pytest.mark.parametrize("name", CHIPS)
def test_leakage_over_the_same_time_is_that_of_the_price(name: str) -> None:
    trace, chip = full_trace(), chip_of(name)
    for task, tree in enumerate(price(trace, chip).energy_by_task):
        of = work_of(trace, chip.config, task)
        leaked = of.leakage_w() * run(closed_form_graph(of)).makespan_s
        assert leaked == pytest.approx(tree.part("leakage").total, rel=1e-9)
        assert leaked > 0


@pytest.mark.parametrize(("name", "gradient"), EVERY)
def test_where_nothing_contends_it_is_the_closed_form(name: str, gradient: str) -> None:
    # every layer has as many vectors, write drivers suffice: what is left of the closed form are its serial parts
    more = {"input_gradient": gradient}
    if "sram" not in name:
        more["rram.parallel_write_pes"] = "1000"
    trace = even_trace()
    times = price(trace, chip_of(name, more)).latency_by_task
    for task in range(3):
        found = simulate(work(trace, name, more, task), **PLAIN)
        parts = ("forward", "input_gradient", "weight_gradient", "update", "migration")
        assert found.makespan_s == pytest.approx(sum(times[task].leaves[part,] for part in parts), rel=1e-9)


def test_with_other_numbers_of_vectors_the_closed_form_is_a_lower_bound() -> None:
    trace = full_trace(trains={"a": True, "b": False})  # 'a' in SRAM, 'b' in RRAM, which is many times slower
    trace.task_counts["samples"][:] = 3 * 6
    trace.counts["forward_vectors"][:] = [12 * 6, 3 * 6]  # four of 'a' for one of 'b', in each of 6 steps
    of = work(trace, "hybrid-28nm")
    fast_s, slow_s = forward_pace(of.placed).vector_s[0]
    assert slow_s > 4 * fast_s
    closed = price(trace, chip_of("hybrid-28nm")).latency_by_task[0].leaves["forward",] / of.steps
    assert closed == pytest.approx(3 * slow_s + fast_s)
    found = simulate(of, **PLAIN, steps=1, once=False)
    assert found.end_of("forward") == pytest.approx(3 * slow_s + 4 * fast_s, rel=1e-9)


def test_what_spills_is_in_dram_before_it_is_read_back() -> None:
    found = simulate(work(full_trace(), "all-sram-28nm", {"dram.bandwidth_bits_per_s": 1e7}), steps=1)
    named = list(zip(found.graph.tasks, found.start_s, found.end_s, strict=True))
    written = [end for task, _, end in named if task.name.endswith("forward spill")]
    read = [start for task, start, _ in named if task.name.endswith("weight_gradient spill")]
    assert written
    assert read
    assert min(read) >= max(written)


def test_transport_and_overlap_change_what_they_say() -> None:
    of = work(even_trace(), "hybrid-28nm")
    plain = simulate(of, **PLAIN).makespan_s
    assert simulate(of, vectors_per_task=1, transport=False).makespan_s < plain
    assert simulate(of, vectors_per_task=1, overlap=False).makespan_s > plain


def test_layers_that_share_converters_wait_for_each_other() -> None:
    of = work(even_trace(), "all-rram-28nm")
    own, shared = (simulate(of, **PLAIN, steps=1, layers_per_adc=n) for n in (1, 2))
    assert own.waited_s["adc rram a"] == own.waited_s["adc rram b"] == 0
    assert shared.waited_s["adc rram group 0"] > 0
    assert shared.end_of("forward") > 1.2 * own.end_of("forward")
    assert shared.energy_j == pytest.approx(own.energy_j)


def test_a_short_queue_holds_the_layer_before_it_back() -> None:
    trace = even_trace(600)
    slow_b = {"array.rows": 4, "input_gradient": "transposable"}
    of = work(trace, "hybrid-28nm", slow_b)
    for queue in (1, 2, 1000):
        assert simulate(of, steps=1, queue_vectors=queue, vectors_per_task=1).energy_j > 0
    ends = [simulate(of, steps=1, queue_vectors=queue, vectors_per_task=1).makespan_s for queue in (1, 1000)]
    assert ends[0] > ends[1] == simulate(of, steps=1, vectors_per_task=1).makespan_s


def test_few_write_drivers_make_rows_wait() -> None:
    of = work(even_trace(), "all-rram-28nm", {"rram.parallel_write_pes": 1})
    found = simulate(of, **PLAIN, steps=1)
    busy, update = found.busy_s["write drivers"], found.critical_phases_s()["update"]
    assert update == pytest.approx(busy, rel=1e-9)
    assert update == pytest.approx(price(even_trace(), chip_of("all-rram-28nm", {"rram.parallel_write_pes": 1}))
                                   .latency_by_task[0].leaves["update",] / of.steps, rel=1e-9)  # fmt: skip


def test_drawn_pulses_have_the_mean_service_and_need_their_generator() -> None:
    of = work(even_trace(), "all-rram-28nm")
    mean = simulate(of, **PLAIN).busy_s["write drivers"]
    drawn = [simulate(of, np.random.default_rng(s), **PLAIN).busy_s["write drivers"] for s in range(40)]
    error = np.std(drawn) / math.sqrt(len(drawn))
    assert 0 < error < 0.05 * mean
    assert abs(np.mean(drawn) - mean) < 4 * error
    again = simulate(of, np.random.default_rng(3), **PLAIN)
    assert again.busy_s["write drivers"] == drawn[3]


def test_drawn_pulses_of_a_commit() -> None:
    of = work(full_trace(), "hybrid-28nm", {"commit": "task"})
    mean, drawn = simulate(of), simulate(of, np.random.default_rng(0))
    commit = [t.service_s for t in drawn.graph.tasks if t.resource == "write drivers" and t.phase == "migration"]
    assert commit
    assert sum(commit) != sum(t.service_s for t in mean.graph.tasks if t.resource == "write drivers")
    assert drawn.energy_j == pytest.approx(mean.energy_j)


def test_portions_of_vectors_change_the_filling_alone() -> None:
    of = work(even_trace(600), "all-sram-28nm")
    fine, coarse = (simulate(of, steps=1, vectors_per_task=n) for n in (1, 5))
    assert coarse.energy_j == pytest.approx(fine.energy_j)
    assert coarse.makespan_s == pytest.approx(fine.makespan_s, rel=0.1)
    assert len(coarse.graph.tasks) < len(fine.graph.tasks) / 3


def test_vectors_of_all_steps_add_up() -> None:
    of = work(random_trace(0), "all-sram-28nm")  # 64 and 16 vectors in 6 steps
    whole = simulate(of, once=False)
    parts = [simulate(of, once=False, steps=n).energy_j for n in (1, 5)]
    assert parts[0] < parts[1] < whole.energy_j
    port = [t for t in whole.graph.tasks if t.name == "a forward activation"]
    assert len(port) == 64


@pytest.mark.parametrize(
    ("task", "steps", "sentence"),
    [(7, 1, r"the trace has tasks 0 to 2, got 7"), (0, 9, r"task 0 has 6 steps, got steps = 9")],
)
def test_what_is_not_in_the_trace_is_refused(task: int, steps: int, sentence: str) -> None:
    with pytest.raises(EventsError, match=sentence):
        simulate(work(random_trace(0), "all-sram-28nm", task=task), steps=steps)


def test_a_task_without_steps_is_refused() -> None:
    trace = random_trace(0, still=(1,))
    for name, array in (*trace.counts.items(), *trace.task_counts.items()):
        array[1] = array[1] if "active" in name else 0
    trace.input_density[1] = 0.0
    with pytest.raises(EventsError, match=r"task 1 of the trace has no optimiser step"):
        work(trace, "all-sram-28nm", {"sram.write_policy": "task"}, task=1)


@settings(max_examples=25)
@given(st.data())
def test_laws_hold_for_any_vectors_and_options(data: st.DataObject) -> None:
    """Energy, critical path and no step that waits for ever, also with queues as short as they can be."""
    some = st.integers(0, 120)
    trace = full_trace(data.draw(st.integers(0, 3)))
    forward = np.array(data.draw(st.tuples(some.filter(lambda n: n >= 6), some.filter(lambda n: n >= 6))))
    positions = np.array([4, 1])
    trace.task_counts["samples"][:] = forward.max()
    trace.counts["forward_vectors"][:] = forward * positions
    for name in ("input_gradient_vectors", "weight_gradient_vectors"):
        trace.counts[name][:] = np.minimum(data.draw(st.tuples(some, some)), forward) * positions
    most = trace.counts["weight_gradient_vectors"] * [50, 15]
    trace.counts["weight_gradient_macs"][:] = most  # those of all weights
    trace.counts["updated_weights"][:] = np.minimum(most // positions, trace.counts["updated_weights"])
    trace.counts["kept_elements"][:] = np.minimum(trace.counts["kept_elements"], forward * positions * [10, 5])
    word = {spec.name: "levels are drawn apart from the counts" for spec in trace.meta.layers}
    trace = replace(trace, meta=trace.meta.model_copy(update={"set_layers": (word,) * trace.meta.tasks}))
    name, gradient = data.draw(st.sampled_from(EVERY))
    of = work(trace, name, {"input_gradient": gradient}, task=data.draw(st.integers(0, 2)))
    options: dict[str, Any] = {
        "vectors_per_task": data.draw(st.sampled_from([None, 1, 2, 7, 50])),
        "queue_vectors": data.draw(st.sampled_from([None, 1, 2, 17])),
        "layers_per_adc": data.draw(st.sampled_from([1, 2])),
        "priority": data.draw(st.sampled_from(["reads-first", "writes-first", "arrival"])),
        "overlap": data.draw(st.booleans()),
        "transport": data.draw(st.booleans()),
    }
    found = simulate(of, **options)
    assert found.energy_j == pytest.approx(of.closed_form_energy_j(), rel=1e-9)
    assert found.makespan_s >= found.graph.critical_path_s * (1 - 1e-12)
    assert sum(found.critical_s().values()) == pytest.approx(found.makespan_s, rel=1e-9)
    assert run(closed_form_graph(of)).makespan_s == pytest.approx(closed_form_s(of, of.steps, once=True), rel=1e-9)
