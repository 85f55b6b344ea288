import io
from typing import Any

import pytest
from rich.console import Console

from imcsim.chip.report import Report
from imcsim.report.interactive import on_chip_page
from imcsim.report.on_chip_accuracy import on_chip_accuracy
from imcsim.report.on_chip_table import on_chip_ages, on_chip_table
from imcsim.report.tables import WIDTH, to_rich
from imcsim.study.summary import summarise
from tests.study.fakes import CHIPS, LABELS, make_report


def measured(method: str, chip: str, seed: int) -> Report:
    """A report with accuracies on the arrays: 10 points less after a second, 20 after a day; SRAM loses nothing."""
    report, accuracy = make_report(method, chip, seed), dict[str, Any]()
    for scenario in ("class_il", "task_il"):
        for age, loss in (("1s", 0.1), ("1d", 0.2)):
            ideal = report.accuracy[f"{scenario}_final"]
            accuracy[f"on_chip_{scenario}_{age}_final"] = ideal - (0 if chip == "all-sram-28nm" else loss)
            accuracy[f"on_chip_{scenario}_{age}_matrix"] = [[ideal]]
    return make_report(method, chip, seed, accuracy={**report.accuracy, **accuracy})


GROUPS = summarise([measured(label, chip, seed).row() for label in LABELS for chip in CHIPS for seed in (0, 1)])


def test_the_table_sets_the_arrays_beside_ideal_codes_and_fits() -> None:
    table = on_chip_table(GROUPS)
    assert on_chip_ages(GROUPS) == ("1s", "1d")
    assert table.columns[2:5] == (("Class-IL", "%, ideal"), ("Class-IL", "%, 1s"), ("Class-IL", "%, 1d"))
    row = next(row for row in table.rows if row[:2] == ("finetune", "hybrid-28nm"))
    assert row[2:5] == ("55.0 ± 7.1", "45.0 ± 7.1", "35.0 ± 7.1")
    sram = next(row for row in table.rows if row[:2] == ("finetune", "all-sram-28nm"))
    assert sram[2] == sram[3] == sram[4]
    buffer = io.StringIO()
    Console(width=WIDTH, file=buffer).print(to_rich(table))
    assert max(map(len, buffer.getvalue().splitlines())) <= WIDTH


def test_the_figure_has_a_panel_for_each_scenario_and_chip() -> None:
    figure, data = on_chip_accuracy(GROUPS, LABELS)
    assert len(data) == 2 * len(CHIPS) * len(LABELS)
    assert [ax.get_title() for ax in figure.axes[:3]] == [f"{chip}, Class-IL" for chip in CHIPS]
    line = next(d for d in data if (d.scenario, d.chip, d.method) == ("task_il", "hybrid-28nm", "finetune"))
    assert [stat.mean for stat in line.accuracy.values()] == pytest.approx([75.0, 65.0, 55.0])
    assert list(line.accuracy) == ["ideal", "1s", "1d"]
    page = on_chip_page(data)
    assert len(page.data) == len(data)


def test_without_measurements_there_is_no_age() -> None:
    groups = summarise([make_report("er", CHIPS[0]).row()])
    assert on_chip_ages(groups) == ()
    assert "on_chip_class_il_1s_final" not in make_report("er", CHIPS[0]).row()
