"""Long runs from short ones, against the full run."""

from typing import Any

import pytest

from imcsim.core.errors import EventsError
from imcsim.events import StepOptions, Work, long_run, run, training_graph, work_of
from tests.chip.hand import random_trace, small_chip

STEPS = 48


def work(vectors: tuple[int, int], chip: str = "hybrid-28nm", **more: Any) -> Work:
    counts: dict[str, Any] = {"input_gradient_vectors": [0, vectors[1]]}
    counts |= dict.fromkeys(("forward_vectors", "weight_gradient_vectors"), vectors)
    trace = random_trace(2, positions=1, counts=counts, task_counts={"optimizer_steps": STEPS})
    return work_of(trace, small_chip(chip, more).config, 0)


@pytest.mark.parametrize("chip", ["all-rram-28nm", "all-sram-28nm", "hybrid-28nm"])
def test_steps_that_repeat_are_counted_exactly(chip: str) -> None:
    of, options = work((12 * STEPS, 3 * STEPS), chip), StepOptions(steps=STEPS, vectors_per_task=1)
    found, full = long_run(of, options), run(training_graph(of, options))
    assert (found.repeats, found.error) == (True, 0.0)
    assert found.simulated_steps < STEPS / 4
    assert found.latency_s == pytest.approx(full.makespan_s, rel=1e-9)


def test_steps_that_differ_by_a_vector_stay_within_the_stated_error() -> None:
    of, options = work((1000, 250)), StepOptions(steps=STEPS, vectors_per_task=1)
    found, full = long_run(of, options, tolerance=0.2), run(training_graph(of, options))
    assert not found.repeats
    assert 0 < found.error <= 0.2
    assert found.simulated_steps < STEPS
    assert abs(found.latency_s / full.makespan_s - 1) <= found.error


def test_a_tolerance_that_cannot_be_met_runs_every_step() -> None:
    of, options = work((100, 25)), StepOptions(steps=STEPS, vectors_per_task=1)
    found = long_run(of, options, tolerance=1e-9)
    assert found.simulated_steps == STEPS
    assert found.error == 0
    assert found.latency_s == run(training_graph(of, options)).makespan_s


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_short_runs_are_themselves(steps: int) -> None:
    of, options = work((12 * STEPS, 3 * STEPS)), StepOptions(steps=steps)
    found = long_run(of, options)
    assert found.latency_s == pytest.approx(run(training_graph(of, options)).makespan_s, rel=1e-9)


@pytest.mark.parametrize(
    ("more", "options", "tolerance", "sentence"),
    [
        ({}, {"once": True}, 0.01, "leave out what a task does once"),
        ({}, {"steps": 99}, 0.01, "task 0 has 48 steps, got steps = 99"),
        ({}, {}, 0.0, "tolerance must be > 0, got 0"),
        ({"sram.write_policy": "epoch"}, {}, 0.01, r"but sram.write_policy = 'epoch'"),
    ],
)
def test_what_a_long_run_refuses(
    more: dict[str, Any], options: dict[str, Any], tolerance: float, sentence: str
) -> None:
    with pytest.raises(EventsError, match=sentence):
        long_run(work((96, 48), **more), StepOptions(**options), tolerance)
