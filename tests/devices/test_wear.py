import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError
from imcsim.core.toml import load_resolved
from imcsim.devices import RramCell, failure_probability, first_failure_cycles


@pytest.fixture(scope="module")
def default_cell() -> RramCell:
    return load_resolved(RramCell, "device", "rram-28nm").config


def test_default_cell_meets_the_intel_22ffl_constraint(default_cell: RramCell) -> None:
    # Bit error rate 4e-6 after 1e4 cycles (VLSI 2019), soft errors included: permanent failures must stay below it.
    share = failure_probability(1e4, default_cell.endurance_scale_cycles, default_cell.endurance_shape)
    assert share <= 4e-6
    assert share == pytest.approx(2.5e-7, rel=0.02)


def test_default_cell_meets_the_leti_16_kbit_constraint(default_cell: RramCell) -> None:
    # No failed bit among 16384 after 1e5 cycles: fewer than one expected.
    share = failure_probability(1e5, default_cell.endurance_scale_cycles, default_cell.endurance_shape)
    assert share * 16384 < 1
    assert share * 16384 == pytest.approx(0.65, abs=0.01)


def test_pessimistic_cell_meets_the_40_nm_constraint() -> None:
    cell = load_resolved(RramCell, "device", "rram-40nm-pessimistic").config
    # Bit error rate 4.1e-8 quoted after 1e3 cycles (ISSCC 2018, 11 Mb macro).
    assert failure_probability(1e3, cell.endurance_scale_cycles, cell.endurance_shape) == pytest.approx(4.1e-8, rel=0.1)


def test_probability_by_hand() -> None:
    assert failure_probability(0.0, 1e6, 2.0) == 0
    assert failure_probability(1e6, 1e6, 2.0) == pytest.approx(1 - 1 / math.e)
    assert failure_probability(1e9, 1e6, 2.0) == 1
    assert failure_probability(np.array([0.0, 1e6]), 1e6, 1.0) == pytest.approx([0, 1 - 1 / math.e])


def test_first_failure_by_hand() -> None:
    assert first_failure_cycles(1, 1e7, 2.2) == 1e7
    assert first_failure_cycles(100, 1e6, 2.0) == pytest.approx(1e5)
    assert first_failure_cycles(1_000_000, 1e7, 2.2) == pytest.approx(1.9e4, rel=0.02)


@given(st.integers(10, 10**9), st.floats(1.0, 4.0))
def test_one_failure_is_expected_at_the_first_failure(cells: int, shape: float) -> None:
    share = failure_probability(first_failure_cycles(cells, 1e7, shape), 1e7, shape)
    assert share * cells == pytest.approx(1, rel=0.06)


@pytest.mark.parametrize(("scale", "shape", "name"), [(0.0, 2.0, "scale"), (1e6, 0.0, "shape"), (-1.0, 2.0, "scale")])
def test_impossible_distributions_are_refused(scale: float, shape: float, name: str) -> None:
    with pytest.raises(ConfigError, match=f"the Weibull {name} must be > 0"):
        failure_probability(1.0, scale, shape)
    with pytest.raises(ConfigError, match=f"the Weibull {name} must be > 0"):
        first_failure_cycles(1, scale, shape)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ConfigError, match="cycles must be >= 0, got -1"):
        failure_probability(-1.0, 1e6, 2.0)
    with pytest.raises(ConfigError, match="cells must be >= 1, got 0"):
        first_failure_cycles(0, 1e6, 2.0)
