"""The table of levers fits the page and says the same as its rows."""

from imcsim.life import compare_levers
from imcsim.report.life_compare import compare_records, compare_text
from tests.chip.hand import random_trace

ALL, SMALL = "all-rram-28nm", {"array.rows": 4, "array.cols": 16, "rram.pe_count": 16}


def test_the_table_fits_and_says_what_is_refused() -> None:
    policies = [("swap=5",), ("sram-cache=2",), ("selective-verify", "rotate=10"), ("spare-columns=1",)]
    rows = compare_levers(random_trace(0), ALL, policies, SMALL)
    text = compare_text(rows, "title")
    table = text.split("\n\n")[1]
    assert max(map(len, table.splitlines())) <= 100
    assert "sram-cache=2: sram-cache needs SRAM PEs" in text
    assert "sram-cache" not in table
    records = compare_records(rows)
    assert records[1]["policies"] == ["swap=5"]
    assert records[1]["years_per_j"] == rows[1].years_per_j
    assert records[2]["refused"].startswith("sram-cache needs")
