"""The four countings of writes (events, pulses, worst cell, update steps), and training over inference, by hand."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from imcsim.chip import Report, price
from imcsim.core.cost import Breakdown
from imcsim.report.record import record
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from tests.chip.hand import ENCODINGS, RRAM, one_pe_trace, random_trace, small_chip


def _walk(tasks: int = 2, epochs: int = 2, steps: int = 3) -> tuple[Trace, list[Any]]:
    """One 4 x 2 layer whose codes are drawn anew at every step, and the codes one after another."""
    rng = np.random.default_rng(5)
    drawn = [rng.integers(-127, 128, (1, 4, 2)) for _ in range(1 + tasks * epochs * steps)]
    flat = iter(drawn[1:])
    history = [[[next(flat) for _ in range(steps)] for _ in range(epochs)] for _ in range(tasks)]
    return make_trace([linear_layer("fc", 4, 2)], {"fc": drawn[0]}, {"fc": history}, ENCODINGS), drawn


def test_a_flat_event_takes_the_measured_pulses() -> None:
    chip = small_chip("all-rram-28nm")
    rram = chip.config.rram
    assert rram is not None
    report = price(one_pe_trace(), chip)
    # (0, 0): 0 -> 1 is one cell, 1 -> 4 two; (3, 1): -1 -> 1 is two: the cell of the lowest digit is written twice
    assert (report.writes["rram"].total, report.writes["rram"].worst) == (5, 2)
    assert report.pulses["rram"] == pytest.approx(5 * rram.cell.pulse_statistics(2)[0])
    assert report.update_steps == {"rram": 2}


@pytest.mark.parametrize("rule", ["harmonic", "arithmetic"])
def test_pulses_by_distance_against_a_recount_of_every_cell(rule: str) -> None:
    trace, drawn = _walk()
    levels = [RRAM.levels(codes).astype(int) for codes in drawn]
    moved = [np.abs(b - a) for a, b in pairwise(levels)]
    by_hand = sum(int(np.ceil(d * 4 / 3).sum()) for d in moved)  # dG_min is a quarter of the window, a level a third
    report = price(trace, small_chip("all-rram-28nm", {"rram.write_rule": rule}))
    assert report.pulses["rram"] == by_hand > report.writes["rram"].total


@pytest.mark.parametrize(("policy", "times"), [("step", 12), ("epoch", 4), ("task", 2)])
def test_update_steps_follow_the_write_policy(policy: str, times: int) -> None:
    trace, _ = _walk()
    chip = small_chip("all-rram-28nm", {"rram.write_policy": policy})
    assert price(trace, chip).update_steps == {"rram": times}


def test_a_hybrid_writes_its_sram_at_steps_and_its_rram_at_commits() -> None:
    trace, _ = _walk()
    report = price(trace, small_chip("hybrid-28nm"))
    assert report.update_steps == {"rram": 2, "sram": 12}
    assert report.pulses["sram"] == report.writes["sram"].total  # one write a bit


def test_codes_that_stand_take_no_pulse_and_their_steps_count_all_the_same() -> None:
    report = price(random_trace(1, still=(0, 1, 2)), small_chip("all-rram-28nm"))
    assert report.writes["rram"].total == report.pulses["rram"] == 0
    assert report.update_steps["rram"] == 18


def test_loads_of_weights_that_take_turns_are_pulses_too() -> None:
    chip = small_chip("all-sram-28nm", {"sram.pe_count": 2, "oversize": "multiplex"})
    report = price(random_trace(1), chip)
    assert (
        report.pulses["sram"]
        == report.writes["sram"].total
        > price(random_trace(1), small_chip("all-sram-28nm")).writes["sram"].total
    )


def test_two_copies_take_twice_the_pulses() -> None:
    trace, _ = _walk()
    one, two = (
        price(trace, small_chip("all-rram-28nm", {"input_gradient": how, "rram.write_rule": "harmonic"}))
        for how in ("transposable", "second-copy")
    )
    assert two.pulses["rram"] == 2 * one.pulses["rram"]
    assert two.update_steps == one.update_steps


def test_training_over_inference_is_a_sample_over_an_image() -> None:
    trace = one_pe_trace(counts={"forward_vectors": 10}, task_counts={"samples": 10, "optimizer_steps": 2})
    report = price(trace, small_chip("all-rram-28nm"))
    assert report.samples == 10
    assert report.training_over_inference == pytest.approx(report.energy.total / 10 / report.inference.total)
    served_j = report.inference.total * report.horizon["inferences_per_task"]
    assert report.task_over_inferences == pytest.approx(report.energy.total / served_j)


def _without(report: Report, **changes: Any) -> Report:
    return replace(report, **changes)


def test_no_samples_or_no_inferences_is_no_ratio() -> None:
    report = price(one_pe_trace(), small_chip("all-rram-28nm"))
    assert _without(report, samples=0).training_over_inference is None
    assert _without(report, inference=Breakdown({})).training_over_inference is None
    unserved = _without(report, horizon={**report.horizon, "inference_energy_per_task_j": 0.0})
    assert unserved.task_over_inferences is None
    assert "no inference" in str(unserved)


def test_text_and_json_hold_all_four_and_the_ratio() -> None:
    report = price(_walk()[0], small_chip("hybrid-28nm"))
    said = str(report)
    for words in ("RRAM programming events", "pulses of these events", "worst cell", "update steps that write it"):
        assert words in said
    assert f"{report.training_over_inference:.3g} x" in said
    found = json.loads(json.dumps(record(report)))
    assert found["training_over_inference"]["sample"] == report.training_over_inference
    four = [found["writes"]["rram"][name] for name in ("total", "pulses", "worst", "update_steps")]
    rram = report.writes["rram"]
    assert four == [rram.total, report.pulses["rram"], rram.worst, report.update_steps["rram"]]
    assert found["row"]["rram_update_steps"] == 2
