"""The time of a row by hand, against rounds that are played, and in its limits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError
from imcsim.devices import RramCell, expected_max_pulses, pulses_in_turn, row_write_time_s, verify_turns
from tests.devices.cells import rram


def smaller_and_larger(mean: float, p99: float) -> tuple[float, float]:
    """Expected minimum and maximum of two lognormal draws, by hand: mean (1 -+ erf(sigma / 2))."""
    z99 = 2.3263478740408408  # ln(p99 / mean) = z99 sigma - sigma^2 / 2
    sigma = z99 - math.sqrt(z99**2 - 2 * math.log(p99 / mean))
    return mean * (1 - math.erf(sigma / 2)), mean * (1 + math.erf(sigma / 2))


def test_one_cell_takes_its_pulses_each_with_its_verify() -> None:
    for columns in (1, 8):
        assert row_write_time_s(rram(), 2, 1.0, columns) == pytest.approx(8.5 * (100e-9 + 20e-9))
        assert row_write_time_s(rram(), 2, 0.0, columns) == 0.0


def test_two_cells_by_hand() -> None:
    # SET has a share of 0.4. In a round with both cells unfinished there is no SET with 0.6^2, no RESET with 0.4^2;
    # with one unfinished, one pulse. Rounds with both: the smaller draw; with one: the larger less the smaller.
    low, high = smaller_and_larger(8.5, 44.0)
    pulses = low * (2 - 0.6**2 - 0.4**2) + (high - low)
    assert pulses_in_turn(rram(), 2, 2.0) == pytest.approx(pulses, rel=1e-9)
    assert verify_turns(rram(), 2, 2.0, 1) == pytest.approx(high, rel=1e-9)  # a converter for each of them
    assert verify_turns(rram(), 2, 2.0, 8) == 2 * 8.5  # one converter: each cell until it is done, in turn
    assert row_write_time_s(rram(), 2, 2.0, 8) == pytest.approx(pulses * 100e-9 + 17 * 20e-9, rel=1e-9)


def test_without_spread_rounds_are_equal() -> None:
    cell = rram(pulses_p99=(2.0, 8.5))
    assert pulses_in_turn(cell, 2, 64.0) == pytest.approx(2 * 8.5)  # SET and RESET in every round
    assert verify_turns(cell, 2, 64.0, 8) == pytest.approx(8 * 8.5)  # eight positions in every round
    assert verify_turns(cell, 2, 4.0, 8) == pytest.approx(4 * 8.5)


def test_cells_of_one_direction_have_no_turns() -> None:
    for share in (0.0, 1.0):
        cell = rram(set_pulse_share=share)
        for count in (1.0, 7.5, 64.0):
            assert pulses_in_turn(cell, 2, count) == expected_max_pulses(cell, 2, count)
            assert verify_turns(cell, 2, count, 1) == expected_max_pulses(cell, 2, count)


def played(pulses: np.ndarray, share: float, columns: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return pulses and verify reads in turn of one row (m,) of cells, played round by round."""
    phases = turns = 0
    position = np.arange(len(pulses)) % columns
    for done in range(int(pulses.max())):
        active = pulses > done
        sets = rng.random(int(active.sum())) < share
        phases += int(sets.any()) + int((~sets).any())
        turns += len(np.unique(position[active]))
    return phases, turns


@pytest.mark.parametrize(("cells", "columns"), [(5, 8), (16, 8), (64, 8), (64, 1)])
def test_agrees_with_rounds_that_are_played(cells: int, columns: int) -> None:
    # many pulses, so that whole ones and pulses of any length differ little
    cell = rram(pulses_mean=(2.0, 40.0), pulses_p99=(10.0, 200.0))
    rng, rows = np.random.default_rng(cells + columns), 200
    z99 = 2.3263478740408408
    sigma = z99 - math.sqrt(z99**2 - 2 * math.log(5))
    drawn = np.rint(rng.lognormal(math.log(40) - sigma**2 / 2, sigma, (rows, cells)))
    found = np.array([played(row, 0.4, columns, rng) for row in drawn])
    error = 4 * found.std(axis=0) / math.sqrt(rows) + 0.01 * found.mean(axis=0)
    expected = pulses_in_turn(cell, 2, float(cells)), verify_turns(cell, 2, float(cells), columns)
    for value, mean, allowed in zip(expected, found.mean(axis=0), error, strict=True):
        assert value == pytest.approx(mean, abs=allowed)


@given(st.floats(1, 1e4), st.integers(1, 64))
def test_turns_lie_between_the_slowest_and_all_of_them(count: float, columns: int) -> None:
    cell: RramCell = rram()
    slowest = expected_max_pulses(cell, 2, count)
    assert slowest * (1 - 1e-9) <= pulses_in_turn(cell, 2, count) <= 2 * slowest * (1 + 1e-9)
    turns = verify_turns(cell, 2, count, columns)
    assert turns >= slowest * (1 - 1e-6)
    assert turns <= min(columns, count) * slowest * (1 + 1e-6)


def test_arrays_and_numbers_agree() -> None:
    counts = np.array([0.0, 1.0, 7.5, 64.0])
    together = row_write_time_s(rram(), 2, counts, 8)
    assert together.tolist() == [row_write_time_s(rram(), 2, float(count), 8) for count in counts]


def test_a_converter_has_a_column() -> None:
    with pytest.raises(ConfigError, match="columns_per_adc must be >= 1, got 0"):
        verify_turns(rram(), 2, 1.0, 0)
