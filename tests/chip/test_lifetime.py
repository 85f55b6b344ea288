"""One definition of life: ``price``, ``life`` and ``crash`` print the same tasks, task switches included."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from imcsim.chip import price
from imcsim.chip.placed import place
from imcsim.chip.wear.cell_writes import cell_writes
from imcsim.chip.writes import writes_of
from imcsim.life import outlook, wear_ledger
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from tests.chip.hand import ENCODINGS, RRAM, codes, random_trace, small_chip
from tests.life.test_recording import SETUPS, random_masks


def switching(trace: Trace, *layers: str) -> Trace:
    """The trace of a method that gives ``layers`` other weights for each task."""
    return replace(trace, meta=trace.meta.model_copy(update={"switched_layers": layers}), cache={})


def one_weight() -> Trace:
    """One weight of two tasks, whose code is 0 at first and after the first task, and 3 after the second."""
    path = [codes([0]), codes([0]), codes([3])]
    made = make_trace([linear_layer("l", 1, 1)], {"l": path[0]}, {"l": [[[p]] for p in path[1:]]}, ENCODINGS)
    return switching(made, "l")


@pytest.mark.parametrize("rate", [0.0, 1.0, 1000.0])
@pytest.mark.parametrize("layers", [(), ("b",)])
@pytest.mark.parametrize(("name", "more"), SETUPS)
def test_price_and_life_agree(name: str, more: dict[str, object], layers: tuple[str, ...], rate: float) -> None:
    chip = small_chip(name, {**more, "horizon.task_switches_per_task": rate})
    for trace in (random_masks(0), random_trace(1)):
        trace = switching(trace, *layers) if "b" in trace.codes else trace
        found, life = outlook(trace, chip), price(trace, chip).lifetime["rram"]
        if found.first_failure is None:  # written by lazy commits alone, and none fell due
            assert more == {"commit": "lazy"}
            assert life.tasks_first_failure is life.tasks_guaranteed is found.guaranteed_tasks is None
            continue
        assert life.tasks_first_failure == pytest.approx(found.first_failure.median, rel=1e-5)
        assert life.tasks_first_failure_band == pytest.approx(
            (found.first_failure.early, found.first_failure.late), rel=1e-5
        )
        assert life.tasks_guaranteed == pytest.approx(found.guaranteed_tasks, rel=1e-5)
        assert life.worst_writes_per_task == pytest.approx(found.worst_cycles_per_task, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("all-rram-28nm", {}),
        ("all-rram-28nm", {"rram.write_policy": "task"}),
        ("hybrid-28nm", {}),
        ("hybrid-28nm", {"sram.pe_count": 3, "rram.write_policy": "task"}),
    ],
)
def test_a_life_does_not_follow_from_how_a_task_is_cut_into_phases(name: str, more: dict[str, object]) -> None:
    chip = small_chip(name, more)
    whole, cut = (outlook(trace, chip) for trace in (random_trace(2), random_trace(2, phases=((2, 4), (6,), (1, 5)))))
    assert cut.tasks == whole.tasks == 3
    assert cut.worst_cycles_per_task == whole.worst_cycles_per_task
    assert cut.first_failure == whole.first_failure
    assert [at.programming_j for at in cut.energy] == pytest.approx([at.programming_j for at in whole.energy])


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("name", "more"), SETUPS)
def test_cells_are_sorted_as_the_ledger_counts_them(name: str, more: dict[str, object], seed: int) -> None:
    chip, trace = small_chip(name, more).config, random_masks(seed)
    placed = place(trace, chip)
    ledger = wear_ledger(placed)
    found = cell_writes(placed, placed.home, writes_of(placed).commits)
    counts = Counter[int]()
    for _, layer in ledger:
        counts.update(layer.events.ravel().tolist())
    del counts[0]
    assert dict(zip(found.events.tolist(), found.counts.tolist(), strict=True)) == {
        events: cells * ledger.copies for events, cells in counts.items()
    }
    assert found.cells == ledger.cells


def test_a_thousand_switches_a_task_by_hand() -> None:
    # two commits, 0 and 3 in one weight: a switch there or back rewrites its lowest cell, and learning it once
    chip = small_chip("all-rram-28nm", {"horizon.task_switches_per_task": 1000.0})
    report, part = price(one_weight(), chip), chip.config.rram
    assert part is not None
    life, per_task = report.lifetime["rram"], 1000.0 + 1 / 2
    assert report.writes["rram"].worst == 1  # events of learning alone
    assert life.worst_writes_per_task == per_task
    assert life.mean_writes_per_task == per_task / 8
    cell = part.cell.endurance(2)
    assert life.tasks_guaranteed == pytest.approx(cell.guaranteed_cycles / per_task)
    half = cell.scale_cycles * math.log(2) ** (1 / cell.shape) / per_task
    assert life.tasks_first_failure == pytest.approx(half)


def test_switches_wear_sram_by_hand() -> None:
    chip = small_chip("all-sram-28nm", {"horizon.task_switches_per_task": 10.0})
    report, part = price(one_weight(), chip), chip.config.sram
    assert part is not None
    life = report.lifetime["sram"]
    # 0 -> 3 turns the two lowest bits of the offset code; 8 cells hold the weight
    assert life.worst_writes_per_task == 10 + 1 / 2
    assert life.mean_writes_per_task == pytest.approx(2 * (10 + 1 / 2) / 8)
    assert life.tasks_guaranteed == pytest.approx(part.cell.endurance_cycles / 10.5)


def test_the_median_is_that_of_a_drawn_crowd_of_chips() -> None:
    trace, chip = random_trace(2), small_chip("all-rram-28nm")
    part, ledger = chip.config.rram, wear_ledger(place(trace, chip.config))
    assert part is not None
    rates = np.concatenate([layer.events.ravel() for _, layer in ledger]) / ledger.tasks
    rates, rng = rates[rates > 0], np.random.default_rng(0)
    cell = part.cell.endurance(2)
    lives = cell.scale_cycles * rng.weibull(cell.shape, (4000, len(rates)))
    first = (lives / rates).min(axis=1)
    life = price(trace, chip).lifetime["rram"]
    assert life.tasks_first_failure == pytest.approx(np.median(first), rel=0.03)
    assert life.tasks_first_failure_band == pytest.approx(np.quantile(first, [0.05, 0.95]), rel=0.08)


def test_a_layer_that_a_switch_rewrites_lives_shorter_the_more_it_switches() -> None:
    trace = switching(random_trace(0), "a")
    lives = []
    for rate in (0.0, 1.0, 10.0, 1e6):
        chip = small_chip("all-rram-28nm", {"horizon.task_switches_per_task": rate})
        lives.append(price(trace, chip).lifetime["rram"].tasks_first_failure or math.inf)
    assert lives == sorted(lives, reverse=True)
    levels = RRAM.levels(trace.codes["a"])[:, 1:]
    turned = sum((levels[:, i] != levels[:, i + 1]).astype(float) for i in range(2)) / 2
    part = chip.config.rram
    assert part is not None
    scale, shape = part.cell.endurance(2).scale_cycles, part.cell.endurance(2).shape
    limit = scale * (math.log(2) / (turned**shape).sum()) ** (1 / shape) / 1e6
    assert lives[-1] == pytest.approx(limit, rel=1e-4)
