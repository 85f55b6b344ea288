"""Copies under a budget: by hand, and the best of all ways for small networks."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.errors import MappingError
from imcsim.mapping import NetworkMap, map_network
from tests.mapping.specs import PAIRS, linear

LAYERS = [linear("a", 8, 3, positions=12), linear("b", 4, 6, positions=4), linear("c", 4, 3)]  # 2 + 2 + 1 PEs


def copies(found: NetworkMap) -> list[int]:
    return [layer.copies for layer in found.maps]


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (5, [1, 1, 1]),
        (6, [1, 1, 1]),  # a second copy of 'a' takes two PEs
        (7, [2, 1, 1]),
        (9, [3, 1, 1]),  # 12 vectors in 4 turns, as 'b' takes
        (10, [3, 1, 1]),
        (13, [4, 2, 1]),  # 3 turns
        (100, [12, 4, 1]),  # no layer has more copies than vectors
    ],
)
def test_by_hand(budget: int, expected: list[int]) -> None:
    found = map_network(LAYERS, PAIRS, "replicate", pe_budget=budget)
    assert copies(found) == expected
    assert found.pe_count == sum(c * p for c, p in zip(expected, (2, 2, 1), strict=True)) <= budget


def test_one_copy_is_im2col() -> None:
    plain = map_network(LAYERS, PAIRS)
    found = map_network(LAYERS, PAIRS, "replicate", pe_budget=5)
    assert [
        [tile._replace(pe=tile.pe - first) for tile in layer.tiles]
        for layer, first in zip(found.maps, plain.first_pes, strict=True)
    ] == [list(layer.tiles) for layer in plain.maps]


def test_a_budget_below_one_copy_is_refused() -> None:
    with pytest.raises(MappingError, match="one copy of each layer takes 5 PEs, but pe_budget is 4"):
        map_network(LAYERS, PAIRS, "replicate", pe_budget=4)
    with pytest.raises(MappingError, match="mapping rule 'replicate' needs 'pe_budget', the number of PEs that may be"):
        map_network(LAYERS, PAIRS, "replicate")


@given(
    sizes=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 6)), min_size=1, max_size=3), spare=st.integers(0, 12)
)
def test_no_other_choice_of_copies_is_faster(sizes: list[tuple[int, int]], spare: int) -> None:
    layers = [linear(f"l{i}", 4 * pes, 3, positions=p) for i, (pes, p) in enumerate(sizes)]
    budget = sum(pes for pes, _ in sizes) + spare
    chosen = copies(map_network(layers, PAIRS, "replicate", pe_budget=budget))

    def turns(counts: tuple[int, ...]) -> int:
        return max(-(-p // c) for (_, p), c in zip(sizes, counts, strict=True))

    ways = product(*(range(1, p + 1) for _, p in sizes))
    fits = [way for way in ways if sum(c * pes for c, (pes, _) in zip(way, sizes, strict=True)) <= budget]
    assert turns(tuple(chosen)) == min(map(turns, fits))
