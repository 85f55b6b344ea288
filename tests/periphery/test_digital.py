import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError
from imcsim.periphery import AdderTree

TREE = AdderTree(
    name="round", full_adder_energy_j=4e-15, full_adder_area_m2=5e-12, full_adder_delay_s=0.2e-9, carry_delay_s=0.1e-9,
    product_energy_j=1e-15, product_area_m2=1e-12, product_delay_s=0.05e-9, flip_flop_energy_j=2e-15,
    flip_flop_area_m2=4e-12, activity=0.25,
)  # fmt: skip
CHAIN = TREE.model_copy(update={"kind": "chain"})


def counted_full_adders(inputs: int, bits: int) -> int:
    """Full adders of a balanced tree of ripple-carry adders, level by level."""
    return sum((inputs >> level) * (bits + level - 1) for level in range(1, inputs.bit_length()))


def ready_after_s(inputs: int, bits: int) -> float:
    """Seconds until the last bit: a sum follows its inputs by 0.2 ns and the carry of the bit before by half of that.

    A carry follows the inputs by 0.2 ns, and the carry before by 0.1 ns.
    """
    ready = np.zeros(bits)
    for _ in range(inputs.bit_length() - 1):
        done: list[float] = []
        carry = 0.0
        for arrival in ready:
            done.append(max(arrival + 0.2e-9, carry + 0.1e-9 if carry else 0.0))
            carry = max(arrival + 0.2e-9, carry + 0.1e-9 if carry else 0.0)
        ready = np.array([*done, carry])  # the carry out is one bit more
    return float(ready.max())


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
    # with an XOR and a carry of 0.1 ns each, in-to-sum and in-to-carry take 0.2 ns
    assert TREE.time_s(inputs, bits) == pytest.approx(ready_after_s(inputs, bits))


def test_time_by_hand() -> None:
    # 64 inputs of 8 bits: five levels to the sum, in to carry, and the carry along 8 + 6 - 2 bits
    assert TREE.time_s(64, 8) == pytest.approx(5 * 0.2e-9 + 0.2e-9 + 12 * 0.1e-9)
    assert TREE.accumulate_s(22) == pytest.approx(0.2e-9 + 21 * 0.1e-9)
    whole = TREE.cycle_price(64, 8, 1, 8, "at").value
    assert whole == pytest.approx(0.05e-9 + TREE.time_s(64, 8) + TREE.accumulate_s(8 + 8 + 6))
    parted = TREE.model_copy(update={"pipelined": True}).cycle_price(64, 8, 1, 8, "at").value
    assert parted == pytest.approx(0.05e-9 + TREE.time_s(64, 8))
    two_bits = TREE.cycle_price(64, 8, 2, 8, "at").value  # their products are joined first, and are two bits wider
    assert two_bits == pytest.approx(whole + 0.2e-9 + 2 * 0.1e-9)


def test_a_chain_adds_at_the_full_width_in_every_row() -> None:
    assert CHAIN.full_adders(128, 1) == 128 * 8
    assert CHAIN.full_adders(1, 8) == 0
    assert CHAIN.time_s(4, 8) == pytest.approx(3 * 0.2e-9 + 0.2e-9 + 8 * 0.1e-9)


def test_products_of_several_input_bits_are_joined() -> None:
    assert (TREE.product_bits(8, 1), TREE.product_adders(8, 1)) == (8, 0)
    assert (TREE.product_bits(8, 2), TREE.product_adders(8, 2)) == (10, 8)
    assert TREE.sum_bits(64, 8, 8) == 22


def test_one_input_needs_no_adder() -> None:
    assert (TREE.full_adders(1, 8), TREE.time_s(1, 8)) == (0, 0)


@given(st.integers(1, 5000), st.integers(1, 32))
def test_adders_are_never_negative_and_grow_with_inputs(inputs: int, bits: int) -> None:
    assert 0 <= TREE.full_adders(inputs, bits) <= TREE.full_adders(inputs + 1, bits)


def test_a_tree_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one input, got 0"):
        TREE.full_adders(0, 8)
    with pytest.raises(ConfigError, match="at least one bit, got 0"):
        TREE.full_adders(8, 0)
