import numpy as np
import pytest

from imcsim.core.errors import ConfigError
from imcsim.core.toml import load_resolved
from imcsim.devices import (
    PULSE_SCHEMES,
    RramCell,
    lognormal_parameters,
    sample_pulses,
    scheme_statistics,
)

EVENTS = 1_000_000
each_scheme = pytest.mark.parametrize("scheme", PULSE_SCHEMES)


@each_scheme
def test_mean_and_p99_of_the_samples(scheme: str) -> None:
    mean, p99 = scheme_statistics(scheme)
    pulses = sample_pulses((mean, p99), (EVENTS,), np.random.default_rng(1))
    assert pulses.mean() == pytest.approx(mean, rel=0.01)
    assert np.percentile(pulses, 99) == pytest.approx(p99, rel=0.1)
    assert pulses.min() == 1


def test_device_files_hold_the_same_measurements() -> None:
    for device, scheme in (("rram-mnsim-130nm", "sdcfc"), ("rram-40nm-pessimistic", "ispp")):
        assert load_resolved(RramCell, "device", device).config.pulse_statistics(2) == scheme_statistics(scheme)


@each_scheme
def test_lognormal_has_the_asked_mean_and_p99(scheme: str) -> None:
    mean, p99 = scheme_statistics(scheme)
    mu, sigma = lognormal_parameters(mean, p99)
    assert np.exp(mu + sigma**2 / 2) == pytest.approx(mean)
    assert np.exp(mu + 2.3263478740408408 * sigma) == pytest.approx(p99)


def test_without_spread_every_event_takes_the_mean() -> None:
    assert lognormal_parameters(5.0, 5.0)[1] == 0
    assert set(sample_pulses((5.0, 5.0), (100,), np.random.default_rng(3)).tolist()) == {5}


def test_same_seed_same_pulses() -> None:
    first, second, other = (sample_pulses((8.5, 44.0), (3, 50), np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert first.shape == (3, 50) and first.dtype == np.int64
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_impossible_statistics_are_refused() -> None:
    with pytest.raises(ConfigError, match="the mean of the pulses must be > 0, got 0"):
        lognormal_parameters(0.0, 1.0)
    for p99 in (4.0, 75.0):
        with pytest.raises(ConfigError, match=rf"between the mean \(5\) and 14\.9 times it .* got {p99:g}"):
            lognormal_parameters(5.0, p99)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown programming scheme 'isp'; did you mean 'ispp'"):
        scheme_statistics("isp")
