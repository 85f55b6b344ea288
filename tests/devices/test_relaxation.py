import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError
from imcsim.devices import (
    cmo_hfox_shift_s,
    cmo_hfox_sigma_s,
    log_variance_sigma_s,
    neurram_sigma_s,
    pooled_shift_s,
    pooled_sigma_s,
    program,
    relax,
)

CELLS = 200_000
TARGET = np.full(CELLS, 20e-6)
MEAN_TOLERANCE, SPREAD_TOLERANCE = 5 / np.sqrt(CELLS), 5 / np.sqrt(2 * CELLS)  # five standard errors
DAY_S = 86_400.0
LAWS = [pooled_sigma_s, pooled_shift_s, cmo_hfox_sigma_s, cmo_hfox_shift_s]
each_law = pytest.mark.parametrize("law", LAWS)


@pytest.mark.parametrize(("time_s", "sigma_us"), [(1, 2.05), (4, 2.31), (1e5, 3.63)])
def test_pooled_fit_meets_the_measured_points(time_s: float, sigma_us: float) -> None:
    assert pooled_sigma_s(time_s, 40e-6) == pytest.approx(sigma_us * 1e-6, rel=0.04)


@pytest.mark.parametrize(("time_s", "shift_us"), [(1, -0.27), (4, -0.30), (1e5, -1.44)])
def test_pooled_shift_meets_the_measured_points(time_s: float, shift_us: float) -> None:
    assert pooled_shift_s(time_s, 40e-6) == pytest.approx(shift_us * 1e-6)


def test_pooled_fit_and_neurram_agree_after_a_day_at_mid_range() -> None:
    # Two data sets, within 10 %: about 3.6 and 3.9 uS.
    neurram = neurram_sigma_s(np.array([20e-6]), 40e-6, "1 day")[0]
    assert pooled_sigma_s(DAY_S, 40e-6) == pytest.approx(neurram, rel=0.1)


def test_variance_form_meets_the_measured_point_between_its_ends() -> None:
    # C2 from 2.05 uS at 1 s, C1 from 3.63 uS at 1e5 s; the point at 4 s is left to test.
    start, slope = 2.05e-6**2, (3.63e-6**2 - 2.05e-6**2) / 5
    assert log_variance_sigma_s(1.0, slope, start) == pytest.approx(2.05e-6)
    assert log_variance_sigma_s(1e5, slope, start) == pytest.approx(3.63e-6)
    assert log_variance_sigma_s(4.0, slope, start) == pytest.approx(2.31e-6, rel=0.01)


def test_variance_form_takes_one_entry_for_each_cell() -> None:
    sigma = log_variance_sigma_s(100.0, np.array([0.0, 4e-12]), np.array([9e-12, 1e-12]))
    assert sigma == pytest.approx([3e-6, 3e-6])


def test_cmo_hfox_by_hand() -> None:
    assert cmo_hfox_sigma_s(1.0, 90e-6) == pytest.approx(0.412e-6)
    assert cmo_hfox_shift_s(1.0, 90e-6) == 0
    assert cmo_hfox_sigma_s(math.e**10, 90e-6) == pytest.approx(0.832e-6)
    assert cmo_hfox_shift_s(math.e**10, 90e-6) == pytest.approx(-0.89e-6)


@each_law
@given(time_s=st.floats(1, 1e9), factor=st.floats(1, 1e3), window=st.floats(0.1, 10))
def test_laws_grow_with_time_and_scale_with_the_window(
    law: Callable[[float, float], float], time_s: float, factor: float, window: float
) -> None:
    now, later = law(time_s, 40e-6), law(time_s * factor, 40e-6)
    assert abs(later) >= abs(now) * (1 - 1e-12)
    assert law(time_s, 40e-6 * window) == pytest.approx(window * now)


@pytest.mark.parametrize("time_s", [4.0, DAY_S, 1e5])
def test_programmed_then_relaxed_cells_have_the_whole_measured_spread(time_s: float) -> None:
    generator = np.random.default_rng(1)
    at_one_second = pooled_sigma_s(1.0, 40e-6)
    programmed = program(TARGET, at_one_second, generator)
    sigma, shift = pooled_sigma_s(time_s, 40e-6), pooled_shift_s(time_s, 40e-6)
    relaxed = relax(programmed, generator.standard_normal(CELLS), shift, sigma, at_one_second)
    assert relaxed.std() == pytest.approx(sigma, rel=SPREAD_TOLERANCE)
    assert relaxed.mean() - 20e-6 == pytest.approx(shift, abs=MEAN_TOLERANCE * sigma)


def test_cmo_hfox_drift_adds_to_the_error_of_programming() -> None:
    generator = np.random.default_rng(2)
    programmed = program(TARGET, 1e-6, generator)
    sigma, shift = cmo_hfox_sigma_s(DAY_S, 90e-6), cmo_hfox_shift_s(DAY_S, 90e-6)
    relaxed = relax(programmed, generator.standard_normal(CELLS), shift, sigma)
    assert (relaxed - programmed).std() == pytest.approx(sigma, rel=SPREAD_TOLERANCE)
    assert (relaxed - programmed).mean() == pytest.approx(shift, abs=MEAN_TOLERANCE * sigma)
    assert relaxed.std() == pytest.approx(math.hypot(1e-6, sigma), rel=SPREAD_TOLERANCE)


def test_a_cell_keeps_its_path_between_programming_events() -> None:
    normals = np.array([-1.0, 0.0, 2.0])
    at_one_second = pooled_sigma_s(1.0, 40e-6)
    offsets = [relax(TARGET[:3], normals, 0.0, pooled_sigma_s(t, 40e-6), at_one_second) - 20e-6 for t in (10, 1e3, 1e5)]
    for earlier, later in itertools.pairwise(offsets):
        assert np.array_equal(np.sign(earlier), np.sign(normals))
        assert np.all(np.abs(later[[0, 2]]) > np.abs(earlier[[0, 2]]))
        assert later[2] == pytest.approx(-2 * later[0])


def test_nothing_grows_at_one_second_nor_where_more_is_included() -> None:
    normals = np.random.default_rng(3).standard_normal(CELLS)
    sigma = pooled_sigma_s(1.0, 40e-6)
    assert np.array_equal(relax(TARGET, normals, 0.0, sigma, sigma), TARGET)
    assert np.array_equal(relax(TARGET, normals, 0.0, sigma, 2 * sigma), TARGET)
    assert np.array_equal(relax(TARGET, normals, 0.0, 0.0), TARGET)


def test_a_conductance_is_never_negative() -> None:
    assert relax(np.array([1e-6]), np.array([-3.0]), -1e-6, 2e-6).tolist() == [0.0]


@each_law
@pytest.mark.parametrize("time_s", [-1.0, 0.0, 0.5, float("nan"), float("inf")])
def test_times_outside_the_fit_are_refused(law: Callable[[float, float], float], time_s: float) -> None:
    with pytest.raises(ConfigError, match=rf"time_s must be finite and >= 1 s \(the fits .*\), got {time_s:g}"):
        law(time_s, 40e-6)


@each_law
def test_an_empty_window_is_refused(law: Callable[[float, float], float]) -> None:
    with pytest.raises(ConfigError, match="conductance_max_s must be > 0, got 0"):
        law(1.0, 0.0)


def test_impossible_variances_are_refused() -> None:
    with pytest.raises(ConfigError, match="per_decade_s2 must be finite and >= 0, got -1e-12"):
        log_variance_sigma_s(1.0, -1e-12, 1e-12)
    with pytest.raises(ConfigError, match="at_one_second_s2 must be finite and >= 0, got -1e-12"):
        log_variance_sigma_s(1.0, 1e-12, np.array([1e-12, -1e-12]))
    with pytest.raises(ConfigError, match="time_s must be finite and >= 1 s"):
        log_variance_sigma_s(-1.0, 1e-12, 1e-12)


def test_impossible_cells_are_refused() -> None:
    one, zero = np.ones(1), np.zeros(1)
    with pytest.raises(ConfigError, match=r"normals needs one entry for each cell, shape \(1,\), got \(2,\)"):
        relax(one, np.zeros(2), 0.0, 0.0)
    with pytest.raises(ConfigError, match="programmed_s must be finite and >= 0, got -1"):
        relax(-one, zero, 0.0, 0.0)
    with pytest.raises(ConfigError, match=r"^sigma_s must be finite and >= 0, got -1"):
        relax(one, zero, 0.0, -1.0)
    with pytest.raises(ConfigError, match="included_sigma_s must be finite and >= 0, got -1"):
        relax(one, zero, 0.0, 0.0, -1.0)
