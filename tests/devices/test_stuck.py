import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError
from imcsim.devices import apply_stuck, stuck_masks

CELLS = 400_000


@pytest.mark.parametrize(("low", "high"), [(0.001, 0.001), (0.0904, 0.0175)])  # MNSIM-2.0's default; a fabricated chip
def test_shares_of_stuck_cells(low: float, high: float) -> None:
    masks = stuck_masks((1000, 400), low, high, np.random.default_rng(1))
    for mask, share in zip(masks, (low, high), strict=True):
        assert mask.shape == (1000, 400)
        assert mask.mean() == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / CELLS))


@given(low=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_no_cell_is_stuck_twice(low: float, seed: int) -> None:
    stuck_low, stuck_high = stuck_masks((500,), low, 1 - low, np.random.default_rng(seed))
    assert not np.any(stuck_low & stuck_high)


def test_none_and_all() -> None:
    none_low, none_high = stuck_masks((1000,), 0.0, 0.0, np.random.default_rng(2))
    assert not none_low.any() and not none_high.any()
    assert stuck_masks((1000,), 1.0, 0.0, np.random.default_rng(2))[0].all()
    assert stuck_masks((1000,), 0.0, 1.0, np.random.default_rng(2))[1].all()


def test_same_seed_same_cells_and_a_larger_share_keeps_them() -> None:
    few, again, more = (stuck_masks((5000,), p, p, np.random.default_rng(3)) for p in (0.01, 0.01, 0.1))
    for mask, same, larger in zip(few, again, more, strict=True):
        assert np.array_equal(mask, same)
        assert np.all(larger[mask]) and larger.sum() > mask.sum() > 0


def test_stuck_cells_sit_at_the_ends_and_others_stay() -> None:
    low, high = np.array([True, False, False]), np.array([False, True, False])
    conductance = np.array([7e-6, 8e-6, 9e-6])
    assert apply_stuck(conductance, (low, high), 1e-6, 40e-6).tolist() == [1e-6, 40e-6, 9e-6]
    assert conductance.tolist() == [7e-6, 8e-6, 9e-6]
    assert apply_stuck(conductance.astype(np.float32), (low, high), 1e-6, 40e-6).dtype == np.float32


def test_impossible_shares_are_refused() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(ConfigError, match=r"low_fraction must be finite and >= 0, got -0\.1"):
        stuck_masks((1,), -0.1, 0.0, generator)
    with pytest.raises(ConfigError, match=r"high_fraction must be finite and >= 0, got -0\.1"):
        stuck_masks((1,), 0.0, -0.1, generator)
    with pytest.raises(ConfigError, match=r"low_fraction \+ high_fraction must be <= 1, got 1\.2"):
        stuck_masks((1,), 0.6, 0.6, generator)


def test_a_mask_of_another_shape_is_refused() -> None:
    one, two = np.zeros(1, dtype=bool), np.zeros(2, dtype=bool)
    with pytest.raises(ConfigError, match=r"the mask of cells stuck high needs one entry for each cell, shape \(1,\)"):
        apply_stuck(np.ones(1), (one, two), 0.0, 1.0)
