"""Small blocks in one PE: by hand, what shares a pass, and what does not."""

from hypothesis import given
from hypothesis import strategies as st

from imcsim.crossbar.encoding import Encoding
from imcsim.mapping import LayerMap, PeGeometry, Tile, map_layer, map_network
from imcsim.mapping.lines import conversions, pe_lines
from imcsim.mapping.tile import MatrixShape
from imcsim.testing.strategies import geometries, matrix_shapes
from tests.mapping.specs import PAIRS, conv, linear

EIGHT = PeGeometry(rows=8, cols=8, encoding=Encoding(sign="offset", weight_bits=4, cell_bits=4))  # 8 x 8 weights


def test_a_depthwise_layer_lies_on_the_diagonal() -> None:
    found = map_layer((4, 3, 2), EIGHT, "dense_pack")
    one, other = range(3), range(2)
    assert found.tiles == (
        Tile(0, 0, one, other),
        Tile(0, 1, one, other, 3, 2),
        Tile(1, 2, one, other),  # three blocks of three rows do not fit eight
        Tile(1, 3, one, other, 3, 2),
    )
    assert found.utilisation == 4 * 6 / (2 * 64)
    lines = pe_lines(found)
    assert (lines.rows.tolist(), lines.outputs.tolist(), lines.passes.tolist()) == ([6, 6], [4, 4], [1, 1])
    assert conversions(found) == 8


def test_layers_share_a_pe_which_counts_once() -> None:
    layers = [linear("a", 5, 2), linear("b", 3, 3), linear("c", 8, 8)]
    found = map_network(layers, EIGHT, "dense_pack")
    assert found.shared
    assert [layer.tiles for layer in found.maps] == [
        (Tile(1, 0, range(5), range(2)),),
        (Tile(1, 0, range(3), range(3), 5, 2),),
        (Tile(0, 0, range(8), range(8)),),
    ]
    assert (found.pe_count, found.cells) == (2, 128)
    assert found.utilisation == (10 + 9 + 64) / 128


def test_groups_side_by_side_on_the_same_rows_take_turns() -> None:
    tiles = tuple(Tile(0, group, range(3), range(1), col_offset=group) for group in range(3))
    lines = pe_lines(LayerMap((3, 3, 1), PAIRS, tiles))
    assert (lines.rows.tolist(), lines.outputs.tolist(), lines.passes.tolist()) == ([9], [3], [3])


def test_two_cuts_of_one_output_share_a_column_and_a_pass() -> None:
    tiles = (Tile(0, 0, range(2), range(3)), Tile(0, 0, range(2, 4), range(3), row_offset=2))
    lines = pe_lines(LayerMap((1, 4, 3), PAIRS, tiles))
    assert (lines.rows.tolist(), lines.outputs.tolist(), lines.passes.tolist()) == ([4], [3], [1])


def test_a_third_block_at_the_crossing_forbids_one_pass() -> None:
    # groups 0 and 1 lie on the diagonal, group 2 where the rows of one meet the column of the other
    tiles = (
        Tile(0, 0, range(2), range(1)),
        Tile(0, 1, range(2), range(1), 2, 1),
        Tile(0, 2, range(2), range(1), 0, 1),
    )
    assert pe_lines(LayerMap((3, 2, 1), PAIRS, tiles)).passes.tolist() == [3]


@given(shapes=st.lists(matrix_shapes(4, 12, 8), min_size=1, max_size=4), geometry=geometries())
def test_it_never_takes_more_pes_than_im2col(shapes: list[MatrixShape], geometry: PeGeometry) -> None:
    layers = [conv(f"l{i}", (g * d, g * n), (1, 1), (4, 4), groups=g) for i, (g, d, n) in enumerate(shapes)]
    packed, plain = map_network(layers, geometry, "dense_pack"), map_network(layers, geometry)
    assert packed.pe_count <= plain.pe_count
    assert packed.cells_used == plain.cells_used
    assert all(pe_lines(layer).passes.max() == 1 for layer in packed.maps)
