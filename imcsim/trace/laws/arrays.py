"""Every array of the schema is there, of its type and shape, in its range; and no other array is.

Shape letters: T tasks, L mapped layers, K cells per weight, G groups, D fan-in, N outputs per group, b bits.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from imcsim.crossbar.encoding import Encoding
from imcsim.mapping.layer import LayerSpec
from imcsim.trace.laws.demand import demand
from imcsim.trace.laws.header import LARGEST
from imcsim.trace.schema import COUNTS, RECORDED_POLICIES, TASK_COUNTS, WEAR_COUNTS, TraceMeta
from imcsim.trace.trace import Trace

_TYPES = {"iu": "integers", "u": "unsigned integers of 4 bytes at most", "f": "floats", "b": "truth values"}
_PLAIN = (np.ndarray, np.memmap)  # a masked array is an ndarray, too, and answers otherwise


class _Rule(NamedTuple):
    types: str  # of numpy's kinds: i and u integers, f floats, b truth values
    shape: tuple[int | None, ...]  # None: any
    low: float = 0
    high: float = LARGEST
    bytes: int = 8  # of a value, at most


def check(trace: Trace) -> None:
    """Check names, types, shapes and ranges of all arrays."""
    for group, rules in _groups(trace.meta).items():
        table = getattr(trace, group)
        demand(isinstance(table, Mapping), f"{group} must be a table")
        missing = [name for name in rules if name not in table]
        demand(not missing, f"{group} of {_shown(missing)} are missing")
        extra = [name for name in table if name not in rules]
        demand(not extra, f"there are no {group} of {_shown(extra)}")
        for name, rule in rules.items():
            _check_array(table[name], rule, f"{group} of {_shown([name])}")
    for name, rule in _single(trace.meta).items():
        _check_array(getattr(trace, name), rule, name)
    for group, rules in _optional(trace).items():
        table = getattr(trace, group)
        demand(isinstance(table, Mapping), f"{group} must be a table")
        for name in table:
            demand(isinstance(name, str) and name in rules, f"there are no {group} of {_shown([name])}")
            _check_array(table[name], rules[name], f"{group} of {_shown([name])}")
    _check_digital(trace)


def _check_array(array: Any, rule: _Rule, what: str) -> None:
    if type(array) not in _PLAIN:
        demand(False, f"{what} must be a numpy array, got {type(array).__name__}")
    if array.dtype.kind not in rule.types or array.dtype.itemsize > rule.bytes:
        demand(False, f"{what} must be of {_TYPES[rule.types]}, got {array.dtype}")
    if not _fits(array.shape, rule.shape):
        demand(False, f"{what} must have shape {rule.shape}, got {array.shape}")
    if array.size == 0 or "b" in rule.types:
        return
    low, high = array.min(), array.max()  # nan, if there is any: no comparison with it holds
    if not (low >= rule.low and high <= rule.high):
        demand(False, f"{what} must lie in {rule.low:g}..{rule.high:g}, got {low:g}..{high:g}")


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(want in (None, have) for have, want in zip(shape, wanted, strict=True))


def _groups(meta: TraceMeta) -> dict[str, dict[Any, _Rule]]:
    by_layer, by_task = (meta.tasks, len(meta.layers)), (meta.tasks,)
    changes: dict[Any, _Rule] = {}
    transitions: dict[Any, _Rule] = {}
    for policy, encoding, layer in _recorded(meta):
        key = (policy, encoding.name, layer.name)
        changes[key] = _Rule("u", (meta.tasks, encoding.cells_per_weight, *layer.matrix_shape), bytes=4)
        transitions[key] = _Rule("iu", (meta.tasks, encoding.level_count, encoding.level_count))
    least = max(encoding.code_min for encoding in meta.encodings)
    most = min(encoding.code_max for encoding in meta.encodings)
    return {
        "counts": {name: _Rule("iu", by_layer) for name in COUNTS},
        "task_counts": {name: _Rule("iu", by_task) for name in TASK_COUNTS},
        "codes": {spec.name: _Rule("iu", (meta.tasks + 1, *spec.matrix_shape), least, most) for spec in meta.layers},
        "changes": changes,
        "transitions": transitions,
    }


def _recorded(meta: TraceMeta) -> Iterator[tuple[str, Encoding, LayerSpec]]:
    return (
        (policy, encoding, layer)
        for policy in RECORDED_POLICIES
        for encoding in meta.encodings
        for layer in meta.layers
    )


def _single(meta: TraceMeta) -> dict[str, _Rule]:
    tasks, layers = meta.tasks, len(meta.layers)
    return {
        "input_density": _Rule("f", (tasks, layers, meta.input_bits), 0, 1),
        "error_density": _Rule("f", (tasks, layers, meta.error_bits), 0, 1),
        "input_zero_share": _Rule("f", (tasks, layers), 0, 1),
        "error_zero_share": _Rule("f", (tasks, layers), 0, 1),
        "class_il": _Rule("f", (tasks, tasks), 0, 1),
        "task_il": _Rule("f", (tasks, tasks), 0, 1),
    }


def _optional(trace: Trace) -> dict[str, dict[str, _Rule]]:
    meta = trace.meta
    return {
        "placement": {spec.name: _Rule("b", _pes(meta, spec)) for spec in meta.layers},
        "active": {spec.name: _Rule("b", (meta.tasks, *spec.matrix_shape)) for spec in meta.layers},
        "wear_counts": {name: _Rule("iu", (meta.tasks, len(meta.layers))) for name in WEAR_COUNTS},
    }


def _pes(meta: TraceMeta, spec: LayerSpec) -> tuple[int | None, ...]:
    if meta.pe_tile is None:
        return meta.tasks, spec.groups, None, None
    rows, cols = meta.pe_tile
    return meta.tasks, spec.groups, -(-spec.fan_in // rows), -(-spec.outputs // cols)


def _check_digital(trace: Trace) -> None:
    demand(isinstance(trace.digital, Mapping), "digital must be a table")
    for name, array in trace.digital.items():
        demand(isinstance(name, str), f"digital holds arrays by name, got {name!r:.40}")
        what = f"digital of {_shown([name])}"
        demand(type(array) in _PLAIN and array.ndim >= 1, f"{what} must be a numpy array of all tasks")
        rule = _Rule("f", (trace.meta.tasks + 1, *[None] * (array.ndim - 1)), -np.inf, np.inf)
        _check_array(array, rule, what)
        demand(bool(np.isfinite(array).all()), f"{what} must be finite")


def _shown(names: list[Any]) -> str:
    """Return the first of ``names``, quoted and cut to what a sentence bears."""
    first = names[0] if names else ""
    parts = first if isinstance(first, tuple) else (first,)
    return f"'{'/'.join(str(part) for part in parts)[:80]}'"
