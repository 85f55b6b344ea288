"""Every golden number is what it was: of tiny real runs of every method, on the shipped chips, with options set."""

import json
import math
from collections import defaultdict

import pytest

from imcsim.learn.method import METHODS
from tests.chip.leaves import table
from tests.golden import numbers, record, runs
from tests.golden.figures import BY_TASK, Figures, figures, report_of, trace_of
from tests.golden.pairs import CHIPS, Pair, pairs

GOLDEN = numbers.read()
PAIRS = tuple(pairs())
_SHOWN = 8
_HEADLINE = {"price": 120, "life": 12, "step": 12, "image": 12, "crash": 12}


def _by_file() -> dict[str, list[Pair]]:
    found = defaultdict(list)
    for pair in PAIRS:
        found[numbers.file_of(pair)].append(pair)
    return found


@pytest.mark.parametrize("file", _by_file())
def test_no_number_moved(file: str) -> None:
    moved = [
        one for pair in _by_file()[file] for one in numbers.moved(str(pair), GOLDEN.get(str(pair), {}), figures(pair))
    ]
    shown = "\n".join(map(str, sorted(moved, key=lambda one: -one.share)[:_SHOWN]))
    assert not moved, f"{numbers.summary(moved)}\n{shown}\nIf that is on purpose: {record.COMMAND}"


def test_the_pairs_are_those_recorded() -> None:
    assert sorted(GOLDEN) == sorted(map(str, PAIRS)), f"record them: {record.COMMAND}"
    assert {file.name for file in numbers.FOLDER.iterdir()} == set(_by_file())
    assert {file.name for file in runs.FOLDER.iterdir()} == {runs.file_of(name).name for name in runs.names()}


def test_there_are_enough_of_every_kind() -> None:
    for view, least in _HEADLINE.items():
        assert sum(pair.view == view for pair in PAIRS) >= least, view
    priced = {(pair.trace, pair.chip) for pair in PAIRS if pair.view == "price"}
    assert set(METHODS.names()) <= {trace_of(trace).meta.method for trace, _ in priced}
    assert {chip for _, chip in priced} > set(CHIPS)


def test_every_leaf_of_a_price_is_reached() -> None:
    leaves = {number.removeprefix("leaf ") for number in table.read() if number.startswith("leaf ")}
    charged = {name for found in GOLDEN.values() for name, value in found.items() if value}
    assert leaves - charged == set()


def test_tasks_sum_to_the_whole() -> None:
    """Of the trees by task the first task is not recorded: the others and the sum are."""
    for pair in (pair for pair in PAIRS if pair.view == "price"):
        report = report_of(pair)
        for tree in BY_TASK:
            each = [one.flat() for one in getattr(report, f"{tree}_by_task")]
            whole = getattr(report, tree).flat()
            assert set().union(*each) == whole.keys()
            for leaf, value in whole.items():
                tasks = math.fsum(one.get(leaf, 0.0) for one in each)
                assert math.isclose(tasks, value, rel_tol=numbers.TOLERANCE), f"{pair}: {tree}.{leaf}"


# --- the test itself can fail


def _moved(was: Figures, now: Figures) -> list[str]:
    return [str(one) for one in numbers.moved("pair", was, now)]


def test_a_number_that_moves_is_named() -> None:
    was: Figures = {"energy.a": 2.0, "cells": 3, "never": None, "zero": 0.0}
    assert _moved(was, dict(was)) == []
    assert _moved(was, was | {"energy.a": 2.0 * (1 + 5e-13)}) == []
    assert _moved(was, was | {"energy.a": 2.0 * (1 + 5e-12)}) == [
        "pair: energy.a was 2.0, is 2.00000000001 (+5e-12 of it)"
    ]
    assert _moved(was, was | {"cells": 4}) == ["pair: cells was 3, is 4 (+0.333 of it)"]
    assert _moved(was, was | {"cells": 3.0}) == ["pair: cells was 3, is 3.0 (+0 of it)"]
    assert _moved(was, was | {"never": 1.0}) == ["pair: never was None, is 1.0"]
    assert _moved(was, was | {"zero": 1e-300}) == ["pair: zero was 0.0, is 1e-300"]
    assert _moved(was, {"more": 1, **was}) == ["pair: more was 'absent', is 1"]
    assert _moved({"less": 1, **was}, was) == ["pair: less was 1, is 'absent'"]


def test_a_chance_to_die_first_is_a_share_of_one() -> None:
    was: Figures = {"pes.0.dies_first_share": 1e-4}
    assert _moved(was, {"pes.0.dies_first_share": 1e-4 + 5e-13}) == []
    assert len(_moved(was, {"pes.0.dies_first_share": 1e-4 + 5e-12})) == 1


def test_numbers_read_back_as_they_are() -> None:
    golden: numbers.Golden = {"b": {"x": 0.1 + 0.2, "n": 1 << 60}, "a": {"y": None, "x": 5e-324}}
    text = numbers.text(golden)
    assert text == numbers.text(dict(reversed(golden.items())))
    stored = json.loads(text)
    assert stored["names"] == ["n", "x", "y"]
    assert stored["pairs"] == {"a": ["", 5e-324, None], "b": [1 << 60, 0.1 + 0.2, ""]}


@pytest.mark.parametrize("arguments", [[], ["--because", "  "]])
def test_nothing_is_recorded_without_a_reason(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    before = record.CHANGES.read_text()
    with pytest.raises(SystemExit) as refused:
        record.main(arguments)
    assert refused.value.code == 2
    assert "--because" in capsys.readouterr().err
    assert record.CHANGES.read_text() == before
