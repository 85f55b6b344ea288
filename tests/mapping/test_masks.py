"""Masks by PE and sums by PE against loops over tiles."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imcsim.core.errors import MappingError
from imcsim.mapping import PeGeometry, map_layer
from imcsim.mapping.masks import Reduction, expand_pe_mask, reduce_to_pes, tile_grid
from imcsim.mapping.tile import MatrixShape
from imcsim.testing.strategies import geometries, matrix_shapes

REDUCTIONS: dict[Reduction, Any] = {"sum": np.sum, "max": np.max, "any": np.any, "all": np.all}


def test_expand_by_hand() -> None:
    mask = np.array([[[True, False], [False, True]]])
    expected = [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert expand_pe_mask(mask, (1, 3, 3), (2, 2)).astype(int).tolist() == [expected]


def test_sum_by_hand() -> None:
    element = np.arange(9).reshape(1, 3, 3)
    assert reduce_to_pes(element, (2, 2)).tolist() == [[[0 + 1 + 3 + 4, 2 + 5], [6 + 7, 8]]]


def test_a_mask_of_another_grid_is_refused() -> None:
    with pytest.raises(MappingError, match=r"ends in \(1, 2, 2\), got \(1, 2, 3\)"):
        expand_pe_mask(np.ones((1, 2, 3), bool), (1, 3, 3), (2, 2))


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int8, np.uint16, np.int32])
def test_integer_sums_do_not_wrap(dtype: type[np.generic]) -> None:
    top = 1 if dtype is np.bool_ else np.iinfo(dtype).max  # type: ignore[type-var]
    sums = reduce_to_pes(np.full((1, 300, 2), top, dtype=dtype), (300, 2))
    assert sums.dtype == np.int64
    assert sums.item() == 600 * int(top)


@given(shape=matrix_shapes(), geometry=geometries(), lead=st.sampled_from([(), (2,), (2, 3)]), data=st.data())
def test_reduce_equals_a_loop_over_tiles(
    shape: MatrixShape, geometry: PeGeometry, lead: tuple[int, ...], data: st.DataObject
) -> None:
    tile = (geometry.weight_rows, geometry.weight_cols)
    seed = data.draw(st.integers(0, 2**32))
    element: NDArray[np.int64] = np.random.default_rng(seed).integers(-2, 3, size=(*lead, *shape))
    layer_map = map_layer(shape, geometry)
    for reduction, function in REDUCTIONS.items():
        found = reduce_to_pes(element, tile, reduction)
        assert found.shape == (*lead, *layer_map.tile_grid)
        flat = found.reshape(*lead, -1)
        for block in layer_map.tiles:
            part = element[block.block]
            assert np.array_equal(flat[..., block.pe], function(part, axis=(-2, -1)))


@given(shape=matrix_shapes(), geometry=geometries(), tasks=st.integers(1, 3), seed=st.integers(0, 2**32))
def test_expanding_then_reducing_gives_the_mask_back(
    shape: MatrixShape, geometry: PeGeometry, tasks: int, seed: int
) -> None:
    tile = (geometry.weight_rows, geometry.weight_cols)
    mask = np.random.default_rng(seed).random((tasks, *tile_grid(shape, tile))) < 0.5
    element = expand_pe_mask(mask, shape, tile)
    assert element.shape == (tasks, *shape)
    assert element.dtype == np.bool_
    assert np.array_equal(reduce_to_pes(element, tile, "all"), mask)
    assert np.array_equal(reduce_to_pes(element, tile, "any"), mask)
