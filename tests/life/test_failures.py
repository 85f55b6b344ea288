"""Closed forms of failure against pencil, limits and cell-by-cell Monte Carlo."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imcsim.chip.wear.first_failure import Endurance, Tasks, first_failure, hazards
from imcsim.devices.wear import failure_probability, first_failure_cycles
from imcsim.life.cycles import CellRates
from imcsim.life.failures import share_failed
from imcsim.life.spares import RenewalTable, pe_death, spare_limited
from tests.life.monte_carlo import cell_lives, spare_limited_lives

CELL = Endurance(1e4, 2.2)
TRIALS = 4000


def uneven(seed: int, *shape: int) -> NDArray[np.float32]:
    """Cycles per task over two decades, a third of the cells never written."""
    rng = np.random.default_rng(seed)
    rates = rng.choice([0.0, 0.1, 3.0, 10.0], shape, p=[0.3, 0.3, 0.3, 0.1])
    return np.asarray(rates, dtype=np.float32)


def agrees(drawn: NDArray[np.float64], expected: Tasks) -> None:
    """Of the draws, 5, 50 and 95 % lie below the quantiles, within four standard errors."""
    for share, time in ((0.05, expected.early), (0.5, expected.median), (0.95, expected.late)):
        assert (drawn < time).mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / len(drawn)))


@pytest.mark.parametrize("shape", [1.0, 2.2, 3.0])
def test_first_failure_as_drawn(shape: float) -> None:
    rates, endurance = uneven(0, 2, 8, 8), Endurance(1e4, shape)
    drawn = cell_lives(rates, TRIALS, endurance, np.random.default_rng(1)).reshape(TRIALS, -1).min(axis=1)
    found = first_failure(float(hazards(rates, shape, (0, 1, 2))), endurance)
    assert found is not None
    agrees(drawn, found)


def test_equal_cells_fail_first_where_the_weakest_link_says() -> None:
    # at scale * M^(-1 / shape) one of M cells is expected to have failed: 63 % of chips have seen it
    found = first_failure(500 * 2.0**2.2, CELL, (0.05, 1 - math.exp(-1), 0.95))
    assert found is not None
    assert found.median == pytest.approx(first_failure_cycles(500, CELL.scale, CELL.shape) / 2.0, rel=1e-12)
    assert first_failure(0.0, CELL) is None


def test_a_share_of_cells_as_drawn() -> None:
    rates = uneven(2, 4, 16, 16)
    lives = np.sort(cell_lives(rates, TRIALS // 4, CELL, np.random.default_rng(3)).reshape(TRIALS // 4, -1))
    found = share_failed(CellRates({"a": rates}, rates.size), CELL, 0.05)
    assert found is not None
    drawn = lives[:, math.ceil(0.05 * rates.size) - 1]
    for share, time in ((0.05, found.early), (0.5, found.median), (0.95, found.late)):
        assert (drawn < time).mean() == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / len(lives)))


def test_a_share_of_equal_cells_by_hand() -> None:
    rates = CellRates({"a": np.full((1, 100, 1000), 4.0, np.float32)}, 100_000)
    found = share_failed(rates, CELL, 0.01)
    assert found is not None
    assert failure_probability(4 * found.median, CELL.scale, CELL.shape) == pytest.approx(999.5 / 1e5, rel=1e-9)
    assert found.early < found.median < found.late < 1.1 * found.early
    assert share_failed(CellRates({"a": uneven(0, 1, 8, 8)}, 64), CELL, 0.9) is None  # too many are never written


def test_the_second_failure_of_a_line_with_exponential_times_is_a_poisson_count() -> None:
    table, x = RenewalTable(1.0, 4), np.array([1e-10, 1e-3, 0.3, 2.0, 9.0])
    for n in range(4):
        np.testing.assert_allclose(table.exactly(x, n), np.exp(-x) * x**n / math.factorial(n), rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("spares", [0, 1, 3])
@pytest.mark.parametrize("shape", [1.5, 3.0])
def test_spare_columns_as_drawn(spares: int, shape: float) -> None:
    rates, endurance = uneven(4, 2, 4, 6), Endurance(1e4, shape)
    rates[0, 0, 0] = 30.0  # a hot cell: its column uses up several spares, one after the other
    found = spare_limited(hazards(rates, shape, (1,)), spares, endurance)
    assert found is not None
    agrees(spare_limited_lives(rates, spares, TRIALS, endurance, np.random.default_rng(5)), found)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.floats(0.8, 4.0), st.integers(0, 2))
def test_spares_lengthen_life_and_copies_shorten_it(seed: int, shape: float, spares: int) -> None:
    lines = hazards(uneven(seed, 3, 4, 4), shape, (1,))
    endurance = Endurance(1e4, shape)
    few, more = (spare_limited(lines, s, endurance) for s in (spares, spares + 1))
    twice = spare_limited(lines, spares, endurance, copies=2)
    if few is None:
        assert not lines.any()
        return
    assert more is not None
    assert twice is not None
    assert twice.median < few.median < more.median
    assert few.early < few.median < few.late


def test_without_spares_a_pe_dies_of_its_first_cell() -> None:
    lines = hazards(uneven(6, 2, 4, 4), 2.2, (1,))
    death = pe_death(lines, 0, 500.0, CELL, RenewalTable(2.2, 1))
    np.testing.assert_allclose(death, lines.sum(axis=1) * (500.0 / 1e4) ** 2.2, rtol=1e-9)


def test_nothing_written_never_fails() -> None:
    assert spare_limited(np.zeros((2, 3)), 2, CELL) is None
    assert share_failed(CellRates({"a": np.zeros((1, 2, 2), np.float32)}, 4), CELL, 0.01) is None
