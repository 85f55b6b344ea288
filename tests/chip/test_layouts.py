"""Layouts: ``im2col`` by its axes and by its tiles is one thing; arrays come back; what a rule may not do."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.chip.layout import GridLayout, in_pes, pes_in, unit_sizes
from imcsim.chip.rule_layout import RuleLayout, cut_map
from imcsim.crossbar.encoding import Encoding
from imcsim.mapping import LayerSpec, map_network
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.network_map import NetworkMap
from imcsim.mapping.tile import Tile
from imcsim.testing.traces import linear_layer

SIZES = st.tuples(st.integers(1, 5), st.integers(1, 4))


def _pe(rows: int, weights: int, cell_bits: int = 2) -> PeGeometry:
    code = Encoding(sign="differential", weight_bits=8, cell_bits=cell_bits)
    return PeGeometry(rows=rows, cols=weights * code.cells_per_weight + 1, encoding=code)


def _layers(generator: np.random.Generator) -> tuple[LayerSpec, ...]:
    sides = generator.integers(1, 12, (2, 2))
    return tuple(linear_layer(f"l{i}", int(a), int(b)) for i, (a, b) in enumerate(sides))


@settings(max_examples=40, deadline=None)
@given(SIZES, SIZES, st.integers(0, 10**6))
def test_units_cut_by_axes_are_units_cut_tile_by_tile(unit: Any, size: Any, seed: int) -> None:
    """The layout of im2col, and the map of im2col in tiles of a unit, cut for another memory."""
    generator = np.random.default_rng(seed)
    layers, own = _layers(generator), _pe(*size)
    grid = GridLayout(layers, own, unit)
    there, of_home = cut_map(map_network(layers, _pe(*unit)), own)
    units = sum(-(-spec.fan_in // unit[0]) * -(-spec.outputs // unit[1]) for spec in layers)
    tiles = RuleLayout(there, "tiles", of_home(np.arange(units)))
    assert (grid.pe_count, sorted(grid.unit)) == (tiles.pe_count, sorted(tiles.unit))
    assert unit_sizes(grid).tolist() == unit_sizes(tiles).tolist()
    for layer, spec in enumerate(layers):
        values = generator.integers(0, 9, (3, *spec.matrix_shape))
        commits = np.array([1.0, 4.0, 2.0])
        mine, its = (_figures(one, layer, values, commits) for one in (grid, tiles))
        np.testing.assert_allclose(mine, its, rtol=1e-9)


def _figures(layout: Any, layer: int, values: Any, commits: Any) -> list[list[float]]:
    """Figures of each PE, in an order that does not hang on that of the PEs."""
    (events, rows), span = layout.written(values, commits, layer), layout.grid.layer_slices[layer]
    table = [
        layout.unit[span], layout.grid.rows[span], layout.grid.outputs[span], layout.grid.cells[span],
        *layout.sums(values, layer), layout.most(values[0], layer), *events, *rows,
    ]  # fmt: skip
    return sorted(np.array(table, dtype=float).T.round(9).tolist())


@settings(max_examples=30, deadline=None)
@given(SIZES, SIZES, st.sampled_from(["im2col", "dense_pack", "replicate"]), st.integers(0, 10**6))
def test_cells_come_back_from_their_arrays(unit: Any, size: Any, rule: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    layers, own = _layers(generator), _pe(*size)
    rules = map_network(layers, own, rule, pe_budget=400)
    for layout in (GridLayout(layers, own, unit), RuleLayout(rules, rule)):
        for layer, spec in enumerate(layers):
            cells = generator.integers(1, 99, (own.encoding.cells_per_weight, *spec.matrix_shape))
            arrays = layout.to_arrays(cells, layer)
            assert arrays.shape[1:] == (own.weight_rows, own.weight_cols * len(cells))
            assert arrays.sum() == cells.sum() * layout.copies[layer]
            np.testing.assert_array_equal(layout.from_arrays(arrays, layer), cells)
            span = layout.grid.layer_slices[layer]
            pes = generator.integers(0, 5, len(layout.grid.layer[span]))
            spread = layout.spread(pes, layer)[None]
            weights = layout.grid.weights[span]
            first = slice(len(pes) // int(layout.copies[layer]))
            assert layout.sums(spread, layer)[0][first].tolist() == (pes * weights)[first].tolist()


def test_a_unit_by_hand() -> None:
    """A unit of 3 x 4 weights in PEs of 2 x 3: runs of rows 2, 1 | 2, 1 | 1 and of outputs 3, 1 | 1."""
    layout = GridLayout((linear_layer("l", 7, 5),), _pe(2, 3), (3, 4))
    assert layout.grid.rows.reshape(5, 3)[:, 0].tolist() == [2, 1, 2, 1, 1]
    assert layout.grid.outputs.reshape(5, 3)[0].tolist() == [3, 1, 1]
    assert layout.unit.reshape(5, 3).tolist() == [[0, 0, 1], [0, 0, 1], [2, 2, 3], [2, 2, 3], [4, 4, 5]]
    assert unit_sizes(layout).tolist() == [4, 2, 4, 2, 2, 1]


def test_layers_that_share_a_pe_count_it_once() -> None:
    layers = (linear_layer("a", 2, 1), linear_layer("b", 2, 1))
    layout = RuleLayout(map_network(layers, _pe(4, 2), "dense_pack"), "packed")
    assert (layout.pe_count, layout.grid.count, layout.unit.tolist()) == (1, 2, [0, 0])
    assert in_pes(layout, np.array([[3, 4]])).tolist() == [[7]]
    assert pes_in(layout, np.array([[True, True], [True, False], [False, False]])).tolist() == [1, 1, 0]


def test_copies_are_a_unit_together_and_share_vectors() -> None:
    network_map = map_network((linear_layer("a", 4, 4, positions=3),), _pe(4, 2), "replicate", pe_budget=6)
    layout = RuleLayout(network_map, "copied")
    assert layout.copies.tolist() == [3]
    assert layout.unit.tolist() == [0, 1, 0, 1, 0, 1]
    assert layout.share is not None
    assert layout.share.tolist() == pytest.approx([1 / 3] * 6)


def test_copies_that_are_cut_otherwise_are_still_together() -> None:
    layer = linear_layer("a", 2, 2)
    tiles = (Tile(0, 0, range(2), range(2)), Tile(1, 0, range(2), (1,), copy=1), Tile(2, 0, range(2), (0,), copy=1))
    layout = RuleLayout(NetworkMap(_pe(4, 2), (layer,), (LayerMap((1, 2, 2), _pe(4, 2), tiles),)), "own")
    assert (layout.pe_count, layout.unit.tolist()) == (3, [0, 0, 0])


def test_a_pe_that_is_read_twice_has_two_passes() -> None:
    layer = linear_layer("a", 4, 1)  # rows 0, 1 and rows 2, 3 side by side on the same two word lines
    tiles = (Tile(0, 0, range(2), range(1)), Tile(0, 0, range(2, 4), range(1), col_offset=1))
    layout = RuleLayout(NetworkMap(_pe(2, 2), (layer,), (LayerMap((1, 4, 1), _pe(2, 2), tiles),)), "twice")
    assert layout.passes is not None
    assert layout.passes.tolist() == [2]
