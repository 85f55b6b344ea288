"""CSV as a spreadsheet reads it: the oracle is what csv reads back, and which cells it would run."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.csv_text import read_csv, to_csv


def test_all_columns_and_full_precision_are_kept() -> None:
    rows: list[dict[str, object]] = [{"method": "a", "x": 0.1 + 0.2}, {"method": "b", "y": None}]
    assert to_csv(rows) == "method,x,y\na,0.30000000000000004,\nb,,\n"
    assert to_csv(rows, ["y", "method"]) == "y,method\n,a\n,b\n"


@pytest.mark.parametrize(
    "label", ['=HYPERLINK("http://x","y")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]
)
def test_a_label_that_begins_as_a_formula_is_text(label: str) -> None:
    (_, shown), (value, _) = csv.reader(io.StringIO(to_csv([{"a": label, label: 1}]), newline=""))
    assert value == shown == f"'{label}"


@given(st.lists(st.text("='+-@1a\r\n\t,\""), min_size=2, max_size=2, unique=True), st.text("='+-@1a\r\n\t,\""))
def test_every_text_comes_back_as_it_was(names: list[str], value: str) -> None:
    row = dict(zip(names, ("x", value), strict=True))
    assert read_csv(to_csv([row])) == [row]


@pytest.mark.parametrize("value", [-1.5, -2, "-1.5e-3", "+4", "er = 1", "a-b", "", "'", "0x"])
def test_numbers_and_plain_text_stay_as_they_are(value: object) -> None:
    _, (read, _) = csv.reader(io.StringIO(to_csv([{"a": value, "b": 0}])))
    assert read == str(value)
