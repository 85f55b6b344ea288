"""Owner maps against a plain-Python reading of PackNet: cut by hand, ties, what serves whom."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imcsim.learn.adapt.owners import (
    claim,
    cut,
    gradual_sparsity,
    owner_bits,
    prune,
    prune_to,
    reserve,
    units_at,
    visible,
)

WEIGHT = torch.tensor([[0.5, -0.1, 0.2, 0.2], [-0.2, 0.9, 0.05, -0.3]])
OWNER = torch.tensor([[1, 2, 2, 2], [2, 2, 1, 2]], dtype=torch.int32)


def test_only_the_tasks_own_weights_are_ranked() -> None:
    # task 1 owns .1 .2 .2 .2 .9 .3: half of six are .1 and the first two of .2
    assert prune(WEIGHT, OWNER, 1, 0.5).tolist() == [[1, 0, 0, 0], [2, 2, 1, 2]]


def test_all_ties_at_the_cut_may_go() -> None:
    assert prune(WEIGHT, OWNER, 1, 0.5, "all").tolist() == [[1, 0, 0, 0], [0, 2, 1, 2]]


def test_nothing_goes_at_a_share_of_zero_even_with_ties() -> None:
    for ties in ("count", "all"):
        assert torch.equal(prune(torch.zeros(2, 4), OWNER, 1, 0.0, ties), OWNER)


def test_the_arguments_stay_as_they_are() -> None:
    owner, weight = OWNER.clone(), WEIGHT.clone()
    prune(weight, owner, 1, 0.9)
    claim(owner, 3)
    assert torch.equal(owner, OWNER)
    assert torch.equal(weight, WEIGHT)


def test_free_weights_are_claimed_and_no_others() -> None:
    assert claim(torch.tensor([0, 1, 2, 0]), 2).tolist() == [3, 1, 2, 3]


def test_a_task_is_served_by_itself_and_its_elders() -> None:
    owner = torch.tensor([0, 1, 2, 3])
    assert [visible(owner, task).tolist() for task in range(3)] == [
        [False, True, False, False],
        [False, True, True, False],
        [False, True, True, True],
    ]


@pytest.mark.parametrize(("tasks", "bits"), [(1, 0), (2, 1), (4, 2), (5, 3), (8, 3), (20, 5)])
def test_bits_of_an_owner(tasks: int, bits: int) -> None:
    assert owner_bits(tasks) == bits


def test_gradual_sparsity_is_a_cube() -> None:
    assert [gradual_sparsity(p, 0.8) for p in (0, 0.5, 1)] == pytest.approx([0, 0.7, 0.8])
    assert gradual_sparsity(0.5, 0.8, 0.4) == pytest.approx(0.75)
    assert [gradual_sparsity(p, 0.8, 0.2) for p in (-1, 3)] == pytest.approx([0.2, 0.8])  # before and after


def test_pruning_counts_what_is_free_already() -> None:
    weight = torch.tensor([0.4, 0.0, 0.1, 0.3, 0.2, 9.0])
    owner = torch.tensor([2, 0, 2, 2, 2, 1])  # task 1 claimed five, one of which is free
    assert prune_to(weight, owner, 1, 0.4).tolist() == [2, 0, 0, 2, 2, 1]
    assert prune_to(weight, owner, 1, 0.6).tolist() == [2, 0, 0, 2, 0, 1]
    assert torch.equal(prune_to(weight, owner, 1, 0.2), owner)
    assert torch.equal(prune_to(weight, owner, 1, 0.0), owner)


def test_free_weights_may_take_part_in_the_ranking() -> None:
    weight = torch.tensor([0.4, 0.35, 0.1, 0.3, 0.2])  # the free one is not 0 yet
    owner = torch.tensor([2, 0, 2, 2, 2])
    assert prune_to(weight, owner, 1, 0.6).tolist() == [2, 0, 0, 2, 0]
    assert prune_to(weight, owner, 1, 0.6, rank_free=True).tolist() == [2, 0, 0, 0, 0]
    assert prune_to(weight, owner, 1, 0.4, rank_free=True).tolist() == [2, 0, 0, 2, 0]


def test_reserved_weights_are_those_of_missing_units() -> None:
    owner = torch.tensor([[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])  # three units read two, two weights each
    assert reserve(owner, 2, 1, 2).tolist() == [[1, 0, -1, -1], [0, 0, -1, -1], [-1, -1, -1, -1]]
    grown = reserve(reserve(owner, 2, 1, 2), 3, 2, 2)
    assert torch.equal(grown, owner)
    assert claim(reserve(owner, 2, 1, 2), 1).tolist() == [[1, 2, -1, -1], [2, 2, -1, -1], [-1, -1, -1, -1]]
    assert not visible(torch.tensor([-1]), 3).any()


@pytest.mark.parametrize(("units", "width", "there"), [(48, 1.0, 32), (48, 1.25, 40), (48, 1.5, 48), (1, 1.0, 1)])
def test_units_at_a_width(units: int, width: float, there: int) -> None:
    assert units_at(units, width, 1.5) == there


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=30),
    st.floats(0, 1),
    st.sampled_from(["count", "all"]),
)
def test_the_cut_is_a_stable_sort(rows: list[tuple[int, bool]], share: float, ties: str) -> None:
    ranked = sorted((abs(value), place) for place, (value, candidate) in enumerate(rows) if candidate)
    count = round(share * len(ranked))
    wanted = {place for _, place in ranked[:count]}
    if ties == "all" and count:
        wanted |= {place for value, place in ranked if value == ranked[count - 1][0]}
    weight = torch.tensor([float(value) for value, _ in rows])
    candidates = torch.tensor([candidate for _, candidate in rows])
    chosen = cut(weight, candidates, count, ties)  # type: ignore[arg-type]
    assert set(chosen.nonzero().flatten().tolist()) == wanted
