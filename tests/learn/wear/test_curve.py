"""Accuracy against age: limits by hand, the grid of ages, and two ways to measure it that agree where they must."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imcsim.chip import load_chip
from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.learn.api import learn
from imcsim.learn.config import LearnConfig
from imcsim.learn.wear.curve import AccuracyCurve, age_grid, limit_reached
from imcsim.learn.wear.learned import final_accuracy, learned_accuracy
from imcsim.learn.wear.of_chip import cycles_of_cells, wear_of_chip
from imcsim.learn.wear.served import served_accuracy
from imcsim.life import CellRates, Endurance, outlook
from imcsim.testing.methods import TINY
from imcsim.trace import Trace
from tests.chip.hand import random_trace, small_chip

MIDDLE = ("all-rram-28nm", "hybrid-28nm")


@pytest.fixture(scope="module")
def trace() -> Trace:
    return learn(parse(LearnConfig, {**TINY, "method": "er", "epochs": 8, "learning_rate": 0.1}, "test"))


def curve(*rows: list[float], ages: tuple[float, ...] = (1.0, 10.0, 100.0)) -> AccuracyCurve:
    accuracy = np.array(rows)
    return AccuracyCurve("served", "class-il", 1.0, np.array(ages), accuracy, np.zeros_like(accuracy))


def test_a_limit_between_two_ages_is_log_linear() -> None:
    reached = limit_reached(curve([1.0, 1.0, 0.8]), 0.9)
    assert reached.median == pytest.approx(10 * np.sqrt(10))
    assert limit_reached(curve([0.85, 1.0, 0.8]), 0.9).median == 1.0  # below at once
    assert limit_reached(curve([1.0, 0.89, 1.0]), 0.9).median == pytest.approx(10 ** (0.1 / 0.11))  # the first time


def test_chips_that_never_fall_are_later_than_all() -> None:
    reached = limit_reached(curve([1.0, 0.5, 0.5], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]), 0.75)
    assert reached.early == pytest.approx(np.sqrt(10))
    assert reached.median is reached.late is None


@pytest.mark.parametrize("limit", [0.0, 1.0, -0.5, 90.0])
def test_a_limit_is_a_share(limit: float) -> None:
    with pytest.raises(ConfigError, match="a share of the fresh chip's accuracy, between 0 and 1, got"):
        limit_reached(curve([1.0, 1.0, 1.0]), limit)


@pytest.mark.parametrize("shape", [0.5, 2.2, 10.0])
def test_the_grid_spans_the_dead_shares_it_promises(shape: float) -> None:
    rates = CellRates({"l": np.repeat([0.0, 1e-3, 7.0], [5, 60_000, 40_000]).astype(np.float32)[None, None]}, 100_005)
    ages = age_grid(rates, Endurance(1e6, shape), 7)
    values, counts = rates.counts
    dead = [float((counts * -np.expm1(-((t * values / 1e6) ** shape))).sum() / counts.sum()) for t in ages[[0, -1]]]
    assert dead == pytest.approx([1e-4, 0.9], rel=1e-6)
    np.testing.assert_allclose(np.diff(np.log(ages)), np.log(ages[-1] / ages[0]) / 6)


def test_a_grid_needs_written_cells() -> None:
    with pytest.raises(ConfigError, match="no RRAM cell is written"):
        age_grid(CellRates({"l": np.zeros((1, 1, 3), np.float32)}, 3), Endurance(1e6, 2.0), 4)


def test_rates_go_back_to_their_weights() -> None:
    random, chip = random_trace(0), small_chip("all-rram-28nm")
    each = cycles_of_cells(outlook(random, chip).rates, random.meta.layers, chip.config)
    name = random.encoding(chip.config.geometry.encoding)
    for layer, rates in each.items():
        np.testing.assert_allclose(rates, random.changes["step", name, layer].sum(axis=0) / 3, rtol=1e-6)


def test_wear_follows_from_the_chip() -> None:
    changed = {"rram.cell.endurance_scale_cycles": 5e5, "rram.write_policy": "epoch"}
    wear = wear_of_chip(load_chip("all-rram-28nm", changed).config, chip_seed=3)
    assert (wear.policy, wear.endurance_scale_cycles, wear.chip_seed) == ("epoch", 5e5, 3)
    assert wear.encoding == load_chip("all-rram-28nm").config.geometry.encoding.name
    assert wear_of_chip(load_chip("hybrid-28nm").config).policy == "commit"


@pytest.mark.parametrize(
    ("name", "changed", "sentence"),
    [
        ("all-sram-28nm", {}, "'all-sram-28nm' has no RRAM"),
        ("hybrid-28nm", {"commit": "lazy"}, "need commit = 'task', and 'hybrid-28nm' has 'lazy'"),
    ],
)
def test_chips_that_do_not_wear_so_are_refused(name: str, changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        wear_of_chip(load_chip(name, changed).config)


@pytest.mark.parametrize("name", MIDDLE)
def test_a_young_chip_is_a_fresh_one_and_an_old_one_is_not(trace: Trace, name: str) -> None:
    chip = load_chip(name)
    found = outlook(trace, chip)
    ages = np.array([1e-3, 1e12])
    seen = list[tuple[int, int]]()
    served = served_accuracy(trace, chip.config, found, ages, 2, lambda done, total, _: seen.append((done, total)))
    assert served.fresh == final_accuracy(trace) == served.accuracy[0, 0] == served.accuracy[1, 0]
    assert (served.accuracy[:, 1] < served.fresh).all()
    written = sum(int((rates > 0).sum()) for rates in found.rates.layers.values())
    np.testing.assert_allclose(served.dead_share, [[0, written / found.cells]] * 2)
    assert seen[-1] == (4, 4)


def test_a_chip_that_learns_in_sram_serves_old_weights_and_new_ones_alike(trace: Trace) -> None:
    """SRAM never sees a dead cell, so that learning again makes up for nothing: both figures are the same chip's."""
    chip = load_chip("hybrid-28nm")
    found = outlook(trace, chip)
    ages = age_grid(found.rates, Endurance(1e7, 2.2), 4)[1:3]
    served = served_accuracy(trace, chip.config, found, ages, 1)
    learned = learned_accuracy(trace, chip.config, found, ages, 1)
    np.testing.assert_array_equal(served.accuracy, learned.accuracy)
    np.testing.assert_allclose(served.dead_share, learned.dead_share, rtol=1e-3)


def test_a_learner_that_sees_dead_cells_makes_up_for_some(trace: Trace) -> None:
    chip = load_chip("all-rram-28nm")
    found = outlook(trace, chip)
    ages = age_grid(found.rates, Endurance(1e7, 2.2), 6)[4:5]
    served, learned = (measure(trace, chip.config, found, ages, 2) for measure in (served_accuracy, learned_accuracy))
    assert learned.accuracy.mean() > served.accuracy.mean() + 0.1


def test_a_method_that_must_be_told_the_task_is_tested_on_each_alone() -> None:
    told = learn(parse(LearnConfig, {**TINY, "method": "piggyback", "pe_tile": [64, 8]}, "test"))
    chip = load_chip("all-rram-28nm")
    served = served_accuracy(told, chip.config, outlook(told, chip), np.array([1e-3]), 1)
    assert served.scenario == "task-il"
    assert served.fresh == final_accuracy(told) == served.accuracy[0, 0]


def test_a_trace_without_its_configuration_is_refused(tmp_path: Path) -> None:
    chip = small_chip("all-rram-28nm")
    bare = random_trace(0)
    with pytest.raises(ConfigError, match="the trace holds no configuration of its run"):
        served_accuracy(bare, chip.config, outlook(bare, chip), np.array([1.0]), 1)
