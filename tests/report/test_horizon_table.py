import io

from rich.console import Console

from imcsim.report.horizon_table import horizon_table
from imcsim.report.tables import WIDTH, to_rich
from imcsim.study.summary import summarise
from tests.study.fakes import CHIPS, make_report

GROUPS = summarise([make_report("hyb-learn f25", chip, seed).row() for chip in CHIPS for seed in range(2)])


def test_the_sum_is_that_of_the_parts() -> None:
    table = horizon_table(GROUPS)
    assert table.columns[2] == ("Write", "mJ")
    for row in table.rows:
        assert row[2:-1] == ("1.00",) * 6
        assert row[-1] == "6.00"


def test_the_horizon_is_named_and_the_table_fits() -> None:
    table = horizon_table(GROUPS)
    assert "1 k inferences" in table.notes[0]
    buffer = io.StringIO()
    Console(width=WIDTH, file=buffer).print(to_rich(table))
    assert max(map(len, buffer.getvalue().splitlines())) <= WIDTH
