"""Tiles of single layers by hand, and laws of every map."""

import numpy as np
import pytest
from hypothesis import given

from imcsim.core.errors import ContentError, MappingError
from imcsim.crossbar.encoding import Encoding
from imcsim.mapping import LayerSpec, PeGeometry, Tile, map_layer, map_network
from imcsim.mapping.masks import tile_grid
from imcsim.mapping.tile import MatrixShape
from imcsim.testing.strategies import geometries, matrix_shapes

PAIRS = PeGeometry(rows=4, cols=7, encoding=Encoding(sign="differential", weight_bits=2, cell_bits=1))  # 4 x 3 weights


def spec(name: str, fan_in: int, outputs: int, positions: int = 1) -> LayerSpec:
    return LayerSpec(
        name=name,
        kind="linear",
        in_features=fan_in,
        out_features=outputs,
        positions=positions,
        input_elements=fan_in * positions,
        output_elements=outputs * positions,
    )


def test_a_remainder_in_both_directions_gives_four_tiles() -> None:
    found = map_layer((1, 6, 5), PAIRS)
    assert found.tiles == (
        Tile(0, 0, range(0, 4), range(0, 3)),
        Tile(1, 0, range(0, 4), range(3, 5)),
        Tile(2, 0, range(4, 6), range(0, 3)),
        Tile(3, 0, range(4, 6), range(3, 5)),
    )
    assert found.tile_grid == (1, 2, 2)
    assert found.pe_count == 4
    assert found.rows_used == 4 + 4 + 2 + 2
    assert found.column_segments == 3 + 2 + 3 + 2
    assert found.cols_used == 2 * (3 + 2 + 3 + 2)
    assert found.cells_used == 2 * 30
    assert found.utilisation == 60 / (4 * 4 * 7)


def test_each_group_has_its_own_tiles() -> None:
    found = map_layer((3, 2, 1), PAIRS)
    assert [(tile.pe, tile.group) for tile in found.tiles] == [(0, 0), (1, 1), (2, 2)]
    assert found.tile_grid == (3, 1, 1)
    assert found.utilisation == 3 * 2 * 2 / (3 * 28)


def test_a_full_array_is_used_whole() -> None:
    geometry = PeGeometry(rows=4, cols=6, encoding=PAIRS.encoding)
    assert map_layer((1, 4, 3), geometry).utilisation == 1.0


def test_a_network_sums_its_layers() -> None:
    network = map_network([spec("a", 6, 5, positions=9), spec("b", 4, 3)], PAIRS)
    assert [layer.pe_count for layer in network.maps] == [4, 1]
    assert network.pe_count == 5
    assert network.column_segments == 10 + 3
    assert network.rows_used == 12 + 4
    assert network.cols_used == 2 * 13
    assert network.weight_count == 30 + 12
    assert network.macs == 270 + 12
    assert network.utilisation == 2 * 42 / (5 * 28)


def test_messages() -> None:
    with pytest.raises(MappingError, match=r"three axes .* got \(1, 0, 3\)"):
        map_layer((1, 0, 3), PAIRS)
    with pytest.raises(ContentError, match=r"unknown mapping rule 'im2co'; did you mean 'im2col'\?"):
        map_layer((1, 2, 3), PAIRS, "im2co")
    with pytest.raises(MappingError, match="no Linear or Conv2d layer"):
        map_network([], PAIRS)


@given(shape=matrix_shapes(), geometry=geometries())
def test_counts_agree_with_closed_forms(shape: MatrixShape, geometry: PeGeometry) -> None:
    groups, fan_in, outputs = shape
    found = map_layer(shape, geometry)
    row_tiles, col_tiles = geometry.tiles(fan_in, outputs)
    assert found.tile_grid == (groups, row_tiles, col_tiles)
    assert found.tile_grid == tile_grid(shape, (geometry.weight_rows, geometry.weight_cols))
    assert found.pe_count == groups * row_tiles * col_tiles
    assert found.rows_used == groups * fan_in * col_tiles
    assert found.column_segments == groups * outputs * row_tiles
    assert found.cells_used == groups * fan_in * outputs * geometry.encoding.cells_per_weight
    assert 0 < found.utilisation <= 1
    assert [tile.pe for tile in found.tiles] == list(np.arange(found.pe_count))
