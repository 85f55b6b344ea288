import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.cost import Breakdown

COSTS = st.floats(0, 1e6)
NAMES = st.sampled_from(["adc", "array", "buffer", "dram"])
TREES = st.dictionaries(NAMES, COSTS | st.dictionaries(NAMES, COSTS | st.dictionaries(NAMES, COSTS)))
TREE: dict[str, Any] = {"forward": {"adc": 1.0, "array": {"read": 2.0, "write": 4.0}}, "leakage": 8.0}


def test_a_tree_by_hand() -> None:
    cost = Breakdown.of(TREE)
    assert cost.total == 15.0
    assert cost.flat() == {"forward.adc": 1.0, "forward.array.read": 2.0, "forward.array.write": 4.0, "leakage": 8.0}
    assert cost.by(0) == {"forward": 7.0, "leakage": 8.0}
    assert cost.by(1) == {"adc": 1.0, "array": 6.0, "leakage": 8.0}
    assert cost.part("forward").flat() == {"adc": 1.0, "array.read": 2.0, "array.write": 4.0}
    assert cost.part("forward", "array").total == 6.0
    assert cost.part("leakage").total == 8.0
    assert cost.part("nothing").total == 0.0


def test_the_sum_and_the_multiple_by_hand() -> None:
    first = Breakdown.of({"adc": 1.0, "dram": 2.0})
    second = Breakdown.of({"dram": 3.0, "link": 4.0})
    assert first.plus(second).flat() == {"adc": 1.0, "dram": 5.0, "link": 4.0}
    assert first.times(3).flat() == {"adc": 3.0, "dram": 6.0}
    assert first.under("task0", "forward").flat() == {"task0.forward.adc": 1.0, "task0.forward.dram": 2.0}


def test_the_total_loses_no_small_cost() -> None:
    # plain summation gives 1e16 here
    assert Breakdown.of({"big": 1e16, **{f"small{i}": 1.0 for i in range(10)}}).total == 1e16 + 10


@given(TREES)
def test_the_total_is_the_sum_of_the_leaves_whatever_the_nesting(tree: dict[str, Any]) -> None:
    cost = Breakdown.of(tree)
    assert cost.total == math.fsum(cost.flat().values())
    assert cost.under("deeper", "still").total == cost.total
    assert cost.under("deeper").part("deeper").leaves == cost.leaves


@given(TREES, st.integers(0, 3))
def test_groups_at_any_level_sum_to_the_total(tree: dict[str, Any], level: int) -> None:
    cost = Breakdown.of(tree)
    assert math.fsum(cost.by(level).values()) == pytest.approx(cost.total, rel=1e-12)


@given(TREES)
def test_a_group_is_the_total_of_its_part(tree: dict[str, Any]) -> None:
    cost = Breakdown.of(tree)
    assert cost.by(0) == {name: cost.part(name).total for name in cost.by(0)}


@given(TREES, TREES)
def test_the_sum_does_not_depend_on_the_order(first: dict[str, Any], second: dict[str, Any]) -> None:
    left, right = Breakdown.of(first), Breakdown.of(second)
    assert left.plus(right).flat() == right.plus(left).flat()
    assert left.plus(right).total == pytest.approx(left.total + right.total, rel=1e-12)


@given(TREES)
def test_neutral_elements(tree: dict[str, Any]) -> None:
    cost = Breakdown.of(tree)
    assert cost.plus(Breakdown()) == cost
    assert cost.times(1.0) == cost
    assert cost.times(0.0).total == 0.0


@pytest.mark.parametrize("value", [-1e-30, math.nan, math.inf, -math.inf])
def test_a_cost_that_is_negative_or_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"^cost forward.adc must be finite and >= 0, got "):
        Breakdown.of({"forward": {"adc": value}})


def test_a_negative_multiple_is_refused() -> None:
    with pytest.raises(ValueError, match="cost adc must be finite and >= 0"):
        Breakdown.of({"adc": 1.0}).times(-1)
