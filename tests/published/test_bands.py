"""Bands: what a row's assumptions leave, and the size that left-out macros ask for."""

import math

import numpy as np
import pytest

from imcsim.published.bands import HOLDS, QUANTILE, Miss, half_width, model_sigma, row_sigma


def misses(sigma: float, count: int, family: str = "f", row: float = 0.0, seed: int = 0) -> list[Miss]:
    drawn = np.random.default_rng(seed).normal(0.0, sigma, count)
    return [Miss(f"{family}{at}", family, float(off), row) for at, off in enumerate(drawn)]


def test_half_of_the_ranges_of_a_row_join_as_independent() -> None:
    assert row_sigma([]) == 0
    assert row_sigma([math.log(2)]) == pytest.approx(0.5 * math.log(2) / QUANTILE)
    assert row_sigma([0.3, 0.4]) == pytest.approx(0.5 * 0.5 / QUANTILE)


def test_the_model_is_as_wide_as_its_misses() -> None:
    assert model_sigma(misses(0.4, 4000), "f") == pytest.approx(0.4, rel=0.05)


def test_what_rows_leave_open_themselves_is_not_asked_of_the_model() -> None:
    assert model_sigma(misses(0.5, 4000, row=0.3), "f") == pytest.approx(0.4, rel=0.06)  # 0.5^2 = 0.3^2 + 0.4^2


def test_new_macros_lie_inside_as_often_as_the_band_says() -> None:
    model = model_sigma(misses(0.4, 400), "f")
    fresh = misses(0.4, 4000, seed=1)
    inside = np.mean([abs(miss.log_ratio) <= half_width(model, miss.row_sigma) for miss in fresh])
    assert 0.8 <= inside <= 0.97
    assert inside == pytest.approx(HOLDS, abs=0.04)


def test_a_family_of_few_leans_on_the_others() -> None:
    exact = [Miss("f0", "f", 0.0, 0.0), Miss("f1", "f", 0.0, 0.0)]
    alone, pooled = model_sigma(exact, "f"), model_sigma([*exact, *misses(0.5, 400, "g")], "f")
    assert alone == pytest.approx(0.1)  # no model is better than that
    assert 0.25 < pooled < 0.4
    unseen = model_sigma(misses(0.5, 4000, "g"), "f")
    assert unseen == pytest.approx(0.5, rel=0.05)


def test_a_silicon_of_many_rows_counts_once() -> None:
    crowd = [Miss("wild", "f", 2.0, 0.0)] * 50
    calm = [Miss(str(at), "f", 0.1, 0.0) for at in range(19)]
    assert model_sigma([*crowd, *calm], "f") == pytest.approx(0.1, abs=0.02)
