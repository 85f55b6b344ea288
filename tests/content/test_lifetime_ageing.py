"""Accuracy at the end of life in the study of lifetime: chips of several seeds as one, by hand and on a tiny run."""

import numpy as np
import pytest

from imcsim.core.config import parse
from imcsim.learn.api import learn
from imcsim.learn.config import LearnConfig
from imcsim.learn.wear.curve import AccuracyCurve
from imcsim.study.spec import load_study
from imcsim.testing.methods import TINY
from imcsim.trace import Trace
from studies.lifetime.ageing import JOBS, Curves, age_rows, dead_at, limit_row, measured, pooled
from studies.lifetime.ageing_picture import draw_accuracy
from studies.lifetime.tables import sets_of, traces_by_method
from studies.lifetime.wear import HYBRID, STEP

SPEC = load_study("lifetime").spec
AGES = np.array([1.0, 100.0])


def curve(fresh: float, *rows: list[float], dead: tuple[float, float] = (0.0, 0.2)) -> AccuracyCurve:
    accuracy = np.array(rows)
    return AccuracyCurve("served", "class-il", fresh, AGES, accuracy, np.tile(dead, (len(rows), 1)))


@pytest.fixture(scope="module")
def trace() -> Trace:
    return learn(parse(LearnConfig, {**TINY, "method": "er", "epochs": 8, "learning_rate": 0.1}, "test"))


def test_every_curve_is_of_a_learner_that_the_study_trains() -> None:
    assert {job.method for job in JOBS} <= {method.label for method in SPEC.methods}
    assert all(job.seeds <= len(SPEC.seeds) for job in JOBS)


def test_each_chip_falls_against_its_own_fresh_accuracy() -> None:
    both = [curve(0.8, [0.8, 0.64]), curve(0.4, [0.4, 0.32])]
    row = limit_row(both)
    assert row["fresh"] == pytest.approx(0.6) and row["chips"] == 2
    assert row["to_90_percent_early"] == row["to_90_percent_late"] == pytest.approx(10.0)  # half-way from 1 to 0.8
    assert row["to_90_percent_dead_share"] == pytest.approx(0.1)
    assert row["to_95_percent_median"] == pytest.approx(10**0.5)


def test_a_limit_never_reached_is_left_blank() -> None:
    row = limit_row([curve(0.8, [0.8, 0.79])])
    assert row["to_90_percent_median"] is row["to_90_percent_dead_share"] is None and row["last_age"] == 100


def test_ages_have_the_band_of_all_chips() -> None:
    first, last = age_rows([curve(1.0, [1.0, 0.5]), curve(0.9, [0.9, 0.7], dead=(0.0, 0.4))])
    assert [first[f"accuracy_{end}"] for end in ("early", "median", "late")] == [0.9, 0.9, 1.0]
    assert last["accuracy_early"] == 0.5 and last["accuracy_late"] == 0.7
    assert last["dead_share"] == pytest.approx(0.3) and last["chips"] == 2
    assert last["accuracy_fresh"] == pytest.approx(0.95)
    assert last["years_at_one_a_day"] == pytest.approx(100 / 365.25)


def test_dead_cells_between_two_ages() -> None:
    assert dead_at(pooled([curve(1.0, [1.0, 0.5])], relative=True), 10**0.5) == pytest.approx(0.05)


def test_served_and_learned_agree_on_a_hybrid_whose_pes_all_train_and_fall_in_the_end(trace: Trace) -> None:
    sets = sets_of(SPEC)
    found = {
        kind: measured(Curves("er", HYBRID, kind, 3, 2, 1), [trace, trace], sets) for kind in ("served", "learned")
    }
    served, learned = ([row["accuracy_median"] for row in found[kind][0]] for kind in ("served", "learned"))
    assert learned == pytest.approx(served)
    rows, limits = measured(Curves("er", STEP, "served", 4, 2, 2), [trace, trace], sets)
    assert limits["chips"] == 4 and limits["first_failed_cell"] < limits["one_percent_failed"]
    dead = [row["dead_share"] for row in rows]
    assert dead == sorted(dead) and dead[-1] > 0.1
    assert rows[-1]["accuracy_median"] < rows[0]["accuracy_median"] == pytest.approx(limits["fresh"], abs=0.1)
    figure = draw_accuracy([*rows, *found["served"][0], *found["learned"][0]])
    assert [len(axis.lines) for axis in figure.axes] == [1, 2, 1, 1]


def test_a_folder_without_traces_has_no_learner(tmp_path: object) -> None:
    from pathlib import Path

    assert traces_by_method(SPEC, Path(str(tmp_path))) == {}
