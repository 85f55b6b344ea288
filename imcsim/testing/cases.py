"""One case of a mapping rule (shapes, PE, what the rule needs), its examination, and the search for a smaller one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from imcsim.core.arrays import Scalar
from imcsim.core.errors import ImcsimError
from imcsim.crossbar.encoding import Encoding
from imcsim.mapping import invariants
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.invariants import Violation
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.promises import frozen_pes_hold_no_trainable, positions_are_true
from imcsim.mapping.rule import NEEDS, Given, MappingRule, given_needs, level_of, rule_name
from imcsim.mapping.tile import MatrixShape, Tile
from imcsim.testing.recount import counts_differ, masks_change

Codes = NDArray[np.integer]
MASKS = ("zeros", "trainable")
LISTED = {*NEEDS} - {"pe_budget"}  # one value per layer
_TRIES = 600  # smaller cases that are tried before the smallest so far is shown
_SHORT = 12  # longer axes are not shortened index by index


@dataclass(frozen=True)
class Case:
    """What a rule is called with, and the codes that its tiles must hold.

    Parameters
    ----------
    codes
        Weight codes (G, D, N) of each layer; one layer for a layer's rule.
    geometry
        The PE.
    needs
        Name of :data:`imcsim.mapping.rule.NEEDS` -> one value per layer; the number itself for ``pe_budget``.
    options
        Options of the rule, passed as they are.
    copies
        Copies that the map must hold, None if that is the rule's business.
    """

    codes: tuple[Codes, ...]
    geometry: PeGeometry
    needs: Given = field(default_factory=dict)
    options: Given = field(default_factory=dict)
    copies: int | None = None

    @property
    def shapes(self) -> list[MatrixShape]:
        """(G, D, N) of each layer."""
        return [(groups, fan_in, outputs) for groups, fan_in, outputs in (codes.shape for codes in self.codes)]

    def __str__(self) -> str:
        encoding = self.geometry.encoding
        shapes = self.shapes[0] if len(self.codes) == 1 else self.shapes
        shown = [f"{shapes} weights", f"PEs of {self.geometry.rows} x {self.geometry.cols} cells, {encoding.name}"]
        return ", ".join([*shown, *(f"{name} = {_short(value)}" for name, value in self.needs.items())])


def examine(rule: MappingRule, case: Case) -> tuple[str, Violation] | None:
    """Return the first law that ``rule`` breaks in ``case``, by name, and how; None if it keeps all.

    Raises
    ------
    MappingError
        If the rule needs something that the case does not give, or refuses the case in a sentence of its own.
    """
    try:
        maps, again = maps_of(rule, case), maps_of(rule, case)
    except ImcsimError:
        raise
    except Exception as error:
        return "runs", Violation(f"the rule should return tiles, but raises {type(error).__name__}: {error}")
    if [layer.tiles for layer in maps] != [layer.tiles for layer in again]:
        return "pure", Violation("a rule is a pure function, but a second call gave other tiles")
    laws: dict[str, Callable[[], Violation | None]] = {
        "placement": lambda: invariants.placed(maps, case.needs.get("zeros", [None] * len(maps))),
        "promises": lambda: _kept_promises(maps, case),
        "arithmetic": lambda: invariants.computes(maps, case.codes),
        "counts": lambda: counts_differ(maps) or next(filter(None, map(masks_change, maps)), None),
    }
    # in this order: a map with a weight out of place cannot be programmed
    return next(((law, found) for law, check in laws.items() if (found := check()) is not None), None)


def maps_of(rule: MappingRule, case: Case) -> tuple[LayerMap, ...]:
    """Call ``rule`` and return the map of each layer."""
    needs = given_needs(rule, rule_name(rule), {**case.needs, **case.options})
    if level_of(rule) == "network":
        placed = rule(case.shapes, case.geometry, **needs)
    else:
        alone = {name: value[0] if name in LISTED else value for name, value in needs.items()}
        placed = [rule(case.shapes[0], case.geometry, **alone)]
    maps = [LayerMap(shape, case.geometry, tuple(tiles)) for shape, tiles in zip(case.shapes, placed, strict=True)]
    for tile in (tile for layer in maps for tile in layer.tiles):
        if not isinstance(tile, Tile):
            raise TypeError(f"{tile!r} is no Tile")
    return tuple(maps)


def smallest(rule: MappingRule, case: Case, law: str) -> tuple[Case, Violation]:
    """Return the smallest case found in which ``rule`` breaks the same law, starting from ``case``; a greedy search."""
    best, violation = case, _broken(rule, case, law)
    if violation is None:
        raise ValueError(f"the rule keeps '{law}' in this case")
    tries = 0
    progress = True
    while progress and tries < _TRIES:
        progress = False
        for smaller in _smaller(best):
            tries += 1
            found = _broken(rule, smaller, law)
            if found is not None:
                best, violation, progress = smaller, found, True
                break
    return best, violation


def made_up_codes(shape: MatrixShape, encoding: Encoding) -> Codes:
    """Return codes (G, D, N) that visit the whole range, out of order."""
    span = encoding.code_max - encoding.code_min + 1
    # a prime that divides neither 2^b nor 2^b - 1 (b <= 16): every code is visited
    steps = np.arange(1, int(np.prod(shape)) + 1, dtype=np.int64) * 40_009
    return (steps % span + encoding.code_min).reshape(shape)


def _kept_promises(maps: Sequence[LayerMap], case: Case) -> Violation | None:
    for layer, (layer_map, kernel) in enumerate(zip(maps, case.needs.get("kernel", ()), strict=False)):
        if found := positions_are_true(layer_map, kernel):
            return replace(found, layer=layer)
    trainable = case.needs.get("trainable")
    if trainable is not None and (found := frozen_pes_hold_no_trainable(maps, trainable)):
        return found
    budget, used = case.needs.get("pe_budget"), len({tile.pe for layer in maps for tile in layer.tiles})
    if budget is not None and used > budget:
        return Violation(f"the network should take at most {budget} PEs, but takes {used}")
    for layer, layer_map in enumerate(maps):
        if case.copies is not None and layer_map.copies != case.copies:
            return Violation(f"the map should hold {case.copies} copies, but holds {layer_map.copies}", layer)
    return None


def _broken(rule: MappingRule, case: Case, law: str) -> Violation | None:
    try:
        found = examine(rule, case)
    except ImcsimError:
        return None
    return found[1] if found is not None and found[0] == law else None


def _smaller(case: Case) -> Iterator[Case]:
    every = range(len(case.codes))
    if len(every) > 1:
        yield from (_keep_layers(case, [i for i in every if i != left]) for left in every)
    for layer, shape in enumerate(case.shapes):
        area = int(np.prod(case.needs["kernel"][layer])) if "kernel" in case.needs else 1
        for axis, unit in enumerate((1, area, 1)):
            yield from (_shorter(case, layer, axis, kept) for kept in _kept(shape[axis], unit))
    for name, unit in (("rows", 1), ("cols", case.geometry.encoding.cells_per_weight)):
        for size in _sizes(getattr(case.geometry, name), unit):
            yield replace(case, geometry=case.geometry.model_copy(update={name: size}))
    yield from _simpler_needs(case)


def _sizes(size: int, unit: int) -> list[int]:
    smaller = {unit, size // 2 // unit * unit, (size - unit) // unit * unit, (size - 2 * unit) // unit * unit}
    return sorted(value for value in smaller if 0 < value < size)


def _kept(size: int, unit: int) -> Iterator[Sequence[int]]:
    """Smaller index sets of an axis: its first part, its last part, all but one of a short axis."""
    for smaller in _sizes(size, unit):
        yield range(smaller)
        yield range(size - smaller, size)
    if unit == 1 and 2 < size <= _SHORT:
        yield from ([i for i in range(size) if i != left] for left in range(1, size - 1))


def _shorter(case: Case, layer: int, axis: int, kept: Sequence[int]) -> Case:
    def in_layer(values: Sequence[NDArray[Scalar]]) -> list[NDArray[Scalar]]:
        return [np.take(value, kept, axis=axis) if i == layer else value for i, value in enumerate(values)]

    needs = {name: in_layer(value) if name in MASKS else value for name, value in case.needs.items()}
    return replace(case, codes=tuple(in_layer(case.codes)), needs=needs)


def _keep_layers(case: Case, kept: Sequence[int]) -> Case:
    needs = {n: [v[i] for i in kept] if n in LISTED else v for n, v in case.needs.items()}
    return replace(case, codes=tuple(case.codes[i] for i in kept), needs=needs)


def _simpler_needs(case: Case) -> Iterator[Case]:
    budget = case.needs.get("pe_budget")
    for size in _sizes(budget, 1) if budget else []:
        yield replace(case, needs={**case.needs, "pe_budget": size})
    for layer, p in enumerate(case.needs.get("positions", ())):
        for size in _sizes(p, 1):
            others = [size if i == layer else value for i, value in enumerate(case.needs["positions"])]
            yield replace(case, needs={**case.needs, "positions": others})


def _short(value: object) -> str:
    parts = value if isinstance(value, list | tuple) else [value]
    shown = [np.asarray(p).astype(int).tolist() if isinstance(p, np.ndarray) else p for p in parts]
    text = str(shown[0] if len(shown) == 1 else shown)
    return text if len(text) <= 160 else f"{text[:157]}..."
