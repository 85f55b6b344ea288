"""The table of the four countings of writes."""

import io
from typing import Any

from rich.console import Console

from imcsim.report.countings_table import countings_table
from imcsim.report.tables import WIDTH, to_rich
from imcsim.study.summary import summarise
from tests.study.fakes import CHIPS, make_report

COUNTED: dict[str, Any] = {"pulses": {"rram": 42_500.0}, "update_steps": {"rram": 120}, "samples": 1000}


def test_all_four_and_the_ratio_stand_side_by_side() -> None:
    report = make_report("er", "all-rram-28nm", **COUNTED)
    (row,) = countings_table(summarise([report.row()])).rows
    assert row[2:6] == ("5 k", "42.5 k", "80", "120")
    ratio = report.training_over_inference
    assert ratio is not None
    assert ratio == report.energy.total / 1000 / 2e-7
    assert row[6] == f"{ratio:.3g}"


def test_results_of_an_older_version_have_a_dash_and_the_table_fits() -> None:
    rows = [make_report("hyb-learn f25", chip, **COUNTED).row() for chip in CHIPS]
    for name in ("rram_pulses", "rram_update_steps", "training_over_inference"):
        del rows[0][name]
    table = countings_table(summarise(rows))
    assert (table.rows[0][3], table.rows[0][5], table.rows[0][6]) == ("-", "-", "-")
    buffer = io.StringIO()
    Console(width=WIDTH, file=buffer).print(to_rich(table))
    assert max(map(len, buffer.getvalue().splitlines())) <= WIDTH
