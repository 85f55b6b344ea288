"""JSON to files, and from them: whatever a file holds, the answer is a value or one kind of error."""

import json
from collections.abc import Callable
from typing import Any, TypeAlias

DEEPEST = 64  # design choice: no header, stamp or state of imcsim nests a quarter as deep


Json: TypeAlias = dict[str, Any]
"""A table from a file, or for one: what its keys hold is known to whoever reads them."""


def parse_json(text: str | bytes) -> Any:
    """Return the value that ``text`` stands for.

    Raises
    ------
    ValueError
        If it is not JSON, not UTF-8, nested deeper than ``DEEPEST``, or holds an integer of thousands of digits.
    """
    return shallow(lambda: json.loads(text), DEEPEST)


def shallow(read: Callable[[], Any], deepest: int) -> Any:
    """Return what ``read`` reads; ValueError if it is nested deeper than ``deepest``, or too deep to be read."""
    try:
        value = read()
        depth = nesting(value)
    except RecursionError:
        depth = deepest + 1
    if depth > deepest:
        raise ValueError(f"it is nested deeper than {deepest} levels")
    return value


def nesting(value: object) -> int:
    """Return how many tables and lists lie within each other: 0 for a plain value; without recursion."""
    depth, level = 0, [value] if isinstance(value, dict | list | tuple) else []
    while level:
        parts = (part for inner in level for part in (inner.values() if isinstance(inner, dict) else inner))
        depth, level = depth + 1, [part for part in parts if isinstance(part, dict | list | tuple)]
    return depth


def to_json(data: object) -> str:
    """Return strict JSON (no nan, no inf), indented, with a final newline."""
    return json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
