"""The suite catches every deliberate bug, for the right reason, on cases of its own too."""

import pytest

from imcsim.crossbar.encoding import Encoding
from imcsim.testing import MappingCheckError, check_mapping, check_rule
from tests.testing.mutants import MUTANTS, PAIRS, Mutant

each_mutant = pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)


def test_there_are_at_least_twelve() -> None:
    assert len(MUTANTS) >= 12
    assert len({mutant.sentence for mutant in MUTANTS.values()}) >= 12 - 2  # three of them lose a weight


@each_mutant
def test_it_is_caught_for_the_right_reason(mutant: Mutant) -> None:
    with pytest.raises(MappingCheckError, match=mutant.sentence) as caught:
        check_mapping(mutant.rule, mutant.weight, mutant.geometry, **mutant.given)
    assert caught.value.law == mutant.law


@each_mutant
def test_the_smallest_example_is_small_and_shows_it_again(mutant: Mutant) -> None:
    with pytest.raises(MappingCheckError) as caught:
        check_mapping(mutant.rule, mutant.weight, mutant.geometry, **mutant.given)
    case = caught.value.case
    # 3 x 3: a PE in which every row and every column trains, and yet less than half of the weights
    assert sum(codes.size for codes in case.codes) <= (9 if mutant.rule.__name__ == "frozen_by_majority" else 4)
    assert f"smallest example: {case}" in str(caught.value)
    assert "PE of each weight" in str(caught.value)


@pytest.mark.parametrize("name", [name for name, mutant in MUTANTS.items() if mutant.geometry is PAIRS])
def test_drawn_cases_catch_it_too(name: str) -> None:
    with pytest.raises(MappingCheckError) as caught:
        check_rule(MUTANTS[name].rule, max_examples=500)  # the rarest bug shows in one case of some thirty
    assert caught.value.law == MUTANTS[name].law


def test_the_right_signs_pass() -> None:
    mutant = MUTANTS["swapped sign arrays"]
    right = mutant.geometry.model_copy(update={"encoding": Encoding(**mutant.geometry.encoding.model_dump())})
    check_mapping(mutant.rule, mutant.weight, right)
