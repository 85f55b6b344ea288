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

from imcsim.core.charge import Charge, Price
from imcsim.core.cost import Breakdown
from imcsim.memory.memory import Component, Piece, ReadTime

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

    ``module`` is below ``imcsim``; the function may be a class's method. The part is a key of a mapping, a field, the
    leaf of a charge, the name of a component, or empty for all.
    """
    module, name, part = path.split(":")
    found = importlib.import_module(f"imcsim.{module}")
    with pytest.MonkeyPatch.context() as patch:
        owner, _, method = name.rpartition(".")
        if owner:
            kind = getattr(found, owner)
            patch.setattr(kind, method, _spoiled(vars(kind)[method], part, factor))
        else:
            function = getattr(found, name)
            wrong = _spoiled(function, part, factor)
            for user in [m for n, m in list(sys.modules.items()) if n.startswith(("imcsim.", "tests.chip"))]:
                for key, value in list(vars(user).items()):
                    if value is function:
                        patch.setattr(user, key, wrong)
        yield


def _spoiled(function: Any, part: str, factor: float) -> Any:
    def spoiled(*args: Any, **kwargs: Any) -> Any:
        return _spoil(function(*args, **kwargs), part, factor)

    return spoiled


def _spoil(result: Any, part: str, factor: float) -> Any:
    if result is None:
        return None
    if isinstance(result, tuple):
        named = [getattr(one, "leaf", getattr(one, "name", str(i))) for i, one in enumerate(result)]
        return tuple(_all_of(one, factor) if part in ("", n) else one for n, one in zip(named, result, strict=True))
    if not part:
        return _all_of(result, factor)
    key, _, rest = part.partition(".")
    if isinstance(result, dict):
        return {name: _spoil(one, rest, factor) if name == key else one for name, one in result.items()}
    return replace(result, **{key: _spoil(getattr(result, key), rest, factor)})


def _all_of(result: Any, factor: float) -> Any:
    """Return ``factor`` times a number, an array, a price, or what has one."""
    if isinstance(result, Price):
        return replace(result, value=result.value * factor)
    if isinstance(result, ReadTime):
        return ReadTime(_all_of(result.settle, factor), _all_of(result.convert, factor))
    if isinstance(result, tuple):
        return tuple(_all_of(one, factor) for one in result)
    if isinstance(result, Charge | Component | Piece):
        return replace(result, each=_all_of(result.each, factor))
    return result * factor


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
