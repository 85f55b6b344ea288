"""Permanent failure, temporary failure and margins: limits, moments, and the measured points."""

import numpy as np
import pytest

from imcsim.chip import load_chip
from imcsim.core.errors import ConfigError
from imcsim.devices import RramCell, apply_stuck
from imcsim.devices.retention import margin_cycles, retention_time_s, specified_retention_s
from imcsim.devices.wear import failure_probability
from imcsim.devices.worn_out import draw_lives, stuck_low_share, worn_masks
from imcsim.devices.write_failure import pulse_growth, temporary_failure_share, tries


def cell(**changes: object) -> RramCell:
    part = load_chip("all-rram-28nm").config.rram
    assert part is not None
    return part.cell.model_copy(update=changes)


def test_lives_follow_the_weibull_law() -> None:
    lives = draw_lives((200_000,), 1e6, 2.2, np.random.default_rng(0))
    for cycles in (2e5, 1e6, 1.5e6):
        expected = failure_probability(cycles, 1e6, 2.2)
        assert (lives < cycles).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / 200_000))


def test_worn_cells_are_stuck_at_one_end_each_and_stay_dead() -> None:
    worn = cell(stuck_low_fraction=0.09, stuck_high_fraction=0.01, endurance_scale_cycles=(1e9, 1e7, 1e9))
    assert stuck_low_share(worn) == pytest.approx(0.9)
    assert stuck_low_share(cell(stuck_low_fraction=0.0, stuck_high_fraction=0.0)) == 0.5
    early, late = (worn_masks(np.full(100_000, c), worn, 2, np.random.default_rng(1)) for c in (5e6, 1e7))
    assert not (late[0] & late[1]).any()
    assert (late[0] | late[1]).mean() == pytest.approx(1 - np.exp(-1), abs=0.01)
    assert late[0].sum() / (late[0] | late[1]).sum() == pytest.approx(0.9, abs=0.01)
    assert all((first <= second).all() for first, second in zip(early, late, strict=True))
    assert not any(mask.any() for mask in worn_masks(np.zeros(1000), worn, 2, np.random.default_rng(1)))
    stuck = apply_stuck(np.full(100_000, 2e-5), late, 1e-6, 4e-5)
    assert set(np.unique(stuck)) == {1e-6, 2e-5, 4e-5}


def test_retries_and_pulses_of_worn_cells() -> None:
    assert temporary_failure_share(2) == 0.04
    assert temporary_failure_share(1) is None
    assert tries(0.0) == 1
    assert tries(0.04) == pytest.approx(sum(0.04**k for k in range(40)), rel=1e-12)
    assert pulse_growth(300.0, 2) == 1
    assert pulse_growth(0.0, 2) == 1
    assert pulse_growth(8000.0, 2) == pytest.approx(9.5 / 8.5)
    assert pulse_growth(1e6, 3) == 1
    assert (np.diff(pulse_growth(np.geomspace(300, 1e7, 20), 2)) > 0).all()
    for share in (-0.1, 1.0):
        with pytest.raises(ConfigError, match="share of failed writes must be >= 0 and < 1"):
            tries(share)


def test_margins_and_retention() -> None:
    assert margin_cycles(3) == 5e3
    assert margin_cycles(2) is None
    # from 358 K to 338 K time grows 80-fold: ber-time-temp.csv at a bit error rate of 2e-3
    assert specified_retention_s(358.15) == pytest.approx(3.15e8)  # 10 years at 85 C
    assert specified_retention_s(398.15) == pytest.approx(retention_time_s(3.15e8, 358.15, 398.15))
    assert retention_time_s(1.0, 358.0, 338.0) == pytest.approx(80, rel=0.1)
    assert retention_time_s(retention_time_s(7.0, 400.0, 350.0), 350.0, 400.0) == pytest.approx(7.0, rel=1e-9)
    with pytest.raises(ConfigError, match="temperature_k must be finite and > 0, got 0"):
        retention_time_s(1.0, 0.0, 300.0)
    with pytest.raises(ConfigError, match="beyond what a number holds"):
        retention_time_s(1.0, 358.0, 30.0)
