"""The page of step functions names only what exists, and every public step function of its modules."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "methods-steps.md").read_text(encoding="utf-8")
NAMES = re.findall(r"`((?:adapt|buffer|methods|placing|sparcl|sparse)\.[\w.]+)`", PAGE)

#: modules of which each public function is a step that the page must list, but for helpers
STEPS = {
    "sparcl.importance": {"active_target"},
    "sparse.importance": set(),
    "sparse.drop_grow": {"new_weights"},
    "sparse.one_shot": set(),
    "adapt.masks": set(),
    "adapt.soft_kernels": {"kernels_of", "latent_shape"},
    "adapt.owners": {"owner_bits", "units_at", "visible"},
    "adapt.owned_columns": {"segments"},
    "adapt.pe_budget": set(),
    "adapt.channels": set(),
}


def test_every_name_on_the_page_exists() -> None:
    assert len(NAMES) > 50
    for name in NAMES:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(f"imcsim.learn.{module}"), attribute), name


@pytest.mark.parametrize("module", STEPS)
def test_every_step_function_is_on_the_page(module: str) -> None:
    loaded = importlib.import_module(f"imcsim.learn.{module}")
    own = {n for n, f in inspect.getmembers(loaded, inspect.isfunction) if f.__module__ == loaded.__name__}
    missing = {name for name in own if not name.startswith("_") and f"{module}.{name}" not in NAMES}
    assert missing == STEPS[module]
