"""The study writing_levers: its learners can be trained and told apart, its means are right."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import pytest

from imcsim.learn.config import LearnConfig
from imcsim.study.points import load_chips, training_points
from imcsim.study.spec import load_study
from imcsim.trace.trace import Trace
from studies.writing_levers.analyse import figures_of, labelled, summary
from tests.chip.hand import random_trace

SPEC = load_study("writing_levers").spec


def traces() -> list[Trace]:
    """Traces that hold the configurations of the study, last learner first."""
    points = training_points(SPEC, load_chips(SPEC), "writing_levers")
    made, found = random_trace(0), []
    for point in reversed(points):
        config = LearnConfig.model_validate(point.config)
        changes = {"config": point.config, "method": config.method, "seed": config.seed}
        found.append(replace(made, meta=made.meta.model_copy(update=changes)))
    return found


def test_each_trace_is_found_to_be_one_learner_in_the_order_of_the_study() -> None:
    found = [(label, trace.meta.seed) for label, trace in labelled(traces())]
    assert found == [(method.label, seed) for method in SPEC.methods for seed in SPEC.seeds]


def test_levers_reach_the_learner_through_the_training_table() -> None:
    settings = {label: trace.meta.config["writing"] for label, trace in labelled(traces())}
    assert settings["er"] == settings["hyb-learn life 0.5"] == LearnConfig().writing.model_dump()
    assert settings["hyb-learn t4 rows10 keep"] == {
        "rounding": "nearest", "threshold": 4.0, "master": "float", "row_share": 0.1, "keep_rest": True,
    }  # fmt: skip


def test_means_and_deviations_are_of_the_seeds_of_one_learner() -> None:
    rows = summary([("a", {"x": 1.0}), ("b", {"x": 5.0}), ("a", {"x": 2.0})])
    assert [(row["learner"], row["seeds"], row["x_mean"]) for row in rows] == [("a", 2, 1.5), ("b", 1, 5.0)]
    assert rows[0]["x_sd"] == pytest.approx(math.sqrt(0.5)) and rows[1]["x_sd"] == 0.0


def test_what_is_kept_has_every_learner_and_says_so_in_the_same_order() -> None:
    with (Path("studies") / "writing_levers" / "digits" / "life.csv").open() as file:
        kept = list(csv.DictReader(file))
    assert [row["learner"] for row in kept] == [method.label for method in SPEC.methods]
    assert {row["seeds"] for row in kept} == {"3"}
    assert set(kept[0]) == set(summary([("a", figures_of_names())])[0])


def figures_of_names() -> dict[str, float]:
    """The figures of a run, by name."""
    from imcsim.learn.api import learn

    config = LearnConfig(network="mlp", train_limit=10, epochs=1, network_params={"hidden": [8]})
    return figures_of(learn(config))
