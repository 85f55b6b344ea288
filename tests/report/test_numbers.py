import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.report.numbers import common_unit, plain, plus_minus, short


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ([2e-3, 5e-3, 900.0], "J", ("mJ", 1e-3)),
        ([1.5], "s", ("s", 1.0)),
        ([0.0, 3e-6], "J", ("µJ", 1e-6)),
        ([], "J", ("J", 1.0)),
        ([0.0], "J", ("J", 1.0)),
        ([5e4], "", ("k", 1e3)),
    ],
)
def test_a_column_takes_the_unit_of_its_median(values: list[float], unit: str, expected: tuple[str, float]) -> None:
    assert common_unit(values, unit) == expected


def test_three_digits_without_an_exponent() -> None:
    assert [plain(v) for v in (12345.6, 1.234, 0.0123456, 0.0)] == ["12346", "1.23", "0.0123", "0"]


def test_mean_and_spread_share_their_decimals() -> None:
    assert plus_minus(1.234, 0.0456, 3) == "1.23 ± 0.05"
    assert plus_minus(1.234, 0.0, 1) == "1.23"
    assert plus_minus(60.0, 10.0, 3, decimals=1) == "60.0 ± 10.0"


def test_large_counts_are_short() -> None:
    assert (short(12345.0), short(80.0), short(1e20)) == ("12.3 k", "80", "1.0e+20")


@given(st.floats(1e-15, 1e15))
def test_the_unit_keeps_the_value(value: float) -> None:
    unit, factor = common_unit([value], "J")
    assert unit.endswith("J")
    assert 0.999 <= value / factor < 1000.5
