"""The oracle shares nothing with what it tests: it imports nothing of imcsim, and is handed values without methods."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chip.hand import small_chip
from tests.oracle.facts import facts_of, plain
from tests.oracle.traces import scrambled_trace

FOLDER = Path(__file__).parent
MADE_FOR_TESTS = {"traces"}
COUNTING = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("test_"))
COUNTING = [name for name in COUNTING if name not in MADE_FOR_TESTS]


def _imported(source: str) -> Iterator[str]:
    """Yield every module that is imported anywhere in ``source``, by a statement or by a call."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
        elif isinstance(node, ast.Name) and node.id in ("__import__", "eval", "exec"):
            yield node.id


def _refused(source: str) -> list[str]:
    mine = {f"tests.oracle.{name}" for name in COUNTING} | {"tests.oracle"}
    known = set(sys.stdlib_module_names) - {"importlib", "runpy"} | {"numpy"}
    return [name for name in _imported(source) if name not in mine and name.split(".")[0] not in known]


@pytest.mark.parametrize("name", COUNTING)
def test_it_imports_numpy_and_itself_alone(name: str) -> None:
    assert _refused((FOLDER / f"{name}.py").read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "import imcsim", "from imcsim.mapping.masks import expand_pe_mask", "import imcsim.chip as chip",
        "from tests.chip.hand import small_chip", "from tests.oracle.traces import TILE", "from . import traces",
        "def f():\n    from imcsim.chip.profile import pe_grid", "import importlib", "a = __import__('imcsim')",
        "import scipy.special",
    ],
)  # fmt: skip
def test_what_it_must_not_import_is_found(line: str) -> None:
    assert _refused(line)


def test_the_counting_files_are_all_there() -> None:
    assert {"facts", "cells", "place", "reads", "writes", "traffic", "area", "latency", "life", "serve"} <= set(
        COUNTING
    )


def _callables(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, SimpleNamespace):
        for name, one in vars(value).items():
            yield from _callables(one, f"{path}.{name}")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _callables(one, f"{path}[{name}]")
    elif isinstance(value, tuple | list):
        for index, one in enumerate(value):
            yield from _callables(one, f"{path}[{index}]")
    elif callable(value) or type(value).__module__.startswith("imcsim"):
        yield path


def test_a_chip_is_plain_values() -> None:
    chip = plain(small_chip("hybrid-28nm").config.model_dump())
    assert list(_callables(chip, "chip")) == []
    assert not hasattr(chip.rram.adc, "energy_j")
    assert not hasattr(chip.rram.cell, "area_m2")


def test_a_trace_is_plain_arrays() -> None:
    facts = facts_of(scrambled_trace(1, own="resident"))
    assert list(_callables({n: v for n, v in vars(facts).items() if n != "layers"}, "facts")) == []
    assert {type(layer).__module__ for layer in facts.layers} == {"tests.oracle.facts"}
