"""The suite finds each kind of broken rule, and says which weight."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

import imcsim.testing
from imcsim.core.errors import ContentError, MappingError
from imcsim.crossbar.encoding import Encoding
from imcsim.mapping import PeGeometry, Tile
from imcsim.mapping.arrays import program, tile_products
from imcsim.mapping.invariants import Violation, products_equal, read_back_equals
from imcsim.mapping.layer_map import map_layer
from imcsim.mapping.rule import MappingRule
from imcsim.mapping.rules.im2col import im2col
from imcsim.mapping.tile import MatrixShape
from imcsim.testing import MappingCheckError, check_mapping

PAIRS = PeGeometry(rows=4, cols=7, encoding=Encoding(sign="differential", weight_bits=2, cell_bits=1))  # 4 x 3 weights
OFFSET = PeGeometry(rows=4, cols=3, encoding=Encoding(sign="offset", weight_bits=4, cell_bits=4))
SHAPE = (1, 6, 5)


def altered(change: Callable[[list[Tile]], list[Tile]]) -> MappingRule:
    def rule(shape: MatrixShape, geometry: PeGeometry) -> tuple[Tile, ...]:
        return tuple(change(list(im2col(shape, geometry))))

    return rule


def moved(tile: Tile, pe: int) -> Tile:
    return Tile(pe, tile.group, tile.rows, tile.cols)


def test_it_takes_a_shape_or_codes_and_returns_the_map() -> None:
    codes = np.random.default_rng(0).integers(-1, 2, size=(6, 5))
    assert check_mapping("im2col", codes, PAIRS) == map_layer(SHAPE, PAIRS)
    assert check_mapping(im2col, SHAPE, PAIRS) == map_layer(SHAPE, PAIRS)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda tiles: tiles[1:], r"weight \(0, 0, 0\) should be in one place, but is nowhere"),
        (
            lambda tiles: [*tiles, moved(tiles[1], 7)],
            r"weight \(0, 0, 3\) should be in one place, but is in PE 1 at row 0, columns 0\.\.1 "
            r"and in PE 7 at row 0, columns 0\.\.1",
        ),
        (
            lambda tiles: [Tile(0, 0, range(0, 6), range(0, 5))],
            r"weight \(0, 5, 4\) should be inside an array of 4 x 7 cells, but is in PE 0 at row 5, columns 8\.\.9",
        ),
        (
            lambda tiles: [*tiles[:3], moved(tiles[3], 0)],
            r"cell \(row 0, column 0\) of PE 0 should hold one weight, but holds \(0, 0, 0\) and \(0, 4, 3\)",
        ),
        (lambda tiles: [Tile(0, 0, range(0, 4), range(3, 6))], r"should be a block of the \(1, 6, 5\) matrix"),
        (lambda tiles: [Tile(0, 1, range(0, 4), range(0, 3))], r"should be a block of the \(1, 6, 5\) matrix"),
    ],
)
def test_each_defect_is_named(change: Callable[[list[Tile]], list[Tile]], sentence: str) -> None:
    with pytest.raises(MappingCheckError, match=sentence):
        check_mapping(altered(change), SHAPE, PAIRS)


def test_tiles_that_share_a_pe_side_by_side_are_allowed() -> None:
    def packed(shape: MatrixShape, geometry: PeGeometry) -> tuple[Tile, ...]:
        return tuple(Tile(0, group, range(2), range(1), col_offset=group) for group in range(shape[0]))

    assert check_mapping(packed, (3, 2, 1), PAIRS).pe_count == 1


def test_a_rule_that_is_not_pure_is_named() -> None:
    calls: list[int] = []

    def restless(shape: MatrixShape, geometry: PeGeometry) -> tuple[Tile, ...]:
        calls.append(1)
        return tuple(moved(tile, tile.pe + len(calls)) for tile in im2col(shape, geometry))

    with pytest.raises(MappingCheckError, match="restless: a rule is a pure function"):
        check_mapping(restless, SHAPE, PAIRS)


def test_a_wrong_cell_is_read_back_as_a_named_weight() -> None:
    codes = np.arange(-8, 7, dtype=np.int64).reshape(1, 5, 3)
    layer_map = map_layer((1, 5, 3), OFFSET)
    arrays = program(layer_map, codes)
    assert read_back_equals(layer_map, codes, arrays) is None
    arrays[1, 0, 2] += 1
    sentence = "weight (0, 4, 2) should read 6, but in PE 1 at row 0, columns 2..2 reads 7"
    assert read_back_equals(layer_map, codes, arrays) == Violation(sentence, weight=(0, 4, 2))


def test_a_wrong_cell_gives_a_wrong_product() -> None:
    codes = np.zeros((1, 1, 2), dtype=np.int64)
    layer_map = map_layer((1, 1, 2), OFFSET)
    arrays = program(layer_map, codes)
    assert products_equal(layer_map, codes, arrays) is None
    arrays[0, 0, 1] += 2  # the first input is -128
    sentence = "output 1 of group 0 for vector 0 should be x @ W = 0, but its tiles sum to -256"
    assert products_equal(layer_map, codes, arrays) == Violation(sentence)


@pytest.mark.parametrize("geometry", [PAIRS, OFFSET])
def test_products_of_the_arrays_by_hand(geometry: PeGeometry) -> None:
    codes = np.array([[[1, -1, 0], [0, 1, 1], [-1, 0, 1], [1, 1, 1], [1, 0, -1]]])
    layer_map = map_layer((1, 5, 3), geometry)
    x = np.array([[[1, 2, 3, 4, 5], [0, 0, -7, 0, 1]]])
    expected = [[[1 - 3 + 4 + 5, -1 + 2 + 4, 2 + 3 + 4 - 5], [7 + 1, 0, -7 - 1]]]
    assert tile_products(layer_map, x, program(layer_map, codes)).tolist() == expected


def test_arguments_that_are_no_codes_are_refused() -> None:
    with pytest.raises(TypeError, match="weight codes are integers, got float64"):
        check_mapping("im2col", np.zeros((2, 2)), PAIRS)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"axes .* got \(2,\)"):
        check_mapping("im2col", np.zeros(2, dtype=np.int64), PAIRS)
    with pytest.raises(ContentError, match="did you mean 'im2col'"):
        check_mapping("im2cal", SHAPE, PAIRS)
    with pytest.raises(TypeError, match="mapping rule 'im2col' maps one layer at a time: give one matrix, not a list"):
        check_mapping("im2col", [SHAPE], PAIRS)
    with pytest.raises(TypeError, match=r"the mask 'trainable' must be \(1, 6, 5\), got \(6, 5\)"):
        check_mapping("freeze_align", SHAPE, PAIRS, trainable=np.ones((6, 5), dtype=bool))
    codes = np.zeros(SHAPE, dtype=np.int64)
    codes[0, 2, 1] = 1
    with pytest.raises(TypeError, match=r"the mask 'zeros' is true at weight \(0, 2, 1\), whose code is 1"):
        check_mapping("sparse_skip", codes, PAIRS, zeros=np.ones(SHAPE, dtype=bool))
    with pytest.raises(MappingError, match="mapping rule 'kernel_split' needs 'kernel'"):
        check_mapping("kernel_split", SHAPE, PAIRS)


def test_the_number_of_copies_can_be_demanded() -> None:
    assert check_mapping("second_copy", SHAPE, PAIRS, copies=2).copies == 2
    with pytest.raises(MappingCheckError, match="the map should hold 2 copies, but holds 1"):
        check_mapping("im2col", SHAPE, PAIRS, copies=2)


def test_a_list_of_matrices_gives_a_map_of_each() -> None:
    maps = check_mapping("dense_pack", [(1, 2, 1), (1, 2, 2)], PAIRS)
    assert [layer.tiles[0].pe for layer in maps] == [0, 0]


def test_a_rule_that_raises_is_told_with_its_error() -> None:
    def careless(shape: MatrixShape, geometry: PeGeometry) -> tuple[Tile, ...]:
        return (Tile(0, 0, range(1), range(1)),) * (1 // (5 - shape[1]))

    with pytest.raises(MappingCheckError, match="careless: the rule should return tiles, but raises ZeroDivision"):
        check_mapping(careless, (1, 5, 1), PAIRS)


def test_the_package_is_light() -> None:
    code = "import sys, imcsim.testing; print(sorted({'torch', 'numpy', 'hypothesis'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="did you mean 'check_mapping'"):
        _ = imcsim.testing.check_maping
