"""A rule is called, and what it returns is read: tiles, one list a layer.

What imcsim's own rules return is proven by its tests; what others return is looked at each time.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from imcsim.core.answers import told
from imcsim.core.errors import MappingError, short
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.rule import MAPPING_RULES, Given, MappingRule, level_of, rule_name, wrong_call
from imcsim.mapping.tile import MatrixShape, Tile

Tiles = tuple[Tile, ...]

_OWN = "imcsim.mapping.rules."
_LARGEST_PE = 1 << 53


def rule_of(rule: str | MappingRule) -> tuple[MappingRule, str]:
    """Return the rule that is named or given, and what messages call it.

    Raises
    ------
    MappingError
        If it is neither a name nor a function.
    ContentError
        If there is no such rule, with the nearest name.
    """
    if isinstance(rule, str):
        return MAPPING_RULES.get(rule), rule
    if not callable(rule):
        raise MappingError(f"a mapping rule is a name or a function, got {short(repr(rule))}")
    if (wrong := wrong_call(rule)) is not None:
        raise MappingError(f"mapping rule '{rule_name(rule)}' {wrong}")
    return rule, rule_name(rule)


def is_own(rule: MappingRule) -> bool:
    """Whether the rule is one of imcsim."""
    return str(getattr(rule, "__module__", "")).startswith(_OWN)


def tiles_by(
    rule: MappingRule, name: str, shapes: Sequence[MatrixShape], geometry: PeGeometry, needs: Sequence[Given]
) -> tuple[Tiles, ...]:
    """Call ``rule`` and return the tiles of each layer.

    Parameters
    ----------
    needs
        What the rule takes by name: one entry a layer, of a network's rule one for all.

    Raises
    ------
    MappingError
        If it returns anything but tiles, one list a layer.
    ContentError
        If it fails.
    """
    if is_own(rule):
        return _called(rule, name, shapes, geometry, needs)
    with told(f"mapping rule '{name}'"):
        found = _called(rule, name, shapes, geometry, needs)
    _check_tiles(name, found)
    return found


def _called(
    rule: MappingRule, name: str, shapes: Sequence[MatrixShape], geometry: PeGeometry, needs: Sequence[Given]
) -> tuple[Tiles, ...]:
    if level_of(rule) == "network":
        placed = _listed(rule(shapes, geometry, **needs[0]), name, "a list of tiles for each layer")
        if len(placed) != len(shapes):
            raise MappingError(f"mapping rule '{name}' must return tiles of {len(shapes)} layers, got {len(placed)}")
    else:
        placed = tuple(rule(shape, geometry, **given) for shape, given in zip(shapes, needs, strict=True))
    return tuple(_listed(tiles, name, "tiles") for tiles in placed)


def _listed(found: object, name: str, wanted: str) -> tuple[Any, ...]:
    if isinstance(found, Tile | str) or not isinstance(found, Iterable):
        raise MappingError(f"mapping rule '{name}' must return {wanted}, got {short(repr(found))}")
    return tuple(found)


def _check_tiles(name: str, tiles: Sequence[Tiles]) -> None:
    for tile in chain.from_iterable(tiles):
        if not isinstance(tile, Tile):
            raise MappingError(f"mapping rule '{name}' must return tiles, got {short(repr(tile))} among them")
        for field in ("pe", "group", "row_offset", "col_offset", "copy"):
            if not _whole(value := getattr(tile, field)) or not abs(value) < _LARGEST_PE:
                raise MappingError(f"mapping rule '{name}': {field} of a tile must be an integer, got {value!r:.40}")
        for field in ("rows", "cols"):
            lines = getattr(tile, field)
            if not isinstance(lines, range) and not (isinstance(lines, tuple) and all(map(_whole, lines))):
                raise MappingError(
                    f"mapping rule '{name}': {field} of a tile must be a range or a tuple of integers, "
                    f"got {short(repr(lines))}"
                )
        if tile.read not in ("forward", "backward", "both"):
            raise MappingError(
                f"mapping rule '{name}': read of a tile must be forward, backward or both, got {tile.read!r:.40}"
            )
        if tile.copy < 0:
            raise MappingError(f"mapping rule '{name}': copy of a tile must not be negative, got {tile.copy}")


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
