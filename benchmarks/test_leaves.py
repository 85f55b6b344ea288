"""The slow half of tests/chip/leaves: every option of every chip, and every test by hand on every wrong number."""

from typing import Any

from imcsim.core.content import names
from tests.chip.leaves import table
from tests.chip.leaves.reach import charged_leaves, every_leaf


def test_no_chip_and_no_two_options_charge_a_leaf_that_the_table_lacks(benchmark: Any) -> None:
    found = benchmark.pedantic(every_leaf, args=(tuple(names("chip")),), kwargs={"two": True}, rounds=1)
    assert found <= charged_leaves()


def test_every_wrong_number_is_noticed_by_tests_by_hand(benchmark: Any) -> None:
    def all_guards() -> dict[str, list[str]]:
        return {number: list(table.guards(number)) for number in table.numbers()}

    found = benchmark.pedantic(all_guards, rounds=1)
    assert [number for number, tests in found.items() if not tests] == []
    given = table.read()
    assert [number for number, tests in found.items() if given[number] not in tests] == []
    benchmark.extra_info["noticed by a single test"] = sum(len(tests) == 1 for tests in found.values())
