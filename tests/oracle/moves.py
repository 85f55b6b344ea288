"""Which values of a chip move which number of a price: what an explanation of it must name."""

import copy
from collections.abc import Iterator
from typing import Any

from tests.oracle.report import expected

WHOLE = (
    "columns_per_adc", "joined_columns", "weight_sets", "weights_per_tree", "parallel_write_pes", "pe_count",
    "size_bytes", "pes_per_router", "inferences_per_task",
)  # fmt: skip
"""Whole numbers that can be one more and leave the trace as it is: not widths, nor the size of a PE."""


def moving(trace: Any, values: dict[str, Any]) -> dict[str, set[str]]:
    """Return number of a report -> dotted paths of the chip's values of which a little more moves it."""
    before = expected(trace, values)
    found: dict[str, set[str]] = {name: set() for name in before}
    for path in _paths(values, ""):
        after = expected(trace, _nudged(values, path))
        for name in before:
            if after.get(name) != before[name]:
                found[name].add(path)
    return found


def _paths(values: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{name}.")
        elif name != "feature_sizes_m" and _is_number(name, value[0] if _is_table(value) else value):
            yield f"{prefix}{name}"  # nodes of a table must enclose the chip's


def _is_table(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value)


def _is_number(name: str, value: Any) -> bool:
    return isinstance(value, float) or (name in WHOLE and isinstance(value, int))


def _nudged(values: dict[str, Any], path: str) -> dict[str, Any]:
    found = copy.deepcopy(values)
    *above, last = path.split(".")
    within = found
    for name in above:
        within = within[name]
    value = within[last]
    if isinstance(value, tuple):
        within[last] = tuple(1.001 * one for one in value)
    else:
        within[last] = value + 1 if isinstance(value, int) else 1.001 * value
    return found
