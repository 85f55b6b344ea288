import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.units import DAYS_PER_YEAR, SECONDS_PER_DAY, SECONDS_PER_YEAR, area_mm2, with_prefix

FACTORS = {"a": 1e-18, "f": 1e-15, "p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.5e-12, "2.5 pJ"),
        (0.0, "0 J"),
        (1.0, "1 J"),
        (1000.0, "1 kJ"),
        (999.9, "1 kJ"),
        (0.9996e-3, "1 mJ"),
        (123456.0, "123 kJ"),
        (-3e-6, "-3 µJ"),
        (1e-15, "1 fJ"),
        (4e-20, "0.04 aJ"),
        (2e19, "2e+04 PJ"),
    ],
)
def test_a_number_is_shown_with_its_prefix(value: float, text: str) -> None:
    assert with_prefix(value, "J") == text


def test_a_number_without_a_unit_has_no_trailing_space() -> None:
    assert with_prefix(5.0, "") == "5"
    assert with_prefix(0.0, "") == "0"
    assert with_prefix(5e3, "") == "5 k"


def test_more_digits_can_be_shown() -> None:
    assert with_prefix(1.23456e-9, "s", digits=5) == "1.2346 ns"


@given(st.floats(1e-18, 9e8))
def test_the_text_stands_for_the_number(value: float) -> None:
    mantissa, prefixed = with_prefix(value, "J").split(" ")
    assert 1 <= float(mantissa) < 1000
    assert float(mantissa) * FACTORS[prefixed.removesuffix("J")] == pytest.approx(value, rel=0.0051)


def test_an_area_is_shown_in_square_millimetres() -> None:
    assert area_mm2(2.5e-6) == "2.5 mm²"


def test_a_year_is_365_25_days() -> None:
    assert SECONDS_PER_YEAR == DAYS_PER_YEAR * SECONDS_PER_DAY == 31_557_600.0
