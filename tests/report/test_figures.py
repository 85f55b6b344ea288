from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imcsim.chip.report import Report
from imcsim.core.cost import Breakdown
from imcsim.core.errors import ConfigError, StorageError
from imcsim.report.accuracy_energy import accuracy_energy, accuracy_energy_data, front_of
from imcsim.report.accuracy_matrix import accuracy_matrix
from imcsim.report.energy_by_task import energy_by_task, parts_of
from imcsim.report.interactive import accuracy_matrix_page
from imcsim.report.style import PALETTE, colours, markers, save, save_as
from imcsim.report.wear import Endurance, writes_per_cell
from imcsim.study.summary import summarise
from tests.study.fakes import CHIPS, LABELS, make_report

REPORTS = [make_report(label, chip, seed) for label in LABELS for chip in CHIPS for seed in (0, 1)]
LINES = [Endurance("all-rram-28nm", "rram", "guaranteed cycles", 1e4)]


def test_accuracy_in_percent_against_energy_in_joules() -> None:
    figure, data = accuracy_energy(summarise([report.row() for report in REPORTS]))
    assert len(data) == 2 * len(LABELS) * len(CHIPS)
    point = next(p for p in data if (p.scenario, p.method, p.chip) == ("class_il", "finetune", "all-sram-28nm"))
    assert point.accuracy.mean == pytest.approx(55.0)
    assert point.accuracy.sd == pytest.approx(100 * 0.1 / np.sqrt(2))
    assert point.energy_j.mean == pytest.approx(2 * 1.5e-3 * 1.05)
    labels = [(ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes]
    assert labels == [
        (name, "training energy of the whole stream (J, log scale)", f"{name} accuracy after the last task (%)")
        for name in ("Class-IL", "Task-IL")
    ]


def test_the_front_is_the_cheapest_chip_when_accuracy_is_equal() -> None:
    data = accuracy_energy_data(summarise([report.row() for report in REPORTS]))
    best = front_of([point for point in data if point.scenario == "task_il"])
    assert {point.chip for point in best} == {"all-sram-28nm"}
    assert [point.method for point in best] == list(LABELS)


def test_bars_add_up_to_the_energy_of_each_task() -> None:
    _, bars = energy_by_task(REPORTS, ["finetune"])
    assert [(bar.chip, bar.task) for bar in bars] == [(chip, task) for chip in CHIPS for task in (0, 1)]
    assert parts_of(bars) == ["forward", "update"]
    assert bars[0].total_j == pytest.approx(4 * 1.05 * 1.5e-3)
    assert bars[0].energy_j["update"] == pytest.approx(4 * 1.05 * 5e-4)


def test_small_parts_are_summed_and_colours_suffice() -> None:
    parts = {f"p{n}": {"x": 1.0 + n} for n in range(12)} | {"tiny": {"x": 1e-6}}
    task = Breakdown.of(parts)
    _, bars = energy_by_task([make_report("er", CHIPS[0], energy_by_task=(task,))], ["er"])
    (bar,) = bars
    assert len(bar.energy_j) == len(PALETTE)
    assert set(bar.energy_j) == {"other", *(f"p{n}" for n in range(4, 12))}
    assert bar.energy_j["other"] == pytest.approx(1 + 2 + 3 + 4 + 1e-6)
    assert bar.total_j == pytest.approx(task.total)


def test_a_method_that_was_not_run_has_no_bars() -> None:
    _, bars = energy_by_task(REPORTS, ["finetune", "absent"])
    assert {bar.method for bar in bars} == {"finetune"}


def test_writes_show_worst_and_mean_of_each_memory() -> None:
    figure, (data, lines) = writes_per_cell(REPORTS, LINES)
    hybrid = [w for w in data if (w.chip, w.method) == ("hybrid-28nm", "finetune")]
    assert [(w.memory, w.worst.mean, w.mean.mean) for w in hybrid] == [("rram", 80.0, 50.0), ("sram", 120.0, 90.0)]
    assert lines == LINES
    assert [ax.get_title() for ax in figure.axes] == list(CHIPS)
    assert "programming events" in figure.axes[0].get_ylabel()


def test_matrices_are_means_over_seeds_in_percent() -> None:
    figure, data = accuracy_matrix(REPORTS, LABELS)
    assert [(m.scenario, m.method) for m in data] == [(s, m) for s in ("class_il", "task_il") for m in LABELS]
    assert data[0].percent == pytest.approx(np.array([[90.0, 0.0], [55.0, 80.0]]))
    assert {ax.get_xlabel() for ax in figure.axes[:4]} == {"tested on task"}


def _told_the_task(report: Report) -> Report:
    """Return the report of a method that serves no Class-IL."""
    unserved = {name: None for name in report.accuracy if "class_il" in name}
    return replace(report, accuracy={**report.accuracy, **unserved})


def test_a_method_that_must_be_told_the_task_has_no_class_il_anywhere() -> None:
    told = [_told_the_task(make_report("told", chip)) for chip in CHIPS]
    reports = [*told, *(make_report("er", chip) for chip in CHIPS)]
    figure, matrices = accuracy_matrix(reports, ["told", "er"])
    assert [(m.scenario, m.method) for m in matrices] == [("class_il", "er"), ("task_il", "told"), ("task_il", "er")]
    assert [ax.get_title() for ax in figure.axes[:4]] == ["", "er\nClass-IL", "told\nTask-IL", "er\nTask-IL"]
    titles = [note.text for note in accuracy_matrix_page(matrices).layout.annotations]
    assert {title for title in titles if title} == {"er, Class-IL", "told, Task-IL", "er, Task-IL"}
    points = accuracy_energy_data(summarise([report.row() for report in reports]))
    assert {(p.scenario, p.method) for p in points} == {("class_il", "er"), ("task_il", "told"), ("task_il", "er")}


def test_figures_of_a_single_report_can_be_drawn(tmp_path: Path) -> None:
    reports = [make_report("er", "hybrid-28nm")]
    for figure in (energy_by_task(reports, ["er"])[0], accuracy_matrix(reports, ["er"])[0]):
        assert save_as(figure, tmp_path / "one.png").stat().st_size > 1000


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        [path.read_bytes() for path in save(energy_by_task(REPORTS, LABELS)[0], tmp_path / "f")] for _ in range(2)
    )
    assert first == second
    assert b"CreationDate" not in first[1]


def test_other_formats_and_full_disks_are_refused(tmp_path: Path) -> None:
    figure = energy_by_task(REPORTS, LABELS)[0]
    with pytest.raises(ConfigError, match=r"written as .png or .pdf, not as '.svg'"):
        save_as(figure, tmp_path / "f.svg")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        save_as(figure, tmp_path / "file" / "f.png")


def test_colours_differ_and_begin_with_the_palette() -> None:
    names = [str(n) for n in range(3 * len(PALETTE))]
    assert tuple(colours(names).values())[: len(PALETTE)] == PALETTE
    assert len(set(colours(names).values())) == len(names)
    assert len(set(markers(names[:8]).values())) == 8
