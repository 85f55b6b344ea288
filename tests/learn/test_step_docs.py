"""The page of step functions names only what exists, every public step function, and each call as the code has it."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

from tests.learn.step_signatures import arguments, resolve, written

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "methods-steps.md").read_text(encoding="utf-8")
NAMES = re.findall(r"`((?:adapt|buffer|methods|placing|sparcl|sparse)\.[\w.]+)`", PAGE)
#: the calls of the blocks, each on one line, by name
CALLS = {
    call.partition("(")[0]: call
    for block in re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for call in re.sub(r"\n +", " ", block).splitlines()
}
ARGUMENTS = PAGE.partition("## Arguments\n")[2].partition("\n## ")[0]

#: modules of which each public function is a step that the page must list
STEPS = (
    "sparcl.importance",
    "sparse.importance",
    "sparse.drop_grow",
    "sparse.density",
    "sparse.one_shot",
    "sparse.sieve",
    "sparse.schedules",
    "sparcl.loss",
    "sparcl.difficulty",
    "adapt.masks",
    "adapt.soft_kernels",
    "adapt.owners",
    "adapt.pe_budget",
    "adapt.channels",
    "adapt.rates",
)


def test_every_name_on_the_page_exists_and_has_its_call() -> None:
    assert len(NAMES) > 60
    for name in NAMES:
        resolve(name)
        assert name in CALLS, name


@pytest.mark.parametrize("name", CALLS)
def test_each_call_on_the_page_is_the_codes(name: str) -> None:
    assert CALLS[name] == written(name)


def test_every_argument_is_explained() -> None:
    explained = {name for row in ARGUMENTS.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}
    used = {argument for name in CALLS for argument in arguments(name)}
    assert used <= explained, used - explained
    assert explained <= used, explained - used


@pytest.mark.parametrize("module", STEPS)
def test_every_step_function_is_on_the_page(module: str) -> None:
    loaded = importlib.import_module(f"imcsim.learn.{module}")
    own = {n for n, f in inspect.getmembers(loaded, inspect.isfunction) if f.__module__ == loaded.__name__}
    assert {f"{module}.{name}" for name in own if not name.startswith("_")} <= set(CALLS)


def test_a_call_that_is_not_the_codes_would_be_seen() -> None:
    assert written("sparse.drop_grow.drop_count") == "sparse.drop_grow.drop_count(active: int, fraction: float) -> int"
    assert written("sparse.schedules.Phases.phase") == "sparse.schedules.Phases.phase(epoch: int) -> int"
    assert written("buffer.Reservoir").startswith("buffer.Reservoir(capacity: int, generator: Generator, keep_logits")
