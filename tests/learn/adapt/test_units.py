"""NISPA's steps against the paper's rules in plain Python, ties included."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from imcsim.core.errors import ConfigError
from imcsim.learn.adapt.sparse_units import SparseUnits
from imcsim.learn.adapt.units import (
    connection_weights,
    draw_connections,
    drop,
    grow,
    input_units,
    stable_share,
    stable_units,
)
from imcsim.learn.shapes import trace_layers
from tests.learn.helpers import tiny_net

T, F = True, False


def test_tau_follows_half_a_cosine() -> None:
    assert [stable_share(k, 30) for k in (0, 15, 30, 40)] == pytest.approx([1, 0.5, 0, 0])
    assert stable_share(1, 30) == pytest.approx(0.5 * (1 + math.cos(math.pi / 30)))


def test_the_fewest_units_that_cover_the_share() -> None:
    activation = torch.tensor([1.0, 4.0, 2.0, 3.0])
    assert stable_units(activation, 0.4).tolist() == [F, T, F, F]  # 4 of 10 is just enough
    assert stable_units(activation, 0.41).tolist() == [F, T, F, T]
    assert stable_units(activation, 1.0).tolist() == [T, T, T, T]
    assert not stable_units(activation, 0.0).any()


def test_the_earlier_of_equal_units_is_stable_and_silent_ones_never() -> None:
    assert stable_units(torch.tensor([2.0, 2.0, 2.0, 0.0]), 0.5).tolist() == [T, T, F, F]
    assert stable_units(torch.tensor([0.0, 3.0, 0.0]), 1.0).tolist() == [F, T, F]
    assert not stable_units(torch.zeros(3), 1.0).any()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(0, 8))
def test_stable_units_by_hand(activity: list[int], eighths: int) -> None:
    covered, wanted = 0, set()
    for value, place in sorted((-v, p) for p, v in enumerate(activity)):
        if covered < eighths / 8 * sum(activity) and value:
            wanted.add(place)
            covered -= value
    chosen = stable_units(torch.tensor([float(v) for v in activity]), eighths / 8)
    assert set(chosen.nonzero().flatten().tolist()) == wanted


def test_plastic_to_stable_goes_and_nothing_else() -> None:
    connections = torch.tensor([[T, T, F], [T, T, T]])
    kept = drop(connections, torch.tensor([T, F]), torch.tensor([F, T, T]))
    assert kept.tolist() == [[F, T, F], [T, T, T]]


def test_growth_goes_to_plastic_units_and_tells_what_is_left() -> None:
    connections = torch.tensor([[T, F], [T, F], [F, F]])
    plastic = torch.tensor([F, T, T])
    grown, left = grow(connections, plastic, 2, torch.Generator().manual_seed(0))
    assert left == 0
    assert int(grown.sum()) == 4
    assert grown[0].tolist() == [T, F]
    assert (connections & ~grown).sum() == 0
    assert grow(connections, plastic, 5, torch.Generator())[1] == 2


def test_density_is_a_count_of_connections() -> None:
    for density, count in ((0.1, 3), (0.01, 1), (1.0, 30)):
        assert int(draw_connections((5, 6), density, torch.Generator()).sum()) == count


def test_a_connection_is_a_kernel_or_the_weights_of_a_flattened_channel() -> None:
    connections = torch.tensor([[T, F]])
    assert connection_weights(connections, torch.Size((1, 2, 1, 2))).tolist() == [[[[T, T]], [[F, F]]]]
    assert connection_weights(connections, torch.Size((1, 6))).tolist() == [[T, T, T, F, F, F]]


def _small() -> SparseUnits:
    layers = trace_layers(tiny_net(), (1, 4, 4))
    units = SparseUnits()
    units.start(layers, input_units(layers, "nispa"), 0.5, ["first"], torch.Generator().manual_seed(0))
    return units


def test_a_round_keeps_the_number_of_hidden_connections_and_cuts_the_classes_from_plastic_units() -> None:
    units = _small()
    assert {name: tuple(mask.shape) for name, mask in units.connections.items()} == {
        "first": (3, 1),
        "second": (2, 3),
        "head": (4, 2),
    }
    units.connections["second"] = torch.tensor([[T, T, F], [F, F, T]])
    units.candidates = {"first": torch.tensor([T, F, F]), "second": torch.tensor([T, F])}
    grown = units.rewire((0, 1), torch.Generator().manual_seed(0))
    assert units.connections["second"][0].tolist() == [T, F, F]  # it read a plastic unit
    assert int(units.connections["second"][1].sum()) == 2
    assert int(grown["second"].sum()) == 1
    assert units.connections["head"].tolist() == [[T, F], [T, F], [T, T], [T, T]]


def test_left_over_connections_move_to_other_layers_or_are_lost() -> None:
    for leftover, count in (("next-layers", 1), ("lost", 0)):
        units = _small()
        units.connections["first"] = torch.tensor([[T], [T], [F]])
        units.connections["second"] = torch.tensor([[T, T, T], [F, T, F]])
        units.candidates = {"first": torch.tensor([T, T, F]), "second": torch.tensor([T, T])}
        grown = units.rewire((0,), torch.Generator(), leftover)  # type: ignore[arg-type]
        assert units.connections["second"].tolist() == [[T, T, F], [F, T, F]]
        assert int(grown["first"].sum()) == count


def test_a_layer_that_cannot_read_the_one_before_is_refused() -> None:
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.AdaptiveAvgPool2d((1, 4)), nn.Flatten(2), nn.Linear(4, 2))
    with pytest.raises(ConfigError, match="'3' with 4 inputs cannot read the 3 units of '0'"):
        input_units(trace_layers(network, (1, 4, 4)), "nispa")
    grouped = nn.Sequential(nn.Conv2d(2, 4, 3, groups=2), nn.Flatten(), nn.Linear(16, 2))
    with pytest.raises(ConfigError, match="without groups, but '0' has 2"):
        input_units(trace_layers(grouped, (2, 4, 4)), "nispa")
