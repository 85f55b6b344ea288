"""The expected maximum against hand results, another way of integrating, and drawn pulses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from imcsim.devices import RramCell, expected_max_pulses, lognormal_parameters, sample_pulses
from tests.devices.cells import PRESETS, rram

each_cell = pytest.mark.parametrize("cell", PRESETS, ids=lambda cell: cell.name)


def by_survival(mean: float, p99: float, count: float) -> float:
    """Integral of P(maximum > x) over x, in z = (ln x - mu) / sigma: shares no formula with imcsim."""
    mu, sigma = lognormal_parameters(mean, p99)

    def survival(z: float) -> float:
        return float(sigma * np.exp(mu + sigma * z) * -np.expm1(count * stats.norm.logcdf(z)))

    return sum(integrate.quad(survival, a, a + 2, epsabs=0, epsrel=1e-11)[0] for a in range(-40, 20, 2))


@pytest.mark.parametrize("statistics", [(2.0, 10.0), (8.5, 44.0), (21.0, 199.0), (1.0, 14.9)], ids=str)
@pytest.mark.parametrize("count", [2, 3, 7.5, 64, 512, 8192])
def test_agrees_with_another_integral(statistics: tuple[float, float], count: float) -> None:
    cell = rram(pulses_mean=statistics[:1], pulses_p99=statistics[1:])
    assert expected_max_pulses(cell, 1, float(count)) == pytest.approx(by_survival(*statistics, count), rel=1e-6)


@each_cell
@pytest.mark.parametrize("cells", [1, 8, 64])
def test_agrees_with_the_slowest_of_sampled_pulses(cell: RramCell, cells: int) -> None:
    for bits in range(1, len(cell.pulses_mean) + 1):
        statistics = cell.pulse_statistics(bits)
        rows = sample_pulses(statistics, (20_000, cells), np.random.default_rng(bits)).max(axis=1)
        # pulses are whole numbers >= 1: the cut lifts the mean where it is 2
        rounding = 0.05 if statistics[0] < 5 else 0.01
        tolerance = 5 * rows.std() / np.sqrt(len(rows)) + rounding * rows.mean()
        assert expected_max_pulses(cell, bits, float(cells)) == pytest.approx(rows.mean(), abs=tolerance)


@each_cell
def test_one_cell_takes_exactly_the_mean(cell: RramCell) -> None:
    assert expected_max_pulses(cell, 1, 1.0) == cell.pulses_mean[0]
    assert expected_max_pulses(cell, 1, 0.3) == cell.pulses_mean[0]


@given(st.integers(1, 10**6), st.floats(1.0, 14.9), st.floats(1.0, 1e3))
def test_it_lies_between_the_mean_and_the_sum(count: int, ratio: float, mean: float) -> None:
    cell = rram(pulses_mean=(mean,), pulses_p99=(mean * ratio,))
    most = expected_max_pulses(cell, 1, float(count))
    assert mean * (1 - 1e-12) <= most <= mean * count * (1 + 1e-12)
