"""Rules that look at a mask: sparse_skip and freeze_align, by hand and by laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.errors import MappingError
from imcsim.mapping import PeGeometry, Tile, map_layer, map_network
from imcsim.mapping.lines import conversions, pe_lines
from imcsim.mapping.routing import routing
from imcsim.mapping.tile import MatrixShape
from imcsim.mapping.tile_masks import weights_to_pes
from imcsim.testing import check_mapping
from imcsim.testing.strategies import geometries, masks, matrix_shapes
from tests.mapping.specs import PAIRS, linear


def mask(*rows: str) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.array([[[letter == "x" for letter in row] for row in rows]])


def test_zero_rows_and_columns_are_left_out() -> None:
    live = mask("x.x.x.", "......", "x.x.x.", "x.x.x.", "......", "x.x.x.")
    found = map_layer((1, 6, 6), PAIRS, "sparse_skip", zeros=~live)
    assert found.tiles == (Tile(0, 0, (0, 2, 3, 5), (0, 2, 4)),)  # a third of the weights fill one PE
    assert (pe_lines(found).row_drives, conversions(found)) == (4, 3 * 2)
    route = routing(linear("fc", 6, 6), found)
    assert route.table_bits == 4 * 3 + 3 * 3  # four rows and three columns of an index below 6 take 3 bits each
    assert (route.fetched, route.added) == (4, 0)


def test_alike_columns_are_brought_together() -> None:
    live = mask("x.x.x.", "x.x.x.", ".x.x.x", ".x.x.x")
    found = map_layer((1, 4, 6), PAIRS, "sparse_skip", zeros=~live)
    assert found.tiles == (Tile(0, 0, range(2, 4), (1, 3, 5)), Tile(1, 0, range(2), (0, 2, 4)))
    apart = map_layer((1, 4, 6), PAIRS, "sparse_skip", zeros=~live, permute=False)
    assert [(tuple(tile.rows), tuple(tile.cols)) for tile in apart.tiles] == [
        ((0, 1, 2, 3), (0, 1, 2)),
        ((0, 1, 2, 3), (3, 4, 5)),
    ]
    with pytest.raises(MappingError, match="mapping rule 'sparse_skip' takes no 'permut'; did you mean 'permute'"):
        map_layer((1, 4, 6), PAIRS, "sparse_skip", zeros=~live, permut=False)


def test_without_zeros_it_is_im2col_and_with_zeros_alone_nothing() -> None:
    shape = (2, 6, 5)
    none = np.zeros(shape, dtype=bool)
    assert map_layer(shape, PAIRS, "sparse_skip", zeros=none, permute=False).tiles == map_layer(shape, PAIRS).tiles
    permuted = map_layer(shape, PAIRS, "sparse_skip", zeros=none)
    assert {(t.group, t.rows, t.cols) for t in permuted.tiles} == {
        (t.group, t.rows, t.cols) for t in map_layer(shape, PAIRS).tiles
    }
    empty = map_layer(shape, PAIRS, "sparse_skip", zeros=~none)
    assert (empty.tiles, empty.pe_count, empty.utilisation) == ((), 0, 0.0)
    assert routing(linear("fc", 6, 5), empty).fetched == 0


@given(shape=matrix_shapes(2, 14, 9), geometry=geometries(), data=st.data())
def test_permuting_never_keeps_more_weights_than_the_columns_need(
    shape: MatrixShape, geometry: PeGeometry, data: st.DataObject
) -> None:
    zeros = data.draw(masks(shape, geometry))
    kept = check_mapping("sparse_skip", shape, geometry, zeros=zeros)
    still = check_mapping("sparse_skip", shape, geometry, zeros=zeros, permute=False)
    assert kept.pe_count <= map_layer(shape, geometry).pe_count
    assert still.pe_count <= map_layer(shape, geometry).pe_count
    assert min(kept.cells_used, still.cells_used) >= (~zeros).sum() * geometry.encoding.cells_per_weight


def test_frozen_outputs_and_frozen_rows_get_pes_of_their_own() -> None:
    trains = mask("x.x.", "x...", "....", "....", "..x.", "....")
    found = map_layer((1, 6, 4), PAIRS, "freeze_align", trainable=trains)
    assert found.tiles == (
        Tile(0, 0, range(4), (1, 3), frozen=True),
        Tile(1, 0, range(4, 6), (1, 3), frozen=True),
        Tile(2, 0, (2, 3, 5), (2, 0), frozen=True),
        Tile(3, 0, (0, 1, 4), (2, 0), frozen=False),
    )
    # im2col would freeze nothing but the block of the last row tile and the last output
    assert weights_to_pes(map_layer((1, 6, 4), PAIRS), trains, "any").tolist() == [True, False, True, False]


@given(shape=matrix_shapes(2, 14, 9), geometry=geometries(), data=st.data())
def test_no_frozen_weight_is_lost_by_aligning(shape: MatrixShape, geometry: PeGeometry, data: st.DataObject) -> None:
    trains = data.draw(masks(shape, geometry))
    found = check_mapping("freeze_align", shape, geometry, trainable=trains)
    assert all(tile.frozen is not bool(trains[tile.block].any()) for tile in found.tiles)
    # outputs in two classes take at most one run more, and the rows of a run in two classes one PE more
    runs, high = geometry.tiles(1, shape[2])[1] + 1, geometry.tiles(shape[1], 1)[0] + 1
    assert found.pe_count <= shape[0] * runs * high


@pytest.mark.parametrize("granularity", ["channel", "layer"])
@given(shape=matrix_shapes(2, 14, 9), geometry=geometries(), data=st.data())
def test_whole_outputs_are_separated_cleanly(
    granularity: str, shape: MatrixShape, geometry: PeGeometry, data: st.DataObject
) -> None:
    trains = data.draw(masks(shape, geometry, granularity=granularity))  # type: ignore[arg-type]
    found = map_layer(shape, geometry, "freeze_align", trainable=trains)
    frozen = sum(tile.weight_count for tile in found.tiles if tile.frozen)
    assert frozen == (~trains).sum()


def test_masks_must_be_given_and_fit() -> None:
    layers = [linear("a", 6, 5), linear("b", 5, 2)]
    with pytest.raises(MappingError, match=r"^mapping rule 'freeze_align' needs 'trainable', a mask \(G, D, N\)"):
        map_network(layers, PAIRS, "freeze_align")
    with pytest.raises(MappingError, match="mapping rule 'sparse_skip' has no mask 'zeros' for layer 'b'"):
        map_network(layers, PAIRS, "sparse_skip", zeros={"a": np.zeros((1, 6, 5), bool)})
    with pytest.raises(MappingError, match=r"the mask 'zeros' of layer 'a' must be \(1, 6, 5\), got \(6, 5\)"):
        map_network(layers, PAIRS, "sparse_skip", zeros={"a": np.zeros((6, 5), bool)})
