import math
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError
from imcsim.devices import (
    WRITE_RULES,
    WriteRule,
    event_energies_j,
    event_pulses,
    expected_max_pulses,
    programming_energy_j,
    sram_write_energy_j,
)
from tests.devices.cells import rram, sram

# A 4 x 4 array of 2-bit cells. Four cells change: 0 -> 1, 0 -> 3, 3 -> 0 and 2 -> 1; twelve keep their level.
OLD = np.array([[0, 1, 2, 3], [0, 0, 0, 0], [3, 3, 3, 3], [1, 1, 2, 2]])
NEW = np.array([[1, 1, 2, 3], [3, 0, 0, 0], [3, 0, 3, 3], [1, 1, 2, 1]])


def transitions(old: NDArray[np.int64], new: NDArray[np.int64], levels: int) -> NDArray[np.int64]:
    counts = np.zeros((levels, levels), dtype=np.int64)
    np.add.at(counts, (old.ravel(), new.ravel()), 1)
    return counts


def test_flat_rule_on_a_4x4_array_by_hand() -> None:
    # A pulse costs 0.4 x 20 + 0.6 x 30 = 26 pJ on average. An event: 8.5 x 26 + 9.5 verifies x 2 = 221 + 19 = 240 pJ.
    # Four events: 960 pJ.
    energy = programming_energy_j(transitions(OLD, NEW, 4), rram(), 2, "flat")
    assert float(energy) == pytest.approx(960e-12)


def test_harmonic_rule_on_a_4x4_array_by_hand() -> None:
    # dG_min = 3 uS / 4 levels = 0.75 uS: one level (1 uS) takes ceil(1.33) = 2 pulses, three levels ceil(4) = 4.
    # V^2 doubles: 8 for SET at 2 V, 2 for RESET at 1 V. A pulse lasts 100 ns.
    # 0 -> 1: 8 x H(1,2) = 4/3 uS x 100 ns x 2 = 2.1333 pJ
    # 0 -> 3: 8 x H(1,4) = 1.6 uS x 100 ns x 4 = 5.12   pJ
    # 3 -> 0: 2 x H(4,1) = 1.6 uS x 100 ns x 4 = 1.28   pJ
    # 2 -> 1: 2 x H(3,2) = 2.4 uS x 100 ns x 2 = 0.96   pJ
    # Sum 9.49333 pJ.
    energy = programming_energy_j(transitions(OLD, NEW, 4), rram(), 2, "harmonic")
    assert float(energy) == pytest.approx(9.493333333e-12)


def test_arithmetic_rule_on_a_4x4_array_by_hand() -> None:
    # E = V^2 (mean(G) t + C) N, V^2 = 4 for SET and 1 for RESET, t = 100 ns, C = 1 fF, N as in the harmonic rule.
    # 0 -> 1: 4 x (150 + 1) fJ/V^2 x 2 = 1.208 pJ
    # 0 -> 3: 4 x (250 + 1) fJ/V^2 x 4 = 4.016 pJ
    # 3 -> 0: 1 x (250 + 1) fJ/V^2 x 4 = 1.004 pJ
    # 2 -> 1: 1 x (250 + 1) fJ/V^2 x 2 = 0.502 pJ
    # Sum 6.73 pJ.
    energy = programming_energy_j(transitions(OLD, NEW, 4), rram(), 2, "arithmetic")
    assert float(energy) == pytest.approx(6.73e-12)


def test_pulses_by_hand() -> None:
    one_level, two_levels, three_levels = 2, 3, 4  # ceil(4/3), ceil(8/3), ceil(12/3)
    row = [0, one_level, two_levels, three_levels]
    assert event_pulses(rram(), 2, "harmonic")[0].tolist() == row
    assert event_pulses(rram(), 2, "arithmetic")[0].tolist() == row
    assert event_pulses(rram(), 2, "flat")[0].tolist() == [0, 8.5, 8.5, 8.5]
    assert event_pulses(rram(), 1, "harmonic").tolist() == [[0, 2], [2, 0]]


@pytest.mark.parametrize("rule", WRITE_RULES)
@pytest.mark.parametrize("bits", [1, 2])
def test_only_the_diagonal_is_free(rule: WriteRule, bits: int) -> None:
    for table in (event_energies_j(rram(), bits, rule), event_pulses(rram(), bits, rule)):
        assert table.shape == (1 << bits, 1 << bits)
        assert np.array_equal(table == 0, np.eye(1 << bits, dtype=bool))
    unchanged = transitions(OLD % (1 << bits), OLD % (1 << bits), 1 << bits)
    assert float(programming_energy_j(unchanged, rram(), bits, rule)) == 0


@pytest.mark.parametrize("rule", ["harmonic", "arithmetic"])
def test_the_direction_picks_the_voltage(rule: WriteRule) -> None:
    energies = event_energies_j(rram(), 2, rule)
    assert energies[0, 3] == pytest.approx(4 * energies[3, 0])  # (2 V / 1 V)^2, same conductances


def test_leading_axes_are_kept() -> None:
    counts = transitions(OLD, NEW, 4)
    stacked = np.stack([counts, 2 * counts, 0 * counts]).reshape(3, 1, 4, 4)
    energy = programming_energy_j(stacked, rram(), 2, "flat")
    assert energy.shape == (3, 1)
    assert energy[:, 0] == pytest.approx([960e-12, 1920e-12, 0])


@given(st.lists(st.integers(0, 50), min_size=16, max_size=16), st.sampled_from(WRITE_RULES))
def test_energy_is_additive_in_the_counts(flat_counts: list[int], rule: WriteRule) -> None:
    counts = np.array(flat_counts).reshape(4, 4)
    both = programming_energy_j(counts + np.eye(4, k=1, dtype=int), rram(), 2, rule)
    apart = programming_energy_j(counts, rram(), 2, rule) + programming_energy_j(
        np.eye(4, k=1, dtype=int), rram(), 2, rule
    )
    assert float(both) == pytest.approx(float(apart))


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"2-bit cell end in shape \(4, 4\), got \(2, 2\)"):
        programming_energy_j(np.zeros((2, 2), dtype=int), rram(), 2, "flat")
    with pytest.raises(ConfigError, match="must be >= 0, got -1"):
        programming_energy_j(np.full((4, 4), -1), rram(), 2, "flat")
    with pytest.raises(ConfigError, match="unknown write rule 'harmonics'; did you mean 'harmonic'"):
        event_energies_j(rram(), 2, cast(WriteRule, "harmonics"))
    with pytest.raises(ConfigError, match="has pulse counts for 1 to 2 bits"):
        event_energies_j(rram(), 3, "flat")


def two_cells(mean: float, p99: float) -> float:
    """Expected maximum of two lognormal draws, by hand: 2 mean Phi(sigma / sqrt 2) = mean (1 + erf(sigma / 2))."""
    z99 = 2.3263478740408408  # ln(p99 / mean) = z99 sigma - sigma^2 / 2
    sigma = z99 - math.sqrt(z99**2 - 2 * math.log(p99 / mean))
    return mean * (1 + math.erf(sigma / 2))


def test_two_cells_by_hand() -> None:
    assert expected_max_pulses(rram(), 2, 2.0) == pytest.approx(two_cells(8.5, 44.0), rel=1e-12)
    assert expected_max_pulses(rram(), 1, 2.0) == pytest.approx(two_cells(2.0, 10.0), rel=1e-12)


def test_one_cell_takes_the_mean_and_none_takes_nothing() -> None:
    assert expected_max_pulses(rram(), 2, 1.0) == 8.5
    assert expected_max_pulses(rram(), 2, 0.0) == 0.0


def test_without_spread_any_number_of_cells_takes_the_mean() -> None:
    cell = rram(pulses_p99=(2.0, 8.5))
    assert expected_max_pulses(cell, 2, 1000.0) == pytest.approx(8.5)


def test_lognormal_maximum_agrees_with_drawn_samples() -> None:
    # mean 8.5 and p99 44: ln(44 / 8.5) = 1.644 = 2.326 s - s^2 / 2 gives s = 0.870 and mu = ln 8.5 - s^2 / 2 = 1.762.
    draws = np.random.default_rng(0).lognormal(1.762, 0.870, size=(20_000, 64))
    assert draws.mean() == pytest.approx(8.5, rel=0.01)
    for cells in (4, 64):
        slowest = draws[:, :cells].max(axis=1)
        error = slowest.std() / np.sqrt(len(slowest))
        assert expected_max_pulses(rram(), 2, float(cells)) == pytest.approx(slowest.mean(), abs=5 * error)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.sampled_from([1, 2]))
def test_maximum_is_monotone_and_never_below_the_mean(one: float, other: float, bits: int) -> None:
    fewer, more = sorted((one, other))
    low, high = expected_max_pulses(rram(), bits, fewer), expected_max_pulses(rram(), bits, more)
    assert low <= high
    assert low == 0 if fewer == 0 else low >= rram().pulse_statistics(bits)[0]


def test_arrays_and_numbers_agree() -> None:
    counts = np.array([0.0, 1.0, 7.5, 64.0])
    together = expected_max_pulses(rram(), 2, counts)
    assert together.tolist() == [expected_max_pulses(rram(), 2, float(count)) for count in counts]


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ConfigError, match="parallel_cells must be finite and >= 0, got -1"):
        expected_max_pulses(rram(), 2, -1.0)
    with pytest.raises(ConfigError, match=r"parallel_cells must be <= 2\^24, got 1e\+08"):
        expected_max_pulses(rram(), 2, np.array([1.0, 1e8]))
    with pytest.raises(ConfigError, match="bits_changed must be >= 0, got -2"):
        sram_write_energy_j(-2.0, sram())


def test_sram_pays_for_each_bit_that_changes() -> None:
    assert sram_write_energy_j(0.0, sram()) == 0
    assert sram_write_energy_j(8.0, sram()) == pytest.approx(0.8e-12)
    assert sram_write_energy_j(np.array([1.0, 3.0]), sram()) == pytest.approx([0.1e-12, 0.3e-12])
