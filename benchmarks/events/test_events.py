"""The engine's rate against bare SimPy's, and an epoch of ResNet-18.

What bounds the engine: one SimPy event a task, about 1 us of Python each; as much again for who waits for whom.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import simpy

from imcsim.chip import load_chip
from imcsim.crossbar import Encoding
from imcsim.events import Resource, StepOptions, Task, TaskGraph, long_run, run, training_graph, work_of
from imcsim.events.plan import plan_of
from imcsim.learn.networks import build_network
from imcsim.learn.producers import layer_producers
from imcsim.learn.shapes import trace_layers
from imcsim.testing.traces import make_trace
from imcsim.trace import Trace

TASKS, LAYERS, BATCH, IMAGES = 100_000, 20, 32, 50_000


def layers_in_pairs() -> TaskGraph:
    """Vectors through 20 layers; two neighbours share an ADC, and an array is held until it has converted."""
    tasks: list[Task] = []
    for _ in range(TASKS // (2 * LAYERS)):
        for layer in range(LAYERS):
            read = len(tasks)
            tasks.append(Task("read", f"array {layer}", 1.0, 0.0, (read - 1,) if layer else (), until=read + 1))
            tasks.append(Task("convert", f"adc {layer // 2}", 2.0, 0.0, (read,)))
    arrays = [Resource(f"array {layer}") for layer in range(LAYERS)]
    return TaskGraph(tuple(tasks), (*arrays, *(Resource(f"adc {i}") for i in range(LAYERS // 2))))


def bare_simpy() -> None:
    """As many events, 30 processes at a time (so many tasks run at once in the graph), each of them a timeout."""
    clock = simpy.Environment()

    def process() -> Any:
        for _ in range(TASKS // 30):
            yield clock.timeout(1.0)

    for _ in range(30):
        clock.process(process())
    clock.run()


def cpu_s(action: Callable[[], object]) -> float:
    took = []
    for _ in range(5):
        start = time.process_time()
        action()
        took.append(time.process_time() - start)
    return min(took)


@pytest.mark.benchmark(group="events")
def test_the_engine_reaches_half_the_rate_of_bare_simpy(benchmark: Any) -> None:
    graph = layers_in_pairs()
    plan = plan_of(graph)
    bare, engine, whole = cpu_s(bare_simpy), cpu_s(lambda: run(graph, plan)), cpu_s(lambda: run(graph))
    benchmark.extra_info.update(bare_per_s=TASKS / bare, share_of_bare=bare / engine, share_with_plan=bare / whole)
    benchmark.pedantic(run, (graph, plan), rounds=1)
    assert bare / engine > 0.4


def epoch_trace() -> Trace:
    """Full-size ResNet-18 (width 64) on 32 x 32 images: an epoch of 50,000 in batches of 32."""
    network = build_network("resnet18", 10, (3, 32, 32))
    layers = trace_layers(network, (3, 32, 32))
    rng = np.random.default_rng(0)
    start = {spec.name: rng.integers(-100, 101, spec.matrix_shape) for spec in layers}
    history = {name: [[[codes + (rng.random(codes.shape) < 0.2)]]] for name, codes in start.items()}
    vectors = [IMAGES * spec.positions for spec in layers]
    counts = {
        "forward_vectors": vectors, "input_gradient_vectors": [0, *vectors[1:]], "weight_gradient_vectors": vectors,
        "weight_gradient_macs": [IMAGES * spec.macs for spec in layers],
        "kept_elements": [IMAGES * spec.input_elements for spec in layers],
        "updated_weights": [-(-IMAGES // BATCH) * spec.weight_count for spec in layers],
    }  # fmt: skip
    peak = BATCH * sum(spec.input_elements for spec in layers)
    more = {"optimizer_steps": -(-IMAGES // BATCH), "epochs": 1, "samples": IMAGES, "peak_kept_elements": peak}
    encoding = Encoding(sign="offset", weight_bits=8, cell_bits=1)
    graph = layer_producers(network, layers, (3, 32, 32))
    return make_trace(layers, start, history, [encoding], counts=counts, task_counts=more, producers=graph)


@pytest.mark.benchmark(group="events")
def test_an_epoch_of_resnet18(benchmark: Any) -> None:
    trace, chip = epoch_trace(), load_chip("all-sram-28nm", {"sram.pe_count": 30_000}).config
    begin = time.process_time()
    work = work_of(trace, chip, 0)
    found = long_run(work, StepOptions(steps=work.steps))
    took = time.process_time() - begin
    full = run(training_graph(work, StepOptions(steps=40)))
    short = long_run(work, StepOptions(steps=40))
    off = abs(short.latency_s / full.makespan_s - 1)
    tasks = len(found.simulated.graph.tasks) // found.simulated_steps
    benchmark.extra_info.update(
        latency_s=found.latency_s, stated_error=found.error, tasks_a_step=tasks, cpu_s=took, error_of_40_steps=off,
        stated_error_of_40_steps=short.error,
    )  # fmt: skip
    benchmark.pedantic(long_run, (work, StepOptions(steps=work.steps)), rounds=1)
    assert off <= short.error
    assert took < 10
    assert found.error <= 0.01


@pytest.mark.benchmark(group="events")
def test_cost_is_linear_in_vectors(benchmark: Any) -> None:
    def graph(vectors: int) -> TaskGraph:
        tasks = [Task("v", f"layer {i % LAYERS}", 1.0, after=(i - 1,) if i % LAYERS else ()) for i in range(vectors)]
        return TaskGraph(tuple(tasks), tuple(Resource(f"layer {i}") for i in range(LAYERS)))

    few, many = graph(20_000), graph(80_000)
    plans = plan_of(few), plan_of(many)
    ratio = cpu_s(lambda: run(many, plans[1])) / cpu_s(lambda: run(few, plans[0]))
    benchmark.extra_info.update(cost_of_four_times_the_vectors=ratio)
    benchmark.pedantic(run, (few,), rounds=1)
    assert 3 < ratio < 6
