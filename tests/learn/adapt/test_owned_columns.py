"""Pruning by column segments against a plain-Python reading, ties and a short last tile included."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from imcsim.learn.adapt.owned_columns import prune_segments, segment_means, segments
from imcsim.learn.adapt.owners import Ties
from imcsim.mapping.layer import LayerSpec


def _spec(inputs: int, outputs: int) -> LayerSpec:
    return LayerSpec(
        name="l",
        kind="linear",
        in_features=inputs,
        out_features=outputs,
        input_elements=inputs,
        output_elements=outputs,
    )


def _by_hand(weight: Tensor, owner: Tensor, share: float, rows: int, ties: Ties) -> list[list[int]]:
    """Task 1 frees its smallest segments; weight and owner are (N, D)."""
    outputs, inputs = weight.shape
    places = [(i, n) for i in range(0, inputs, rows) for n in range(outputs)]
    parts = {(i, n): [abs(v) for v in weight[n, i : i + rows].tolist()] for i, n in places}
    mean = {place: sum(part) / len(part) for place, part in parts.items()}
    own = [(i, n) for i, n in places if set(owner[n, i : i + rows].tolist()) == {2}]
    ranked = sorted(own, key=lambda place: (mean[place], places.index(place)))
    gone = ranked[: round(share * len(own))]
    if ties == "all" and gone:
        gone = [place for place in own if mean[place] <= mean[gone[-1]]]
    expected = owner.clone()
    for i, n in gone:
        expected[n, i : i + rows] = 0
    return expected.tolist()


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.floats(0, 1), st.sampled_from(["count", "all"]))
def test_the_smallest_segments_of_the_task_go(inputs: int, outputs: int, rows: int, share: float, ties: Ties) -> None:
    generator = torch.Generator().manual_seed(inputs * 100 + outputs * 10 + rows)
    weight = torch.randint(-2, 3, (outputs, inputs), generator=generator).float()
    tiles = torch.randint(0, 3, (outputs, -(-inputs // rows)), generator=generator)
    owner = tiles.repeat_interleave(rows, 1)[:, :inputs]
    before = owner.clone()
    found = prune_segments(weight, owner, 1, share, _spec(inputs, outputs), rows, ties)
    assert found.tolist() == _by_hand(weight, owner, share, rows, ties)
    assert torch.equal(owner, before)


def test_a_mean_is_over_the_rows_that_are_there() -> None:
    values = torch.tensor([[1.0, 3.0, 5.0], [2.0, 2.0, 8.0]])
    assert segment_means(values, _spec(3, 2), 2).tolist() == [[[2.0, 2.0], [5.0, 8.0]]]


@pytest.mark.parametrize(("rows", "count"), [(1, 6), (2, 4), (3, 2), (99, 2)])
def test_segments_of_a_layer(rows: int, count: int) -> None:
    assert segments(_spec(3, 2), rows) == count
