import numpy as np
import pytest

from imcsim.core.errors import ConfigError
from imcsim.core.toml import load_resolved
from imcsim.devices import RramCell, pooled_sigma_s, program, read, relax

CELLS = 200_000
SPREAD_TOLERANCE = 5 / np.sqrt(2 * CELLS)  # five standard errors
MEAN_TOLERANCE = 5 / np.sqrt(CELLS)
CONDUCTANCE = np.linspace(0, 40e-6, CELLS)


def test_moments_of_the_default_cell() -> None:
    cell = load_resolved(RramCell, "device", "rram-28nm").config
    noise = read(CONDUCTANCE, cell.read_noise_fraction, 40e-6, np.random.default_rng(1)) - CONDUCTANCE
    assert noise.std() == pytest.approx(0.4e-6, rel=SPREAD_TOLERANCE)  # 1 % of 40 uS
    assert noise.mean() == pytest.approx(0, abs=MEAN_TOLERANCE * 0.4e-6)


def test_cells_near_zero_keep_their_mean() -> None:
    seen = read(np.zeros(CELLS), 0.01, 40e-6, np.random.default_rng(2))
    assert seen.mean() == pytest.approx(0, abs=MEAN_TOLERANCE * 0.4e-6)


def test_no_noise_reads_the_conductance() -> None:
    assert np.array_equal(read(CONDUCTANCE, 0.0, 40e-6, np.random.default_rng(3)), CONDUCTANCE)


def test_each_read_is_new_and_a_seed_repeats_it() -> None:
    generator = np.random.default_rng(4)
    first, second = (read(CONDUCTANCE, 0.01, 40e-6, generator) - CONDUCTANCE for _ in range(2))
    assert abs(np.corrcoef(first, second)[0, 1]) < MEAN_TOLERANCE
    assert np.array_equal(first, read(CONDUCTANCE, 0.01, 40e-6, np.random.default_rng(4)) - CONDUCTANCE)


def test_float32_stays_float32() -> None:
    seen = read(CONDUCTANCE.astype(np.float32), 0.01, 40e-6, np.random.default_rng(6))
    assert seen.dtype == np.float32
    assert (seen - CONDUCTANCE).std() == pytest.approx(0.4e-6, rel=SPREAD_TOLERANCE)


def test_slots_are_independent() -> None:
    target = np.full(CELLS, 20e-6)
    programming, programmed_at, reading = (np.random.default_rng([5, slot]) for slot in range(3))
    programmed = program(target, 2e-6, programming)
    relaxed = relax(programmed, programmed_at.standard_normal(CELLS), 0.0, pooled_sigma_s(1e5, 40e-6), 2e-6)
    seen = read(relaxed, 0.01, 40e-6, reading)
    parts = np.stack([programmed - target, relaxed - programmed, seen - relaxed])
    assert np.abs(np.corrcoef(parts) - np.eye(3)).max() < MEAN_TOLERANCE
    assert (seen - target).std() == pytest.approx(np.sqrt(parts.var(axis=1).sum()), rel=SPREAD_TOLERANCE)


def test_impossible_values_are_refused() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(ConfigError, match=r"noise_fraction must be finite and >= 0, got -0\.01"):
        read(CONDUCTANCE, -0.01, 40e-6, generator)
    with pytest.raises(ConfigError, match="conductance_max_s must be finite and >= 0, got -1"):
        read(CONDUCTANCE, 0.01, -1.0, generator)
