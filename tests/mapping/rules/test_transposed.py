"""Input gradients: one copy read both ways, or a second that lies transposed."""

import numpy as np

from imcsim.mapping import PeGeometry, Tile, map_layer
from imcsim.mapping.arrays import program, read_back, transposed_products
from imcsim.mapping.tile_masks import columns_to_weights, weights_to_pes, weights_to_slots
from tests.mapping.specs import PAIRS

SHAPE = (1, 6, 5)
CODES = np.array([[[1, -1, 0, 1, 0], [0, 1, 1, 0, 1], [-1, 0, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, -1, 0, 1], [0] * 5]])


def test_one_copy_is_im2col_read_both_ways() -> None:
    found = map_layer(SHAPE, PAIRS, "transposable")
    assert [tile._replace(read="forward") for tile in found.tiles] == list(map_layer(SHAPE, PAIRS).tiles)
    assert found.copies == 1


def test_the_second_copy_lies_transposed() -> None:
    found = map_layer(SHAPE, PAIRS, "second_copy")
    assert found.tiles[:4] == map_layer(SHAPE, PAIRS).tiles
    # 5 outputs along 4 rows, 6 inputs along 3 columns: 2 x 2 PEs
    assert found.tiles[4:] == tuple(
        Tile(4 + pe, 0, rows, cols, copy=1, read="backward")
        for pe, (cols, rows) in enumerate((c, r) for c in (range(4), range(4, 5)) for r in (range(3), range(3, 6)))
    )
    assert (found.copies, found.forward_copies, found.forward_tiles) == (2, 1, map_layer(SHAPE, PAIRS).tiles)


def test_both_give_the_input_gradient_by_hand() -> None:
    errors = np.array([[[1, 2, 3, 4, 5], [0, -1, 0, 0, 2]]])
    expected = [[[1 - 2 + 4, 2 + 3 + 5, -1 + 3, 15, 1 - 3 + 5, 0], [1, -1 + 2, 0, -1 + 2, 2, 0]]]
    for rule, copy in (("transposable", 0), ("second_copy", 1)):
        layer_map = map_layer(SHAPE, PAIRS, rule)
        arrays = program(layer_map, CODES)
        assert transposed_products(layer_map, errors, arrays, copy).tolist() == expected
        assert np.array_equal(read_back(layer_map, arrays, copy), CODES)


def test_a_weight_of_the_second_copy_lies_at_its_output_row() -> None:
    geometry = PeGeometry(rows=8, cols=16, encoding=PAIRS.encoding)
    slots = weights_to_slots(map_layer(SHAPE, geometry, "second_copy"), CODES, copy=1)
    assert np.array_equal(slots[0, :5, :6], CODES[0].T)


def test_masks_of_the_second_copy_go_by_its_own_pes_and_columns() -> None:
    layer_map = map_layer(SHAPE, PAIRS, "second_copy")
    element = np.zeros(SHAPE, dtype=bool)
    element[0, 5, 4] = True  # input 5, output 4: the last PE of either copy
    for copy in (0, 1):
        assert weights_to_pes(layer_map, element, "any", copy).tolist() == [False, False, False, True]
    segments = np.zeros(12, dtype=bool)
    segments[0] = True  # the first column of the second copy holds input 0 for outputs 0 to 3
    assert np.argwhere(columns_to_weights(layer_map, segments, copy=1)).tolist() == [[0, 0, n] for n in range(4)]
