"""Every array of the schema is there, of its type and shape, in its range; and no other array is.

Shape letters: T tasks, F placement phases, L mapped layers, K cells per weight, G groups, D fan-in, N outputs per
group, b bits.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from imcsim.crossbar.encoding import Encoding
from imcsim.mapping.layer import LayerSpec
from imcsim.trace.laws.demand import demand
from imcsim.trace.laws.header import LARGEST
from imcsim.trace.schema import COUNTS, RECORDED_POLICIES, TASK_COUNTS, WEAR_COUNTS, TraceMeta
from imcsim.trace.trace import Trace
from imcsim.trace.work_term import WORK_AMOUNTS

_TYPES = {"iu": "integers", "u": "unsigned integers of 4 bytes at most", "f": "floats", "b": "truth values"}
_PLAIN = (np.ndarray, np.memmap)  # a masked array is an ndarray, too, and answers otherwise

_Key: TypeAlias = str | tuple[str, ...]  # a name, or (write policy, encoding, layer)


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
            demand(name in rules, f"there are no {group} of {_shown([name])}")
            _check_array(table[name], rules[name], f"{group} of {_shown([name])}")
    _check_named(trace)
    _check_work(trace)


def _check_array(array: Any, rule: _Rule, what: str) -> None:
    if type(array) not in _PLAIN:
        demand(False, f"{what} must be a numpy array, got {type(array).__name__}")
    if array.dtype.kind not in rule.types or array.dtype.itemsize > rule.bytes:
        demand(False, f"{what} must be of {_TYPES[rule.types]}, got {array.dtype}")
    if not _fits(array.shape, rule.shape):
        demand(False, f"{what} must have shape {rule.shape}, got {array.shape}")
    if array.size == 0 or "b" in rule.types or _within(array.dtype, rule):
        return
    low, high = array.min(), array.max()  # nan, if there is any: no comparison with it holds
    if not (low >= rule.low and high <= rule.high):
        demand(False, f"{what} must lie in {rule.low:g}..{rule.high:g}, got {low:g}..{high:g}")


def _within(dtype: np.dtype[Any], rule: _Rule) -> bool:
    """Return whether no value of the type could lie outside the rule's range."""
    return dtype.kind in "iu" and np.iinfo(dtype).min >= rule.low and np.iinfo(dtype).max <= rule.high


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(want in (None, have) for have, want in zip(shape, wanted, strict=True))


def _groups(meta: TraceMeta) -> dict[str, dict[_Key, _Rule]]:
    phases = meta.phase_count
    by_layer, by_task = (phases, len(meta.layers)), (phases,)
    changes: dict[_Key, _Rule] = {}
    transitions: dict[_Key, _Rule] = {}
    for policy, encoding, layer in _recorded(meta):
        key = (policy, encoding.name, layer.name)
        changes[key] = _per_cell(meta, encoding, layer)
        transitions[key] = _Rule("iu", (phases, encoding.level_count, encoding.level_count))
    least = max(encoding.code_min for encoding in meta.encodings)
    most = min(encoding.code_max for encoding in meta.encodings)
    return {
        "counts": {name: _Rule("iu", by_layer) for name in COUNTS},
        "task_counts": {name: _Rule("iu", by_task) for name in TASK_COUNTS},
        "codes": {spec.name: _Rule("iu", (phases + 1, *spec.matrix_shape), least, most) for spec in meta.layers},
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
    phases, layers = meta.phase_count, len(meta.layers)
    return {
        "input_density": _Rule("f", (phases, layers, meta.input_bits), 0, 1),
        "error_density": _Rule("f", (phases, layers, meta.error_bits), 0, 1),
        "input_zero_share": _Rule("f", (phases, layers), 0, 1),
        "error_zero_share": _Rule("f", (phases, layers), 0, 1),
    }


def _optional(trace: Trace) -> dict[str, dict[_Key, _Rule]]:
    meta = trace.meta
    cells: dict[_Key, _Rule] = {
        (code.name, spec.name): _per_cell(meta, code, spec) for code in meta.encodings for spec in meta.layers
    }
    return {
        "placement": {spec.name: _Rule("b", _pes(meta, spec)) for spec in meta.layers},
        "active": {spec.name: _Rule("b", (meta.phase_count, *spec.matrix_shape)) for spec in meta.layers},
        "wear_counts": {name: _Rule("iu", (meta.phase_count, len(meta.layers))) for name in WEAR_COUNTS},
        "pulses": cells,
        "half_selects": cells,
    }


def _per_cell(meta: TraceMeta, encoding: Encoding, layer: LayerSpec) -> _Rule:
    return _Rule("u", (meta.phase_count, encoding.cells_per_weight, *layer.matrix_shape), bytes=4)


def _pes(meta: TraceMeta, spec: LayerSpec) -> tuple[int | None, ...]:
    if meta.pe_tile is None:
        return meta.phase_count, spec.groups, None, None
    rows, cols = meta.pe_tile
    return meta.phase_count, spec.groups, -(-spec.fan_in // rows), -(-spec.outputs // cols)


def _check_named(trace: Trace) -> None:
    """Check tables whose names are not the schema's: what digital logic holds, and accuracies."""
    for name, array in _by_name(trace, "digital"):
        what = f"digital of {_shown([name])}"
        demand(type(array) in _PLAIN and array.ndim >= 1, f"{what} must be a numpy array of all tasks")
        rule = _Rule("f", (trace.meta.phase_count + 1, *[None] * (array.ndim - 1)), -np.inf, np.inf)
        _check_array(array, rule, what)
        demand(bool(np.isfinite(array).all()), f"{what} must be finite")
    square = _Rule("f", (trace.meta.tasks, trace.meta.tasks), 0, 1)
    for name, array in _by_name(trace, "accuracy"):
        demand(name and "/" not in name, "the name of an accuracy must not be empty, nor hold a slash")
        _check_array(array, square, f"accuracy of {_shown([name])}")


def _check_work(trace: Trace) -> None:
    """Check the work of the method's own: what the header declares, whole, and nothing else."""
    declared, rule = {term.name for term in trace.meta.work_terms}, _Rule("iu", (trace.meta.phase_count,))
    recorded = dict(_by_name(trace, "work"))
    undeclared = [name for name in recorded if name not in declared]
    demand(not undeclared, f"work of {_shown(undeclared)} is not declared in work_terms")
    missing = [name for name in declared if name not in recorded]
    demand(not missing, f"work of {_shown(missing)} is missing")
    for name, amounts in recorded.items():
        whole = isinstance(amounts, Mapping) and set(amounts) == set(WORK_AMOUNTS)
        demand(whole, f"work of {_shown([name])} must have {', '.join(WORK_AMOUNTS)}")
        for amount, array in amounts.items():
            _check_array(array, rule, f"work of {_shown([(name, amount)])}")


def _by_name(trace: Trace, group: str) -> Iterator[tuple[str, Any]]:
    table = getattr(trace, group)
    demand(isinstance(table, Mapping), f"{group} must be a table")
    strange = [name for name in table if not isinstance(name, str)]
    demand(not strange, f"{group} holds arrays by name, got {(strange or [''])[0]!r:.40}")
    yield from table.items()


def _shown(names: Sequence[object]) -> str:
    """Return the first of ``names``, quoted and cut to what a sentence bears."""
    first = names[0] if names else ""
    parts = first if isinstance(first, tuple) else (first,)
    return f"'{'/'.join(str(part) for part in parts)[:80]}'"
