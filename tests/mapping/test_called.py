"""What a rule of a user's returns is read before it is believed: one sentence for whatever is no map."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from imcsim.core.errors import ContentError, MappingError
from imcsim.crossbar import Encoding
from imcsim.mapping import PeGeometry, Tile, map_layer, map_network
from imcsim.mapping.called import rule_of
from imcsim.mapping.rule import mapping_rule
from imcsim.testing.traces import linear_layer

PE = PeGeometry(rows=4, cols=8, encoding=Encoding(sign="offset", weight_bits=4, cell_bits=2))
LAYERS = [linear_layer("a", 4, 4), linear_layer("b", 4, 8)]
Change = Callable[[Tile], Tile]


def tiles_of(shape: tuple[int, int, int], geometry: PeGeometry) -> list[Tile]:
    _, fan_in, outputs = shape
    step = geometry.weight_cols
    return [Tile(pe, 0, range(fan_in), range(j, j + step)) for pe, j in enumerate(range(0, outputs, step))]


def returning(value: Any) -> Callable[..., Any]:
    def mine(shape: Any, geometry: Any) -> Any:
        return value

    return mine


def changed(**fields: Any) -> Callable[..., Any]:
    def mine(shape: Any, geometry: Any) -> Any:
        return [tile._replace(**fields) for tile in tiles_of(shape, geometry)]

    return mine


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (returning(None), "mapping rule 'mine' must return tiles, got None"),
        (returning("tiles"), "mapping rule 'mine' must return tiles, got 'tiles'"),
        (returning(Tile(0, 0, range(4), range(4))), "must return tiles, got Tile(pe=0"),
        (returning([(0, 0, range(4), range(4))]), "must return tiles, got (0, 0, range(0, 4), range(0, 4)) among them"),
        (changed(pe=math.nan), "pe of a tile must be an integer, got nan"),
        (changed(pe=10**30), "pe of a tile must be an integer, got 1000000"),
        (changed(pe=True), "pe of a tile must be an integer, got True"),
        (changed(col_offset="left"), "col_offset of a tile must be an integer, got 'left'"),
        (changed(rows=[0, 1, 2, 3]), "rows of a tile must be a range or a tuple of integers, got [0, 1, 2, 3]"),
        (changed(rows=np.arange(100)), "rows of a tile must be a range or a tuple of integers, got array([ 0, 1, 2,"),
        (changed(cols=(0.0, 1.0)), "cols of a tile must be a range or a tuple of integers, got (0.0, 1.0)"),
        (changed(read="sideways"), "read of a tile must be forward, backward or both, got 'sideways'"),
        (changed(copy=-1), "copy of a tile must not be negative, got -1"),
        (changed(pe=-1), "in layer 'a': weight (0, 3, 3) should be inside an array of 4 x 8 cells, but is in PE -1"),
        (changed(group=1), "should be a block of the (1, 4, 4) matrix, but it leaves it"),
        (changed(rows=range(3)), "in layer 'a': weight (0, 3, 0) should be in one place, but is nowhere"),
        (changed(pe=0), "in layer 'b': cell (row 0, column 0) of PE 0 should hold one weight, but holds (0, 0, 0)"),
        (changed(position=(1, 0)), "weight (0, 0, 0) should be in a PE of kernel position (0, 0)"),
    ],
)  # fmt: skip
def test_a_rule_that_returns_no_map(rule: Callable[..., Any], said: str) -> None:
    with pytest.raises(MappingError, match=re.escape(said)) as caught:
        map_network(LAYERS, PE, rule)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "mapping rule 'mine' must return a list of tiles for each layer, got None"),
        ([[]], "mapping rule 'mine' must return tiles of 2 layers, got 1"),
        ([None, []], "mapping rule 'mine' must return tiles, got None"),
    ],
)
def test_a_rule_of_the_network_that_returns_no_map(value: Any, said: str) -> None:
    rule = returning(value)
    rule.level = "network"  # type: ignore[attr-defined]
    with pytest.raises(MappingError, match=re.escape(said)):
        map_network(LAYERS, PE, rule)


def test_a_rule_that_fails() -> None:
    def mine(shape: Any, geometry: Any) -> Any:
        raise SystemExit(7)

    with pytest.raises(ContentError, match=r"mapping rule 'mine' failed: SystemExit: 7 \(test_called.py, line \d+\)"):
        map_network(LAYERS, PE, mine)


def test_layers_that_share_cells_without_saying_so() -> None:
    def stacked(shapes: Sequence[tuple[int, int, int]], geometry: PeGeometry) -> list[list[Tile]]:
        return [tiles_of(shape, geometry) for shape in shapes]

    assert map_network(LAYERS, PE, lambda shape, geometry: tiles_of(shape, geometry)).pe_count == 3  # each its own PEs
    stacked.level = "network"  # type: ignore[attr-defined]
    said = re.escape("in layer 'b': cell (row 0, column 0) of PE 0 should hold one weight, but holds (0, 0, 0)")
    with pytest.raises(MappingError, match=said):
        map_network(LAYERS, PE, stacked)


def test_integers_of_numpy_and_iterators_are_tiles_too() -> None:
    def lazily(shape: Any, geometry: Any) -> Any:
        yield from (tile._replace(pe=np.int64(tile.pe)) for tile in tiles_of(shape, geometry))  # type: ignore[arg-type]

    assert map_network(LAYERS, PE, lazily).pe_count == 3


@pytest.mark.parametrize("given", [3, None, []])
def test_what_is_no_rule(given: Any) -> None:
    with pytest.raises(MappingError, match=re.escape(f"a mapping rule is a name or a function, got {given}")):
        rule_of(given)
    with pytest.raises(MappingError, match="a mapping rule is a name or a function"):
        map_layer((1, 4, 4), PE, given)


def test_a_function_that_cannot_be_called_with_a_shape_and_a_pe() -> None:
    def alone(shape: Any) -> Any:
        return []

    def asking(shape: Any, geometry: Any, kernel: Any) -> Any:
        return []

    for rule, said in ((alone, "must take a matrix shape and a PE"), (asking, "as 'kernel', after a *")):
        with pytest.raises(MappingError, match=re.escape(said)):
            map_network(LAYERS, PE, rule)
        with pytest.raises(ContentError, match=re.escape(said)):
            mapping_rule("test-called")(rule)
