import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.periphery.table import check_increasing, log_linear, log_log


@given(st.floats(1.0, 100.0))
def test_log_log_is_exact_on_a_power_law(x: float) -> None:
    xs = [1.0, 3.0, 100.0]
    assert log_log(x, xs, [value**-1.7 for value in xs]) == pytest.approx(x**-1.7)


@given(st.floats(0.0, 8.0))
def test_log_linear_is_exact_on_an_exponential(x: float) -> None:
    xs = [0.0, 3.0, 8.0]
    assert log_linear(x, xs, [2.0**value for value in xs]) == pytest.approx(2.0**x)


@pytest.mark.parametrize("x", [0.9, 5.1])
def test_nothing_is_extrapolated(x: float) -> None:
    with pytest.raises(ValueError, match="lies outside the table"):
        log_linear(x, [1.0, 5.0], [1.0, 2.0])


def test_tables_must_increase() -> None:
    check_increasing("sizes", [1, 2, 3])
    with pytest.raises(ValueError, match=r"sizes must increase, got \[1, 1\]"):
        check_increasing("sizes", [1, 1])
