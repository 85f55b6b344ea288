"""SparCL's schedule: densities, kept samples and steps of the released script, and shorter runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.learn.sparcl.schedule import MaskUpdate, Schedule


def _densities(schedule: Schedule, sparsity: float) -> tuple[list[float], list[float]]:
    """Return the density in which each epoch trains, and the lowest density inside its mask update."""
    trained, lowest, density = [], [], 1 - sparsity
    for epoch in range(schedule.epochs):
        update = schedule.mask_update(epoch, sparsity, 0.01, 0.01)
        low = density
        if update is not None:
            low = min(density, 1 - update.shrink_to)
            density = max(low, 1 - update.expand_to)
        trained.append(density)
        lowest.append(low)
    return trained, lowest


def test_density_trace_at_sparsity_075() -> None:
    trained, lowest = _densities(Schedule(), 0.75)
    assert trained == pytest.approx([0.26] * 5 + [0.25] * 45)
    dips = [epoch for epoch, low in enumerate(lowest) if low < 0.245]
    assert dips == list(range(5, 45, 5))
    assert [lowest[epoch] for epoch in dips] == pytest.approx([0.24] * 8)


def test_at_most_18_percent_of_the_mask_bits_flip_in_a_task() -> None:
    trained, lowest = _densities(Schedule(), 0.75)
    before = [0.25, *trained[:-1]]
    assert sum(b - low for b, low in zip(before, lowest, strict=True)) == pytest.approx(0.09)
    assert sum(after - low for after, low in zip(trained, lowest, strict=True)) == pytest.approx(0.09)


def test_bounds_of_the_three_phases() -> None:
    schedule = Schedule()
    assert schedule.mask_update(0, 0.75, 0.01, 0.01) == MaskUpdate(0.75, 0.74)
    assert schedule.mask_update(5, 0.75, 0.01, 0.01) == MaskUpdate(0.76, 0.75)
    assert schedule.mask_update(7, 0.75, 0.01, 0.01) is None
    assert all(schedule.mask_update(epoch, 0.75, 0.01, 0.01) is None for epoch in range(41, 50))


def test_kept_samples_and_steps_of_the_script() -> None:
    schedule = Schedule()
    assert [schedule.kept_samples(10_000, 0.3, e) for e in (0, 5, 10, 15, 20)] == [10_000, 9250, 8500, 7750, 7000]
    assert schedule.kept_samples(10_000, 0.3, 4) == 10_000
    assert schedule.kept_samples(10_000, 0.3, 49) == 7000
    assert schedule.kept_share(0.3) == pytest.approx(0.775)
    assert schedule.steps(10_000, 0.3, 32) == 12_080
    assert schedule.steps(10_000, 0.0, 32) == 15_600


def test_scaling_keeps_proportions() -> None:
    assert Schedule().scaled(50) == Schedule()
    assert Schedule().scaled(100) == Schedule(epochs=100, warm_up=10, freeze_from=90, delta_k=10, ddr_cutoff=40)
    assert Schedule().scaled(10) == Schedule(epochs=10, warm_up=1, freeze_from=9, delta_k=1, ddr_cutoff=4)
    assert Schedule().scaled(4) == Schedule(epochs=4, warm_up=1, freeze_from=4, delta_k=1, ddr_cutoff=2)
    assert Schedule().scaled(1) == Schedule(epochs=1, warm_up=0, freeze_from=1, delta_k=1, ddr_cutoff=0)
    assert Schedule().scaled(1).kept_share(0.3) == 1.0


@given(st.integers(1, 300), st.floats(0.02, 0.97))
def test_every_scaled_schedule_ends_at_the_target_density(epochs: int, sparsity: float) -> None:
    schedule = Schedule().scaled(epochs)
    trained, _ = _densities(schedule, sparsity)
    assert trained[-1] == pytest.approx(1 - sparsity)
    kept = [schedule.kept_samples(1000, 0.3, epoch) for epoch in range(epochs)]
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] == (700 if schedule.removal_stages else 1000)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"warm_up": 46}, r"warm_up \(46\) <= freeze_from \(45\) <= epochs \(50\) must hold"),
        ({"epochs": 40}, r"freeze_from \(45\) <= epochs \(40\)"),
        ({"ddr_cutoff": 50}, r"ddr_cutoff \(50\) must be before the last epoch \(50\)"),
        ({"delta_l": 5}, "unknown key 'delta_l'; did you mean 'delta_k'"),
    ],
)
def test_contradictory_schedules_are_refused(bad: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(Schedule, bad, "schedule")
