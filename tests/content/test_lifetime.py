"""The study of lifetime, on cells and traces small enough to check by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from imcsim.life import CellRates, Endurance, first_failure
from imcsim.study.spec import load_study
from imcsim.trace import Trace
from studies.lifetime.analyse import tables
from studies.lifetime.claims import ideal_gain, published
from studies.lifetime.drawings import draw_levers, draw_sensitivity, draw_survival, draw_wear
from studies.lifetime.levers import LEVERS
from studies.lifetime.scaling import (
    EVERY,
    LENGTHS,
    MEASURED,
    TREND,
    WORKLOADS,
    resnet18_cells,
    scaled_hazard,
    scaling_rows,
    trend_at,
)
from studies.lifetime.sensitivity import SCALES, SHAPES, Subject, crossover_rows, grid_rows, per_scale
from studies.lifetime.survival import accuracy, limits, mean_rows, pick
from studies.lifetime.tables import sets_of
from studies.lifetime.wear import BY_LABEL, HYBRID, SETUPS, STEP, TASK, Wear, later_tasks, over_seeds, wear_of
from tests.chip.hand import RRAM, random_trace, small_chip

SPEC = load_study("lifetime").spec
SMALL = {"array.rows": 4, "array.cols": 16}
SETS = {
    "all-rram-28nm": {**SMALL, "rram.pe_count": 16},
    "hybrid-28nm": {**SMALL, "rram.pe_count": 16, "sram.pe_count": 16},
}
NEEDED = (
    "er 2 epochs",
    "er",
    "er 50 epochs",
    "er t4",
    "er rows10",
    "er t4 rows10",
    "sparcl s75",
    "sparcl s90",
    "sparcl s95",
    "hyb-learn f50",
    "piggyback fast",
)


def worn(*rates: float, steps: float = 10.0, shape: float = 2.0) -> Wear:
    """One PE with so many cells, all of them weights."""
    cells = np.array(rates, np.float32).reshape(1, 1, -1)
    return Wear(CellRates({"fc": cells}, len(rates)), Endurance(100.0, shape), 50.0, steps)


def stepped(trace: Trace, steps: int) -> Trace:
    """The same writes in so many optimiser steps a task."""
    passes = ("forward_vectors", "input_gradient_vectors", "weight_gradient_vectors", "weight_gradient_macs")
    often = -(-steps // 16)  # a step passes at least one sample
    counts = {name: often * array if name in passes else array for name, array in trace.counts.items()}
    more = {"optimizer_steps": np.full(trace.meta.tasks, steps), "samples": often * trace.task_counts["samples"]}
    return replace(trace, counts=counts, task_counts={**trace.task_counts, **more})


def test_the_study_trains_what_its_tables_ask_for() -> None:
    labels = {method.label for method in SPEC.methods}
    assert set(NEEDED) | set(LENGTHS) | {lever.learner for lever in LEVERS if lever.learner} <= labels
    assert {setup.chip for setup in SETUPS} == set(sets_of(SPEC))
    assert len(SPEC.seeds) >= 3


@pytest.mark.parametrize("policy", ["step", "task"])
def test_later_tasks_hold_the_writes_of_all_tasks_but_the_first(policy: str) -> None:
    trace = random_trace(5, tasks=4)
    chip = small_chip("all-rram-28nm", {"rram.write_policy": policy}).config
    later = later_tasks(trace)
    events = sum(float(layer.sum()) for layer in wear_of(later, chip).rates.layers.values()) * 3
    counted = trace.task_changes if policy == "task" else None
    by_hand = 0
    for name in trace.codes:
        every = counted(RRAM, name) if counted else trace.changes["step", RRAM.name, name]
        by_hand += int(every[1:].sum())
    assert later.meta.tasks == 3 and trace.meta.tasks == 4
    assert events == pytest.approx(by_hand) and by_hand > 0


def test_a_single_task_is_kept() -> None:
    trace = random_trace(1, tasks=1)
    assert later_tasks(trace) is trace


def test_limits_of_two_cells_by_hand() -> None:
    found = limits(worn(1.0, 2.0, 0.0))
    assert found["worst_cycles_per_task"] == 2.0 and found["mean_cycles_per_task"] == pytest.approx(1.0)
    assert found["written_share"] == pytest.approx(2 / 3)
    assert found["guaranteed_tasks"] == 25.0
    assert found["first_median"] == pytest.approx(100 / math.sqrt(5) * math.sqrt(math.log(2)))
    assert found["first_median_steps"] == pytest.approx(10 * found["first_median"])
    assert found["first_early"] < found["first_median"] < found["first_late"]


def test_a_chip_that_is_not_written_has_no_end() -> None:
    found = limits(worn(0.0, 0.0))
    assert {found[key] for key in ("first_median", "one_percent_median", "guaranteed_tasks", "first_median_steps")} == {
        None
    }
    assert over_seeds([1.0, None]) == (None, None) and over_seeds([]) == (None, None)
    mean, spread = over_seeds([1.0, 3.0])
    assert mean == 2.0 and spread == pytest.approx(math.sqrt(2))


def test_accuracy_leaves_out_what_the_method_does_not_serve() -> None:
    trace = random_trace(1)
    only = trace.meta.model_copy(update={"scenarios": ("task-il",)})
    assert accuracy(trace)["class_il"] == pytest.approx(trace.class_il[-1].mean())
    object.__setattr__(trace, "meta", only)
    assert accuracy(trace)["class_il"] is None


def test_means_over_seeds_and_the_row_picked() -> None:
    rows = [{"method": "er", "setup": STEP, "seed": seed, "x": float(seed)} for seed in (0, 1, 2)]
    (mean,) = mean_rows(rows, ("method", "setup"))
    assert pick([mean], "er") == {"method": "er", "setup": STEP, "seeds": 3, "x_mean": 1.0, "x_sd": 1.0}


def test_scaling_to_itself_changes_nothing_and_to_twice_the_steps_halves_life() -> None:
    wear = worn(1.0, 2.0, 0.0, shape=2.5)
    assert scaled_hazard(wear, 2.5, 3, 10.0) == pytest.approx(wear.hazard(2.5))
    lives = [
        first_failure(scaled_hazard(wear, 2.5, cells, steps), wear.endurance) for cells, steps in ((3, 10), (3, 20))
    ]
    assert lives[0] is not None and lives[1] is not None
    assert lives[0].median == pytest.approx(2 * lives[1].median)


def test_published_arithmetic_by_hand() -> None:
    endurance = Endurance(1e7, 2.2)
    wear = Wear(worn(1.0).rates, endurance, 1e4, 10.0)
    rows = list(scaling_rows({"er": [wear]}))
    row = next(r for r in rows if (r["workload"], r["counting"]) == ("CIFAR-10, 100 epochs", EVERY))
    assert row["updates"] == pytest.approx(39_062.5) and row["cells"] == resnet18_cells() == 8 * 11_164_352
    assert row["trainings_at_1e+04"] == pytest.approx(0.256) and row["trainings_at_1e+05"] == pytest.approx(2.56)
    first = 1e7 * row["cells"] ** (-1 / 2.2) * math.log(2) ** (1 / 2.2) / row["updates"]
    assert row["first_median"] == pytest.approx(first)
    measured = [r for r in rows if r["counting"] == MEASURED]
    assert {r["workload"] for r in measured} == {load.label for load in WORKLOADS if load.steps}
    assert all(r["mark"] == "extrapolated" and r["mean_cycles"] == pytest.approx(r["updates"] / 10) for r in measured)
    assert not [r for r in rows if r["counting"] == TREND]  # one length tells no trend


def test_a_power_law_is_found_again() -> None:
    steps = dict(zip(LENGTHS, (20.0, 100.0, 500.0), strict=True))
    wears = {name: [worn(3 * at**0.4, steps=at)] for name, at in steps.items()}
    assert trend_at(wears, lambda wear: wear.mean, 15_600) == pytest.approx(3 * 15_600**0.4, rel=1e-5)


def test_at_the_crossover_scale_the_target_is_the_median() -> None:
    book = {("er", STEP): [worn(1.0, 2.0)], ("er", HYBRID): [worn(0.5, 0.5)]}
    book |= {("er 50 epochs", setup): [worn(1.0, 2.0)] for setup in (STEP, HYBRID)}
    row = next(r for r in crossover_rows(book) if r["shape"] == 2.0 and r["tasks"] == 1000)
    at = worn(1.0, 2.0).first(Endurance(row["scale_half"], 2.0))
    sure = worn(1.0, 2.0).first(Endurance(row["scale_95_percent"], 2.0))
    assert at is not None and sure is not None
    assert at.median == pytest.approx(1000) and sure.early == pytest.approx(1000)
    grid = [r for r in grid_rows(book) if r["subject"] == "er, all-RRAM each step"]
    assert len(grid) == len(SCALES) * len(SHAPES)
    assert all(
        r["tasks"] / r["scale_cycles"] == pytest.approx(grid[0]["tasks"] / 1e4) for r in grid if r["shape"] == 1.5
    )
    assert per_scale(Subject("x", "er", STEP), [worn(0.0)], 2.0) == []


def test_levelling_by_hand() -> None:
    wear = worn(4.0, 0.0, 0.0, 0.0)
    assert ideal_gain(wear, wear.mean) == pytest.approx(2.0)  # sqrt(16) over sqrt(4 x 1)
    assert ideal_gain(worn(3.0, 3.0), 3.0) == pytest.approx(1.0)


def test_what_nobody_could_find_is_left_blank() -> None:
    claims = {claim["key"]: claim for claim in published()}
    assert claims["years"]["low"] is None and claims["years"]["mark"] == "unknown"
    assert claims["sgs"]["low"] == 356 and claims["sgs"]["mark"] == "abstract"
    assert all(claim["source"] for claim in claims.values())


def test_every_table_and_figure_from_small_traces() -> None:
    steps = dict(zip(LENGTHS, (6, 18, 60), strict=True))  # all have the writes of six
    traces = {name: [stepped(random_trace(1), steps.get(name, 18))] for name in NEEDED}
    setups = [setup for setup in SETUPS if setup.chip in SETS]
    found = tables(traces, SETS, setups)
    assert all(row["ours"] is not None and row["holds"] for row in found["claims"])
    hybrid, once = (pick(found["survival"], "er", setup)["first_median_mean"] for setup in (HYBRID, TASK))
    assert hybrid == pytest.approx(once)  # all weights train in SRAM: a commit is a write once a task
    rules = {
        row["wear"]: row["first_median_mean"] for row in found["wear"] if (row["method"], row["setup"]) == ("er", STEP)
    }
    assert rules["pulses"] < rules["events"] < rules["window m=2"] < rules["window m=3"]
    assert BY_LABEL[STEP].load(SETS).config.rram is not None
    survival = draw_survival(found["survival"])
    assert [label.get_text() for label in survival.axes[0].get_yticklabels()] == sorted(
        NEEDED, key=lambda name: pick(found["survival"], name)["first_median_mean"]
    )
    assert len(draw_sensitivity(found["sensitivity"]).axes) == 5
    assert len(draw_levers(found["levers"]).axes) == 2
    assert len(draw_wear(found["wear"]).axes) == 1
