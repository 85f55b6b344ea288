"""Every number of a price has a test by hand that notices if it is wrong by a tenth; one without is a failure here.

``guards.csv`` says which; ``benchmarks/test_leaves.py`` tries all tests on all numbers. After a change of the leaves,
write the test that is missing and the table anew: ``python -m tests.chip.leaves.table``.
"""

import pytest

from tests.chip.leaves import table
from tests.chip.leaves.mutate import notices, wrong_charge, wrong_leaf
from tests.chip.leaves.two_tiles import SRAM, priced

GUARDS = table.read()


def test_the_table_has_every_leaf_and_charge() -> None:
    assert set(GUARDS) == set(table.numbers())


def test_every_guard_works_a_price_out_by_hand() -> None:
    assert set(GUARDS.values()) <= set(table.by_hand())


@pytest.mark.parametrize("number", GUARDS)
def test_a_wrong_number_is_noticed(number: str) -> None:
    with table.wrong(number):
        assert notices(GUARDS[number]), f"{GUARDS[number]} passes although {number} is 10 % too high"


def test_guards_pass_while_nothing_is_wrong() -> None:
    assert [name for name in sorted(set(GUARDS.values())) if notices(name)] == []


def test_a_wrong_leaf_is_that_leaf_alone() -> None:
    _, right = priced(SRAM)
    with wrong_leaf("energy.forward.sram.driver", 2.0):
        _, wrong = priced(SRAM)
    moved = {leaf for leaf, value in wrong.energy.flat().items() if value != right.energy.flat()[leaf]}
    assert moved == {"forward.sram.driver"}
    assert wrong.energy_by_task[0].flat()["forward.sram.driver"] == 2 * right.energy.flat()["forward.sram.driver"]
    assert wrong.horizon == right.horizon


def test_a_wrong_charge_reaches_every_caller() -> None:
    _, right = priced(SRAM)
    with wrong_charge("memory.memory:Memory.forward:driver", 2.0):
        _, wrong = priced(SRAM)
    for tree in ("energy", "inference"):
        before, after = getattr(right, tree).flat(), getattr(wrong, tree).flat()
        moved = {leaf for leaf, value in after.items() if value != before[leaf]}
        assert moved == {leaf for leaf in before if leaf.endswith("forward.sram.driver") or leaf == "sram.driver"}
    assert priced(SRAM)[1].energy.flat() == right.energy.flat()
