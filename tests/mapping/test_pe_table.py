"""PEs one by one: whose they are, how full, and what trains in them."""

import numpy as np
import pytest

from imcsim.mapping import map_network
from imcsim.mapping.pe_table import pe_table, trainable_pes
from tests.mapping.specs import PAIRS, linear

LAYERS = [linear("a", 6, 3), linear("b", 2, 2), linear("c", 2, 1)]
NOTHING = {spec.name: np.zeros(spec.matrix_shape, dtype=bool) for spec in LAYERS}


def test_pes_of_layers_apart() -> None:
    trains = {**NOTHING, "a": NOTHING["a"].copy()}
    trains["a"][0, 5, 1] = True  # the second PE of 'a'
    table = pe_table(map_network(LAYERS, PAIRS), trains)
    assert table.pe.tolist() == [0, 1, 2, 3]
    assert table.layer.tolist() == [0, 0, 1, 2]
    assert table.weights.tolist() == [12, 6, 4, 2]
    assert table.frozen.tolist() == [12, 5, 4, 2]
    assert table.trains.tolist() == [False, True, False, False]
    assert table.utilisation.tolist() == pytest.approx([w * 2 / 28 for w in (12, 6, 4, 2)])
    assert table.captured == 18 / 23


def test_a_shared_pe_trains_if_anything_in_it_does() -> None:
    network = map_network(LAYERS, PAIRS, "dense_pack")  # 'b' and 'c' share the third PE
    assert network.pe_count == 3
    trains = {**NOTHING, "c": np.ones((1, 2, 1), dtype=bool)}
    table = pe_table(network, trains)
    assert (table.layer.tolist(), table.trains.tolist()) == ([0, 0, 1], [False, False, True])
    assert [mask.tolist() for mask in trainable_pes(network, trains)] == [[False, False], [True], [True]]


def test_all_copies_count() -> None:
    network = map_network([linear("a", 4, 3, positions=4)], PAIRS, "replicate", pe_budget=3)
    table = pe_table(network, {"a": np.ones((1, 4, 3), dtype=bool)})
    assert (table.pe.tolist(), table.trains.tolist(), table.captured) == ([0, 1], [True, True], 0.0)
    assert pe_table(network).trains.all()
