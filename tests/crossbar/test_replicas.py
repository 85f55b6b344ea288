"""What replica columns hold, how many there are and where they lie, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError
from imcsim.crossbar import Encoding
from imcsim.crossbar.replicas import PAIR, ReplicaPlaces, replica_levels


@pytest.mark.parametrize(("cell_bits", "raised"), [(1, 1), (2, 2), (3, 2), (4, 8), (8, 128)])
def test_a_pair_holds_code_zero_between_its_columns(cell_bits: int, raised: int) -> None:
    encoding = Encoding(sign="offset", weight_bits=8, cell_bits=cell_bits)
    levels = replica_levels(encoding, 5)
    assert levels.tolist() == [[raised, 0], [0, raised], [raised, 0], [0, raised], [raised, 0]]
    # added, at the top slice's place value, they are what offset binary adds to every code
    assert (levels.sum(axis=1) * encoding.significance[-1] == 128).all()


def test_places_by_hand() -> None:
    # 64 columns, 8 a converter: 8 weights of 8 one-bit cells, a pair for each; 16 of 4 two-bit cells, a pair for two
    one, two = ReplicaPlaces.of(8, 8, 8), ReplicaPlaces.of(16, 4, 8)
    assert (one.pairs, two.pairs) == (8, 8)
    assert two.pair_of(20).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    # three weights of two cells each, two weights a pair: cells 0..5, pairs 6, 7 and 8, 9
    three = ReplicaPlaces(weight_cols=4, weights_per_pair=2)
    assert three.used(3) == 2
    assert three.order(3, 2).tolist() == [0, 1, 6, 7, 2, 3, 4, 5, 8, 9]


@given(st.integers(1, 40), st.integers(1, 8), st.integers(1, 40), st.integers(1, 100))
def test_every_column_has_one_place_and_every_weight_one_pair(
    weight_cols: int, cells: int, columns_per_adc: int, outputs: int
) -> None:
    places = ReplicaPlaces.of(weight_cols, cells, columns_per_adc)
    width = min(outputs, weight_cols)
    order = places.order(width, cells)
    assert sorted(order) == list(range(width * cells + PAIR * places.used(width)))
    pair_of = places.pair_of(outputs)
    assert len(pair_of) == outputs
    assert pair_of.max() < places.pairs * -(-outputs // weight_cols)
    assert np.bincount(pair_of).max() <= max(1, columns_per_adc // cells)


def test_a_converter_has_a_column() -> None:
    with pytest.raises(ConfigError, match="columns_per_adc must be >= 1, got 0"):
        ReplicaPlaces.of(8, 8, 0)
