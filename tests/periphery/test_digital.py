import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError
from imcsim.periphery import AdderTree

TREE = AdderTree(
    name="round", full_adder_energy_j=4e-15, full_adder_area_m2=5e-12, full_adder_delay_s=0.2e-9, activity=0.25
)


def counted_full_adders(inputs: int, bits: int) -> int:
    """Full adders of a balanced tree of ripple-carry adders, level by level."""
    return sum((inputs >> level) * (bits + level - 1) for level in range(1, inputs.bit_length()))


def ready_after(inputs: int, bits: int) -> int:
    """Full-adder delays until the last bit: each waits for its inputs and for the carry of the bit before."""
    ready = np.zeros(bits, dtype=int)
    for _ in range(inputs.bit_length() - 1):
        done: list[int] = []
        for arrival in ready:
            done.append(max(int(arrival), done[-1] if done else 0) + 1)
        ready = np.array([*done, done[-1]])  # the carry out is one bit more
    return int(ready.max())


def test_full_adders_by_hand() -> None:
    # 64 one-bit inputs: 64 x 2 - (1 + 6 + 1) = 120.
    assert TREE.full_adders(64, 1) == 120
    assert TREE.full_adders(2, 8) == 8
    assert TREE.full_adders(3, 4) == 3 * 5 - (4 + 2 + 1)  # log2(3) is rounded up to 2


@given(st.integers(0, 10).map(lambda power: 1 << power), st.integers(1, 16))
def test_formula_counts_a_balanced_tree_exactly(inputs: int, bits: int) -> None:
    assert TREE.full_adders(inputs, bits) == counted_full_adders(inputs, bits)


@given(st.integers(1, 10).map(lambda power: 1 << power), st.integers(1, 16))
def test_time_is_the_longest_carry_path(inputs: int, bits: int) -> None:
    assert TREE.time_s(inputs, bits) == pytest.approx(ready_after(inputs, bits) * 0.2e-9)


def test_energy_area_and_time_by_hand() -> None:
    assert TREE.energy_j(64, 1) == pytest.approx(120 * 4e-15 * 0.25)
    assert TREE.area_m2(64, 1) == pytest.approx(600e-12)
    assert TREE.time_s(64, 1) == pytest.approx((1 + 12 - 2) * 0.2e-9)


def test_one_input_needs_no_adder() -> None:
    assert (TREE.energy_j(1, 8), TREE.area_m2(1, 8), TREE.time_s(1, 8)) == (0, 0, 0)


@given(st.integers(1, 5000), st.integers(1, 32))
def test_energy_is_never_negative_and_grows_with_inputs(inputs: int, bits: int) -> None:
    assert 0 <= TREE.energy_j(inputs, bits) <= TREE.energy_j(inputs + 1, bits)


def test_a_tree_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one input, got 0"):
        TREE.energy_j(0, 8)
    with pytest.raises(ConfigError, match="at least one bit, got 0"):
        TREE.area_m2(8, 0)
