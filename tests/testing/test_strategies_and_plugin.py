"""What the strategies draw, and the fixtures that the plugin gives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from imcsim.crossbar.encoding import Encoding
from imcsim.mapping import MAPPING_RULES, PeGeometry
from imcsim.mapping.granularity import GRANULARITIES, pieces
from imcsim.mapping.rule import needs_of
from imcsim.testing import MappingCheckError
from imcsim.testing.cases import LISTED
from imcsim.testing.strategies import cases, geometries, masks, matrix_shapes, placements, weight_matrices
from tests.mapping.specs import PAIRS


def test_the_plugin_gives_the_suite_and_a_small_pe(
    check_mapping: Callable[..., Any], check_rule: Callable[..., None], small_pe: PeGeometry
) -> None:
    assert (small_pe.weight_rows, small_pe.weight_cols) == (4, 3)
    assert check_mapping("im2col", (1, 6, 5), small_pe).pe_count == 4
    check_rule("im2col", max_examples=3)
    with pytest.raises(MappingCheckError, match="the rule should return tiles, but raises TypeError: 1 is no Tile"):
        check_rule(lambda shape, geometry: [1], max_examples=2)


@given(codes=weight_matrices(Encoding(sign="offset", weight_bits=3, cell_bits=1)))
def test_codes_lie_in_the_range(codes: np.ndarray[Any, np.dtype[np.int64]]) -> None:
    assert codes.ndim == 3
    assert codes.min() >= -4 and codes.max() <= 3


@pytest.mark.parametrize("end", [-127, 127])
def test_codes_reach_both_ends_of_the_default_range(end: int) -> None:
    def is_reached(codes: np.ndarray[Any, np.dtype[np.int64]]) -> bool:
        return bool((codes == end).any())

    found = find(weight_matrices(shapes=st.just((1, 1, 2))), is_reached)
    assert end in found and found.min() >= -127 and found.max() <= 127


@given(shape=matrix_shapes(2, 8, 6), geometry=geometries(), data=st.data())
def test_a_placement_is_of_im2cols_grid(shape: tuple[int, int, int], geometry: PeGeometry, data: st.DataObject) -> None:
    drawn = data.draw(placements(shape, geometry))
    assert drawn.shape == (shape[0], *geometry.tiles(*shape[1:]))
    assert drawn.dtype == bool


@pytest.mark.parametrize("granularity", GRANULARITIES)
@given(data=st.data())
def test_a_mask_is_the_same_within_each_unit(granularity: Any, data: st.DataObject) -> None:
    drawn = data.draw(masks((2, 8, 5), PAIRS, (2, 2), granularity))
    labels = pieces(granularity, (2, 8, 5), PAIRS, (2, 2))
    assert all(len(set(drawn[labels == unit].tolist())) == 1 for unit in range(int(labels.max()) + 1))


@pytest.mark.parametrize("name", MAPPING_RULES.names())
@given(data=st.data())
def test_a_case_holds_what_the_rule_needs(name: str, data: st.DataObject) -> None:
    rule = MAPPING_RULES.get(name)
    case = data.draw(cases(rule))
    assert set(case.needs) == set(needs_of(rule))
    assert all(len(value) == len(case.codes) for key, value in case.needs.items() if key in LISTED)
    for zeros, codes in zip(case.needs.get("zeros", ()), case.codes, strict=False):
        assert not codes[zeros].any()
