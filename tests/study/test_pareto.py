import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.study.pareto import dominates, front

UP_DOWN = (True, False)
points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12)


def test_dominance_needs_no_worse_anywhere_and_better_somewhere() -> None:
    assert dominates((0.9, 1.0), (0.8, 1.0), UP_DOWN)
    assert dominates((0.9, 1.0), (0.9, 2.0), UP_DOWN)
    assert not dominates((0.9, 2.0), (0.8, 1.0), UP_DOWN)
    assert not dominates((0.9, 1.0), (0.9, 1.0), UP_DOWN)


def test_objectives_must_match_in_number() -> None:
    with pytest.raises(ValueError, match="shorter"):
        dominates((1.0, 2.0), (1.0, 2.0), (True,))


def test_front_of_a_small_case_by_hand() -> None:
    given_points = [(0.5, 1.0), (0.9, 3.0), (0.7, 4.0), (0.9, 3.0), (0.4, 0.5)]
    assert front(given_points, UP_DOWN) == [0, 1, 3, 4]


@given(points)
def test_nothing_on_the_front_is_dominated_and_all_else_is(cloud: list[tuple[int, int]]) -> None:
    kept = front(cloud, UP_DOWN)
    for index, point in enumerate(cloud):
        beaten = any(dominates(cloud[k], point, UP_DOWN) for k in kept)
        assert beaten == (index not in kept)
