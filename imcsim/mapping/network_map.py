"""A whole network on PEs: one map per layer, by one rule."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from imcsim.core.arrays import NumericArray
from imcsim.core.errors import MappingError
from imcsim.mapping import invariants
from imcsim.mapping.called import is_own, rule_of, tiles_by
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.layer_map import LayerMap, check_shape
from imcsim.mapping.promises import positions_are_true
from imcsim.mapping.rule import NEEDS, Given, MappingRule, given_needs, level_of, needs_of

Masks = Mapping[str, NumericArray]


@dataclass(frozen=True)
class NetworkMap:
    """Layers of a network on PEs of one size.

    Parameters
    ----------
    geometry
        The PE.
    layers
        Layers in order of execution.
    maps
        The map of each.
    shared
        Whether PE indices run over the network, so that layers may share a PE; else each layer has PEs of its own.
    """

    geometry: PeGeometry
    layers: tuple[LayerSpec, ...]
    maps: tuple[LayerMap, ...]
    shared: bool = False

    @cached_property
    def first_pes(self) -> tuple[int, ...]:
        """What to add to a layer's PE indices to get those of the network."""
        if self.shared:
            return (0,) * len(self.maps)
        spans = [max((tile.pe for tile in layer.tiles), default=-1) + 1 for layer in self.maps]
        return tuple(accumulate(spans[:-1], initial=0))

    @cached_property
    def pe_count(self) -> int:
        """PEs in use; one that layers share counts once."""
        if self.shared:
            return len({tile.pe for layer in self.maps for tile in layer.tiles})
        return sum(layer.pe_count for layer in self.maps)

    @property
    def rows_used(self) -> int:
        """Rows that hold weights, summed over tiles."""
        return sum(layer.rows_used for layer in self.maps)

    @property
    def cols_used(self) -> int:
        """Columns of cells that hold weights, summed over tiles."""
        return sum(layer.cols_used for layer in self.maps)

    @property
    def column_segments(self) -> int:
        """Outputs held, summed over tiles."""
        return sum(layer.column_segments for layer in self.maps)

    @property
    def cells_used(self) -> int:
        """Cells that hold weights."""
        return sum(layer.cells_used for layer in self.maps)

    @property
    def cells(self) -> int:
        """Cells of the PEs in use."""
        return self.pe_count * self.geometry.rows * self.geometry.cols

    @property
    def utilisation(self) -> float:
        """Share of the PEs' cells that hold weights, 0 to 1."""
        return self.cells_used / self.cells if self.cells else 0.0

    @property
    def weight_count(self) -> int:
        """Mapped weights."""
        return sum(layer.weight_count for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the mapped layers for one sample."""
        return sum(layer.macs for layer in self.layers)


def map_network(
    layers: Sequence[LayerSpec],
    geometry: PeGeometry,
    rule: str | MappingRule = "im2col",
    *,
    zeros: Masks | None = None,
    trainable: Masks | None = None,
    pe_budget: int | None = None,
) -> NetworkMap:
    """Put every layer on PEs: layer by layer on PEs of its own, or all at once for a network's rule.

    Parameters
    ----------
    rule
        A registered name, or the rule itself.
    zeros, trainable
        Layer -> mask (G, D, N), for rules that ask for it.
    pe_budget
        PEs that a rule which copies layers may use.

    Raises
    ------
    MappingError
        If there is no layer to map, something that the rule needs is not given, or it returns what is no map.
    ContentError
        If there is no such rule, with the nearest name.
    """
    if not layers:
        raise MappingError("the network has no Linear or Conv2d layer to map")
    function, name = rule_of(rule)
    given = {"zeros": zeros, "trainable": trainable, "pe_budget": pe_budget}
    for need in needs_of(function):
        if need in given and given[need] is None:
            raise MappingError(f"mapping rule '{name}' needs '{need}', {NEEDS[need]}: pass {need}=...")
    shapes = [layer.matrix_shape for layer in layers]
    for shape in shapes:
        check_shape(shape)
    facts = [layer_facts(layer, name, zeros, trainable) for layer in layers]
    shared = level_of(function) == "network"
    joined = [{key: [entry[key] for entry in facts] for key in facts[0]}] if shared else facts
    needs = [given_needs(function, name, {**entry, "pe_budget": pe_budget}) for entry in joined]
    with collector_paused():
        placed = tiles_by(function, name, shapes, geometry, needs)
        maps = tuple(LayerMap(shape, geometry, tiles) for shape, tiles in zip(shapes, placed, strict=True))
        if not is_own(function):
            _check_laws(name, maps, facts, [layer.name for layer in layers], shared=shared)
    return NetworkMap(geometry, tuple(layers), maps, shared)


def _check_laws(
    name: str, maps: Sequence[LayerMap], facts: Sequence[Given], layers: Sequence[str], *, shared: bool
) -> None:
    """Raise MappingError if a weight or a cell is held twice, a weight that may be needed nowhere, or a PE overflows.

    Parameters
    ----------
    facts
        Of each layer; ``zeros``, where it is there, says which weights may have no place.
    layers
        Their names, for messages.
    shared
        Whether layers may share PEs.
    """
    zeros = [fact.get("zeros") for fact in facts]
    together = [range(len(maps))] if shared else [range(layer, layer + 1) for layer in range(len(maps))]
    for group in together:
        found = invariants.placed([maps[i] for i in group], [zeros[i] for i in group])
        if found is not None:
            at = layers[group[found.layer]]
            raise MappingError(f"mapping rule '{name}' cannot be right, in layer '{at}': {found.sentence}")
    for layer_map, fact, at in zip(maps, facts, layers, strict=True):
        if (broken := positions_are_true(layer_map, fact["kernel"])) is not None:
            raise MappingError(f"mapping rule '{name}' cannot be right, in layer '{at}': {broken.sentence}")


def layer_facts(layer: LayerSpec, rule: str, zeros: Masks | None, trainable: Masks | None) -> Given:
    """Return what a rule may ask of one layer, by the names of :data:`imcsim.mapping.rule.NEEDS`."""
    facts: Given = {"kernel": layer.kernel, "positions": layer.positions}
    for name, masks in (("zeros", zeros), ("trainable", trainable)):
        if masks is None:
            continue
        mask = masks.get(layer.name)
        if mask is None:
            raise MappingError(f"mapping rule '{rule}' has no mask '{name}' for layer '{layer.name}'")
        if mask.shape != layer.matrix_shape:
            raise MappingError(
                f"the mask '{name}' of layer '{layer.name}' must be {layer.matrix_shape}, got {mask.shape}"
            )
        facts[name] = mask
    return facts


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause Python's cyclic collector inside the block, which builds millions of small objects without cycles.

    It would walk over all of them again and again and find nothing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
