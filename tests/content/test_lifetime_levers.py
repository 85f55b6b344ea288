"""Levers in the study of lifetime: what each buys, at which price, on traces small enough to check by hand."""

import numpy as np
import pytest

from imcsim.life import CellRates, Endurance, outlook
from studies.lifetime.claims import ideal_levelling, levelling
from studies.lifetime.levers import LEVERS, ROWS, SWAP, SWAPPED_ROWS, WAITING_ROWS, Lever, bought, lever_rows
from studies.lifetime.wear import BY_LABEL, HYBRID, STEP, TASK, Wear, later_tasks
from tests.chip.hand import random_trace

SMALL = {"array.rows": 4, "array.cols": 16}
SETS = {
    "all-rram-28nm": {**SMALL, "rram.pe_count": 16},
    "hybrid-28nm": {**SMALL, "rram.pe_count": 16, "sram.pe_count": 16},
}


def worn(*rates: float) -> Wear:
    """One PE with so many cells, all of them weights."""
    cells = np.array(rates, np.float32).reshape(1, 1, -1)
    return Wear(CellRates({"fc": cells}, len(rates)), Endurance(100.0, 2.0), 50.0, 10.0)


def test_what_levers_buy_and_cost() -> None:
    chosen = (
        *LEVERS[:1],
        *(lever for lever in LEVERS if lever.label in ("coalesce: task", "4 spare columns", "rotate every task")),
    )
    rows = list(lever_rows({"er": [random_trace(3)]}, SETS, chosen))
    at = {row["lever"]: row for row in rows if row["setup"] == STEP}
    none, waits, spares, moves = (
        at[name] for name in ("none", "coalesce: task", "4 spare columns", "rotate every task")
    )
    assert none["years_gained"] == 0 and none["life_factor"] == 1 and none["years_per_joule"] is None
    assert waits["more_j_per_task"] < 0 and waits["years_per_joule"] is None and waits["life_factor"] > 1
    assert (
        spares["more_j_per_task"] == pytest.approx(0, abs=1e-18)
        and spares["joules_over_life"] > 0
        and spares["area_m2"] > 0
    )
    assert spares["years_per_mm2"] == pytest.approx(spares["years_gained"] / spares["area_m2"] / 1e6)
    assert moves["more_j_per_task"] > 0
    assert {row["lever"] for row in rows if row["setup"] == HYBRID} == set(at) - {"coalesce: task"}


def test_a_lever_under_which_nothing_is_written_never_ends() -> None:
    trace = later_tasks(random_trace(3))
    written, still = (outlook(trace, BY_LABEL[HYBRID].load(SETS, {"commit": commit})) for commit in ("task", "lazy"))
    row = bought(still, written)
    assert still.first_failure is None
    assert row["years_median"] is None and row["years_gained"] is None and row["more_j_per_task"] < 0


def test_selective_verify_saves_energy_and_no_wear_by_events() -> None:
    chosen = (LEVERS[0], Lever("selective", ("selective-verify=0.1",)))
    none, less = list(lever_rows({"er": [random_trace(3)]}, SETS, chosen))[:2]
    assert less["life_factor"] == 1 and less["programming_j_per_task"] < 0.5 * none["programming_j_per_task"]


def test_a_lever_within_learning_is_another_run_held_against_plain_replay() -> None:
    plain, waits = random_trace(3), random_trace(4)
    object.__setattr__(waits, "accuracy", {**plain.accuracy, "class_il": np.full_like(plain.class_il, 0.25)})
    chosen = (LEVERS[0], Lever("threshold 4", learner="er t4"), Lever("swap", ("swap=1",)))
    traces = {"er": [plain], "er t4": [waits], "hyb-learn f50": [plain]}
    rows = [row for row in lever_rows(traces, SETS, chosen) if row["setup"] == STEP]
    lever, swapped = rows[1], rows[2]
    alone, base = (outlook(later_tasks(trace), BY_LABEL[STEP].load(SETS)) for trace in (waits, plain))
    assert alone.first_failure is not None and base.first_failure is not None
    assert lever["life_factor"] == pytest.approx(alone.first_failure.median / base.first_failure.median) != 1
    assert lever["more_j_per_task"] == pytest.approx(alone.energy[0].total_j - base.energy[0].total_j)
    assert lever["class_il_lost"] == pytest.approx(plain.class_il[-1].mean() - 0.25)
    assert swapped["class_il_lost"] == 0 and swapped["more_j_per_task"] > 0  # moved rows are paid
    assert swapped["programming_j_per_task"] > rows[0]["programming_j_per_task"]
    assert [row["lever"] for row in rows if row["method"] == "hyb-learn f50"] == ["none", "swap"]


def test_a_cache_is_a_lever_of_the_hybrid_alone_and_shrinks_it() -> None:
    chosen = (LEVERS[0], Lever("cache", ("sram-cache=2:life",), (HYBRID,)))
    rows = [row for row in lever_rows({"er": [random_trace(3)]}, SETS, chosen) if row["lever"] == "cache"]
    assert [row["setup"] for row in rows] == [HYBRID]
    assert rows[0]["area_m2"] < 0 and rows[0]["years_per_mm2"] is None


def test_the_published_gain_by_rows_and_swapping_is_held_against_both_ways_to_end() -> None:
    cells = {("er", STEP): 8.0, ("er rows10", STEP): 1.0, ("er t4 rows10", STEP): 0.5, ("er", TASK): 2.0}
    book = {key: [worn(rate, 0.0, 0.0, 0.0)] for key, rate in cells.items()}
    assert list(ideal_levelling(book).values()) == [4.0, 32.0, 64.0, 16.0]  # 8 over means of 2, 0.25, 0.125, 0.5
    levers = [
        {"method": "er", "setup": STEP, "lever": name, "worst_cycles_per_task_mean": worst, "life_factor_mean": gain}
        for name, worst, gain in (
            ("none", 8.0, 1.0), (SWAP, 4.0, 1.5), (ROWS, 2.0, 2.0), (SWAPPED_ROWS, 1.0, 3.0), (WAITING_ROWS, 0.02, 5.0)
        )
    ]  # fmt: skip
    found = levelling(book, levers)
    assert (found["ours"], found["to"]) == (8.0, 3.0)
    assert "er 4x, rows 32x, threshold 4 and rows 64x, one write a task 16x" in found["holds"]
    assert "rows 4.0x, swap 2.0x, both 8.0x, with threshold 4 400x;" in found["breaks"]
    assert "rows with perfect levelling 16.0x" in found["breaks"]  # sqrt(64) over sqrt(4 / 16)
