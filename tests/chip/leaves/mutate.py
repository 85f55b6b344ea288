"""One number of a price made wrong on purpose, and a test called to see whether it notices."""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from imcsim.core.cost import Breakdown

WRONG_BY = 1.1
BY_TASK = {"energy": "energy_by_task", "latency": "latency_by_task"}
_price: Any = importlib.import_module("imcsim.chip.price")


@contextmanager
def wrong_leaf(path: str, factor: float = WRONG_BY) -> Iterator[None]:
    """Every report says ``factor`` times the leaf at ``path``, after all laws were checked."""
    tree, _, leaf = path.partition(".")
    report = _price.Report

    def spoiled(**fields: Any) -> Any:
        if tree == "horizon":
            fields["horizon"] = {**fields["horizon"], leaf: fields["horizon"][leaf] * factor}
            return report(**fields)
        fields[tree] = _times(fields[tree], leaf, factor)
        if tree in BY_TASK:
            fields[BY_TASK[tree]] = tuple(_times(one, leaf, factor) for one in fields[BY_TASK[tree]])
        return report(**fields)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_price, "Report", spoiled)
        yield


def _times(tree: Breakdown, leaf: str, factor: float) -> Breakdown:
    path = tuple(leaf.split("."))
    return Breakdown({key: value * (factor if key == path else 1.0) for key, value in tree.leaves.items()})


@contextmanager
def wrong_charge(path: str, factor: float = WRONG_BY) -> Iterator[None]:
    """Whatever calls ``module:function`` gets ``factor`` times the part of its result that follows a second colon.

    The part is a key of a mapping, a field, or empty for a number or an array; ``module`` is below ``imcsim.chip``.
    """
    module, name, part = path.split(":")
    function = getattr(importlib.import_module(f"imcsim.chip.{module}"), name)

    def spoiled(*args: Any, **kwargs: Any) -> Any:
        return _spoil(function(*args, **kwargs), part, factor)

    with pytest.MonkeyPatch.context() as patch:
        for found in [m for n, m in list(sys.modules.items()) if n.startswith(("imcsim.", "tests.chip"))]:
            for key, value in list(vars(found).items()):
                if value is function:
                    patch.setattr(found, key, spoiled)
        yield


def _spoil(result: Any, part: str, factor: float) -> Any:
    if not part:
        return result * factor
    key, _, rest = part.partition(".")
    if isinstance(result, tuple):
        return tuple(_spoil(one, rest, factor) if str(i) == key else one for i, one in enumerate(result))
    if isinstance(result, dict):
        return {name: _spoil(one, rest, factor) if name == key else one for name, one in result.items()}
    if result is None:
        return None
    return replace(result, **{key: _spoil(getattr(result, key), rest, factor)})


def guard_of(name: str) -> Callable[[], None]:
    """Return the test ``module::function``, below ``tests.chip``, as one call with all its parameters."""
    module, _, function = name.partition("::")
    test = getattr(importlib.import_module(f"tests.chip.{module}"), function)
    tables = [
        [dict(zip(_names(mark.args[0]), _values(case, _names(mark.args[0])), strict=True)) for case in mark.args[1]]
        for mark in getattr(test, "pytestmark", [])
        if mark.name == "parametrize"
    ]

    def call() -> None:
        for case in product(*tables):
            test(**{key: value for part in case for key, value in part.items()})

    return call


def _names(argument: Any) -> list[str]:
    return [name.strip() for name in argument.split(",")] if isinstance(argument, str) else list(argument)


def _values(case: Any, names: list[str]) -> list[Any]:
    case = getattr(case, "values", case) if type(case).__name__ == "ParameterSet" else case
    return list(case) if len(names) > 1 else [case]


def notices(name: str) -> bool:
    """Tell whether test ``name`` fails now, by what it asserts and not by an error."""
    try:
        guard_of(name)()
    except AssertionError:
        return True
    return False


def tests_of(module: str) -> list[str]:
    """Return the tests of a module below ``tests.chip`` that can be called without a fixture or a random example."""
    found = importlib.import_module(f"tests.chip.{module}")
    return [
        f"{module}::{name}"
        for name, test in vars(found).items()
        if name.startswith("test_")
        and inspect.isfunction(test)
        and test.__module__ == found.__name__
        and not hasattr(test, "hypothesis")
        and not set(inspect.signature(test).parameters) & {"tmp_path", "monkeypatch", "capsys"}
    ]
