import numpy as np
import pytest

from imcsim.core.errors import ConfigError
from imcsim.core.toml import load_resolved
from imcsim.devices import NEURRAM_AGES, RramCell, neurram_sigma_s, program, programming_sigma_s
from tests.devices.cells import rram

CELLS = 200_000
TARGET = np.full(CELLS, 20e-6)
# Five standard errors: a mean of n draws has sigma / sqrt(n), a standard deviation sigma / sqrt(2 n).
MEAN_TOLERANCE, SPREAD_TOLERANCE = 5 / np.sqrt(CELLS), 5 / np.sqrt(2 * CELLS)


def test_sigma_of_a_cell_by_hand() -> None:
    assert programming_sigma_s(rram(programming_sigma_fraction=0.05)) == pytest.approx(0.2e-6)


def test_default_cell_has_the_measured_spread_at_one_second() -> None:
    cell = load_resolved(RramCell, "device", "rram-28nm").config
    assert programming_sigma_s(cell) == pytest.approx(2.05e-6, rel=0.03)  # techC after write-verify


def test_neurram_cell_states_its_polynomial_at_mid_range() -> None:
    cell = load_resolved(RramCell, "device", "rram-neurram-130nm").config
    assert programming_sigma_s(cell) == pytest.approx(neurram_sigma_s(TARGET[:1], cell.conductance_max_s)[0], rel=0.02)


def test_moments_after_programming() -> None:
    programmed = program(TARGET, 2e-6, np.random.default_rng(1))
    assert programmed.mean() == pytest.approx(20e-6, abs=MEAN_TOLERANCE * 2e-6)
    assert programmed.std() == pytest.approx(2e-6, rel=SPREAD_TOLERANCE)


def test_moments_with_the_neurram_polynomial() -> None:
    programmed = program(TARGET, neurram_sigma_s(TARGET, 40e-6), np.random.default_rng(2))
    assert programmed.std() == pytest.approx(2.023e-6, rel=SPREAD_TOLERANCE + 1e-3)


@pytest.mark.parametrize(("age", "at_zero", "at_half", "at_max"), [
    ("1 s", 0.348, 2.023438, 1.103),
    ("1 day", 0.701, 3.9090, 2.651),
    ("2 days", 0.782, 3.929, 2.677),
])  # fmt: skip
def test_polynomial_by_hand(age: str, at_zero: float, at_half: float, at_max: float) -> None:
    sigma = neurram_sigma_s(np.array([0.0, 20e-6, 40e-6]), 40e-6, age)
    assert sigma == pytest.approx(np.array([at_zero, at_half, at_max]) * 1e-6, rel=1e-3)


def test_polynomial_scales_with_the_window_and_grows_with_age() -> None:
    target = np.linspace(1e-6, 40e-6, 50)
    assert neurram_sigma_s(target * 2, 80e-6) == pytest.approx(2 * neurram_sigma_s(target, 40e-6))
    second, day, _ = (neurram_sigma_s(target, 40e-6, age) for age in NEURRAM_AGES)
    assert np.all(second > 0)
    assert np.all(day > second)


def test_no_spread_leaves_the_target() -> None:
    assert np.array_equal(program(TARGET, 0.0, np.random.default_rng(0)), TARGET)


def test_a_conductance_is_never_negative() -> None:
    programmed = program(np.full(1000, 1e-6), 5e-6, np.random.default_rng(3))
    assert programmed.min() == 0
    assert np.count_nonzero(programmed) > 400


def test_same_seed_same_draw_whatever_sigma_is() -> None:
    first, second = (program(TARGET[:50], 1e-6, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first, second)
    doubled = program(TARGET[:50], 2e-6, np.random.default_rng(4))
    assert doubled - 20e-6 == pytest.approx(2 * (first - 20e-6))


def test_each_event_draws_anew() -> None:
    generator = np.random.default_rng(5)
    first, second = (program(TARGET, 1e-6, generator) for _ in range(2))
    assert abs(np.corrcoef(first, second)[0, 1]) < MEAN_TOLERANCE


def test_each_cell_may_have_its_own_sigma() -> None:
    programmed = program(np.full(2, 20e-6), np.array([0.0, 1e-6]), np.random.default_rng(6))
    assert programmed[0] == 20e-6 != programmed[1]


def test_impossible_values_are_refused() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(ConfigError, match=r"target_s must be finite and >= 0, got -1e-06"):
        program(np.array([1e-6, -1e-6]), 1e-6, generator)
    for sigma, given in ((-1e-6, "-1e-06"), (float("nan"), "nan"), (float("inf"), "inf")):
        with pytest.raises(ConfigError, match=f"sigma_s must be finite and >= 0, got {given}"):
            program(TARGET, sigma, generator)


def test_polynomial_is_refused_outside_its_window() -> None:
    with pytest.raises(ConfigError, match=r"target_s must lie in 0\.\.4e-05 S, got 5e-05"):
        neurram_sigma_s(np.array([1e-6, 50e-6]), 40e-6)
    with pytest.raises(ConfigError, match="conductance_max_s must be > 0, got 0"):
        neurram_sigma_s(TARGET, 0.0)
    with pytest.raises(ConfigError, match="unknown age '1 dya'; did you mean '1 day'"):
        neurram_sigma_s(TARGET, 40e-6, "1 dya")
