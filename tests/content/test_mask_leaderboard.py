"""The study mask_leaderboard: both streams know the same learners, its tuning is what it says, its tables are right."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imcsim.chip.price import price
from imcsim.learn.stream import Stream, Task
from imcsim.study.points import load_chips, training_points
from imcsim.study.spec import StudySpec
from imcsim.study.summary import Group, Stat, summarise
from imcsim.trace import Trace
from studies.mask_leaderboard.analyse import STUDIES, by_accuracy, extras, leaders, rows_of, table_rows
from studies.mask_leaderboard.drawings import LARGEST, SMALLEST, Board, area_of, draw
from studies.mask_leaderboard.tables import markdown
from studies.mask_leaderboard.tune import FOLDER, RATES, SEED, choose, held_out, read_table, spec_of, trials
from studies.mask_leaderboard.tune import write_table as write_tuned
from tests.chip.hand import random_trace, small_chip

SPECS = {name: spec_of(name) for name in STUDIES}
FLOPS = {"backpropagated": 5.0, "beyond_update_mask": 2.0, "scoring": 1.0, "paper": 4.0}
MATRIX = np.array([[0.9, 0.2, 0.1], [0.5, 0.8, 0.2], [0.6, 0.4, 0.7]])


def board(**accuracies: tuple[float | None, float, float]) -> tuple[Group, ...]:
    """Groups with (Class-IL, Task-IL, energy in J)."""
    return tuple(
        Group(name, "hybrid-28nm", (0, 1), {
            "class_il": Stat(None if c is None else c, 0.0, 2), "task_il": Stat(t, 0.01, 2),
            "energy_j": Stat(energy, 0.0, 2), "rram_writes": Stat(0.0, 0.0, 2),
        })
        for name, (c, t, energy) in accuracies.items()
    )  # fmt: skip


@pytest.fixture(scope="module")
def trace() -> Trace:
    made = random_trace(3)
    return replace(
        made, accuracy={"class_il": MATRIX, "task_il": MATRIX}, meta=made.meta.model_copy(update={"flops": FLOPS})
    )


@pytest.mark.parametrize("study", STUDIES)
def test_every_learner_can_be_trained(study: str) -> None:
    spec = SPECS[study]
    points = training_points(spec, load_chips(spec), study)
    assert len(points) == len(spec.methods) * len(spec.seeds) == len(spec.methods) * 3


def test_both_streams_have_the_same_learners_chip_network_and_optimiser() -> None:
    one, other = (SPECS[study] for study in STUDIES)

    def learners(spec: StudySpec) -> list[tuple[str, str, dict[str, object]]]:
        own = [{n: v for n, v in m.config.items() if not n.endswith("learning_rate")} for m in spec.methods]
        return [(m.label, m.method, config) for m, config in zip(spec.methods, own, strict=True)]

    assert learners(one) == learners(other)
    assert (one.chips, one.network, one.on_chip, one.seeds) == (other.chips, other.network, other.on_chip, other.seeds)
    assert {**one.training, "epochs": 0} == {**other.training, "epochs": 0}


@pytest.mark.parametrize("study", STUDIES)
def test_the_backbone_has_seen_no_domain(study: str) -> None:
    spec = SPECS[study]
    assert spec.backbone is None or spec.backbone["dataset"] not in spec.stream.domains


@pytest.mark.parametrize("study", STUDIES)
def test_learners_train_with_the_rates_that_were_chosen(study: str) -> None:
    chosen = {row["label"]: row["learning_rate"] for row in read_table(FOLDER / "tuned.csv") if row["chosen"]}
    for method in SPECS[study].methods:
        rates = {v for n, v in {**method.config, **method.training}.items() if n.endswith("learning_rate")}
        assert rates == {chosen[method.label]}, method.label


def test_every_learner_had_the_same_trials_and_the_best_was_chosen() -> None:
    rows = read_table(FOLDER / "tuned.csv")
    for method in SPECS["study.toml"].methods:
        mine = [row for row in rows if row["label"] == method.label]
        assert sorted(row["learning_rate"] for row in mine) == list(RATES)
        chosen = [row["chosen"] for row in mine]
        assert [row["chosen"] for row in choose(mine)] == chosen


def test_trials_differ_in_the_rate_alone() -> None:
    found = [(label, fields) for label, fields in trials() if label == "xbm"]
    assert [fields["learning_rate"] for _, fields in found] == list(RATES)
    for (_, fields), rate in zip(found, RATES, strict=True):
        assert fields["method_config"] == {"learning_rate": rate, "head_learning_rate": rate}
        assert fields["seed"] == SEED
    assert all(SEED not in spec.seeds for spec in SPECS.values())


def test_the_better_mean_wins_and_of_equals_the_smaller_rate(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"label": "er", "learning_rate": rate, "task_il_1": mean, "task_il_2": mean, "mean": mean}
        for rate, mean in ((0.01, 0.7), (0.001, 0.5), (0.003, 0.7))
    ]
    assert [row["learning_rate"] for row in choose(rows) if row["chosen"]] == [0.003]
    write_tuned(rows, tmp_path / "tuned.csv")
    assert read_table(tmp_path / "tuned.csv") == sorted(rows, key=lambda row: row["learning_rate"])
    assert read_table(tmp_path / "none.csv") == []


def test_tuning_tests_on_training_images_that_it_does_not_train_on() -> None:
    x = torch.arange(20.0).view(20, 1, 1, 1)
    y = torch.arange(20) % 2
    unseen = torch.full((4, 1, 1, 1), -1.0)
    task = Task(0, (0, 1), x, y, unseen, torch.zeros(4, dtype=torch.int64))
    stream = held_out(Stream("d", (task, task, task), 2, (1, 1, 1)))
    assert len(stream.tasks) == 2
    first = stream.tasks[0]
    assert (len(first.y_train), len(first.y_test)) == (16, 4)
    assert sorted(torch.cat([first.x_train, first.x_test]).flatten().tolist()) == list(range(20))
    assert torch.equal(first.y_test, first.x_test.flatten().long() % 2)


def test_extras_by_hand(trace: Trace) -> None:
    chip = small_chip("hybrid-28nm").config
    report = price(trace, small_chip("hybrid-28nm"))
    found = extras(trace, report)
    assert found["forgetting_task_il_max"] == pytest.approx(((0.9 - 0.6) + (0.8 - 0.4)) / 2)
    assert found["forgetting_task_il_first"] == pytest.approx(((0.9 - 0.6) + (0.8 - 0.4)) / 2)
    assert found["mask_bytes"] == float(trace.task_counts["mask_bits"].mean()) / 8
    assert [found[f"task_il_on_{task}"] for task in (1, 2, 3)] == [0.6, 0.4, 0.7]
    assert found["sram_worst_writes"] == report.writes["sram"].worst
    assert chip.sram is not None and (found["sram_area_m2"] or 0.0) > 0
    told = replace(trace, meta=trace.meta.model_copy(update={"scenarios": ("task-il",)}))
    assert extras(told, report)["forgetting_class_il_first"] is None


def test_flops_are_all_that_ran(trace: Trace) -> None:
    row = {"method": "er", "chip": "hybrid-28nm", "seed": 0, "task_il": 0.5, "class_il": None, "energy_j": 2.0}
    found = rows_of(trace, small_chip("hybrid-28nm"), row)
    assert (found["flops"], found["task_il"], found["energy_j"], found["class_il"]) == (8.0, 0.5, 2.0, None)
    assert summarise([found])[0].mean("flops") == 8.0


def test_a_learner_that_another_beats_in_both_is_no_leader() -> None:
    groups = board(cheap=(0.3, 0.5, 1.0), good=(0.6, 0.9, 3.0), worse=(0.5, 0.8, 4.0), told=(None, 0.95, 5.0))
    assert leaders(groups, "task_il") == {"cheap", "good", "told"}
    assert leaders(groups, "class_il") == {"cheap", "good"}
    assert [group.method for group in by_accuracy(groups)] == ["told", "good", "worse", "cheap"]
    assert [row["on_class_il_front"] for row in table_rows(groups)] == [False, True, False, True]


def test_a_learner_that_must_be_told_has_no_class_il_in_the_table() -> None:
    text = markdown("Two streams", board(shared=(0.625, 0.5, 1e-3), told=(None, 0.75, 2e-3)))
    lines = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
             for line in reversed(text.splitlines()) if line.startswith("| ")}  # fmt: skip
    assert lines["shared"][1:] == ["50.0 ± 1.0", "-", "-", "62.5 ± 0.0", "-", "-"]
    assert lines["told"][1:] == ["75.0 ± 1.0", "-", "-", "-", "-", "-"]
    assert "Two streams, 2 seeds: cost" in text


def test_the_picture_shows_every_learner_of_each_stream() -> None:
    groups = board(shared=(0.6, 0.5, 1.0), told=(None, 0.75, 2.0))
    axes = draw([Board("a", "A", groups), Board("b", "B", groups[:1])]).axes
    assert [axis.get_title() for axis in axes] == ["A", "B"]
    assert [text.get_text() for text in axes[0].texts] == ["shared", "told"]
    assert len(axes[0].collections) >= 2
    assert area_of(0) == SMALLEST
    assert area_of(1e6 - 1) == area_of(1e8) == pytest.approx(LARGEST)
    assert SMALLEST < area_of(1e4) < area_of(1e5) < LARGEST


def test_all_that_trains_has_room(trace: Trace) -> None:
    for spec in SPECS.values():
        chip = load_chips(spec)["hybrid-28nm"].config
        assert chip.sram is not None and chip.rram is not None
        assert chip.sram.pe_count >= chip.rram.pe_count
