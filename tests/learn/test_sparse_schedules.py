"""When masks change: RigL's drop shares and MEST's phases, as published."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.learn.methods.mest import MestConfig
from imcsim.learn.sparcl.schedule import MaskUpdate
from imcsim.learn.sparse.schedules import DropSchedule, Phases, Variant, drop_fraction


def test_the_drop_share_follows_a_cosine_to_zero() -> None:
    shares = [drop_fraction(t, 75_000, 0.3) for t in (0, 25_000, 37_500, 50_000, 75_000, 90_000)]
    assert shares == pytest.approx([0.3, 0.225, 0.15, 0.075, 0.0, 0.0])
    assert drop_fraction(10, 40, 0.5) == pytest.approx(0.25 * (1 + math.cos(math.pi / 4)))
    assert drop_fraction(74_999, 75_000, 0.3, "constant") == 0.3
    assert drop_fraction(75_000, 75_000, 0.3, "constant") == 0.0


def test_updates_come_every_delta_t_and_not_at_the_start() -> None:
    schedule = DropSchedule(delta_steps=100)
    due = [t for t in range(1000) if schedule.fraction(t, 1000)]
    assert due == [100, 200, 300, 400, 500, 600, 700]


def _densities(phases: Phases, config: MestConfig) -> list[float]:
    density, trained = 1 - config.sparsity, []
    for epoch in range(phases.epochs):
        change = phases.mask_update(epoch, config.sparsity, config.mutated, config.variant)
        if change is not None:
            density = max(min(density, 1 - change.shrink_to), 1 - change.expand_to)
        trained.append(density)
    return trained


@pytest.mark.parametrize(("sparsity", "shrink"), [(0.90, (0.92, 0.91)), (0.95, (0.96, 0.955))])
def test_em_never_exceeds_the_budget(sparsity: float, shrink: tuple[float, float]) -> None:
    config = MestConfig(sparsity=sparsity)
    for epoch, bound in zip((5, 90), shrink, strict=True):
        change = Phases().mask_update(epoch, sparsity, config.mutated, "em")
        assert change is not None
        assert (change.shrink_to, change.expand_to) == pytest.approx((bound, sparsity))
    assert Phases().mask_update(120, sparsity, config.mutated, "em") is None
    assert Phases().mask_update(0, sparsity, config.mutated, "em") is None
    assert Phases().mask_update(7, sparsity, config.mutated, "em") is None
    assert _densities(Phases(), config) == pytest.approx([1 - sparsity] * 160)


@pytest.mark.parametrize(("sparsity", "expand"), [(0.90, (0.85, 0.875)), (0.95, (0.90, 0.925))])
def test_ems_grows_first_and_ends_at_the_budget(sparsity: float, expand: tuple[float, float]) -> None:
    config = MestConfig(sparsity=sparsity, variant="em&s")
    first, second = (1 - bound for bound in expand)
    assert _densities(Phases(), config) == pytest.approx([first] * 90 + [second] * 30 + [1 - sparsity] * 40)
    assert Phases().mask_update(120, sparsity, config.mutated, "em&s") == MaskUpdate(sparsity, sparsity)
    assert Phases().mask_update(125, sparsity, config.mutated, "em&s") is None


@given(st.integers(1, 300), st.sampled_from(["em", "em&s"]))
def test_scaled_phases_end_at_the_budget(epochs: int, variant: Variant) -> None:
    phases = Phases().scaled(epochs)
    trained = _densities(phases, MestConfig(sparsity=0.9, variant=variant))
    assert len(trained) == epochs
    assert trained[-1] == pytest.approx(0.1)
    assert max(trained) == pytest.approx(0.15 if variant == "em&s" and phases.ends[0] else trained[0])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"mutation": [0.2, 0.1]}, r"mutation \(0.2, 0.1\) must be >= 0, and below 1 - sparsity \(0.1\)"),
        ({"variant": "em&s", "sparsity": 0.02}, r"mutation \(0.05, 0.025\) must not exceed sparsity \(0.02\)"),
        ({"phases": {"ends": [120, 90]}}, r"0 <= ends \(120, 90\) < epochs \(160\) must hold, in order"),
        ({"base_config": {"buffer_sise": 3}, "lambda": 1}, "unknown key 'lambda'"),
    ],
)
def test_contradictory_settings_are_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(MestConfig, bad, "mest")
