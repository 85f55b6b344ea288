"""The PE-wise correlation score, on subspaces known by construction."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from imcsim.core.errors import ConfigError
from imcsim.learn.placing.correlation import basis, correlation, gram_macs, input_vectors, projection_macs, row_grams
from imcsim.learn.placing.pe_blocks import column_sums, expand, pe_counts, pe_norms, trainable_pes
from imcsim.learn.shapes import weight_matrix
from imcsim.mapping.layer import LayerSpec


def _linear(fan_in: int, outputs: int) -> LayerSpec:
    return LayerSpec(
        name="l",
        kind="linear",
        in_features=fan_in,
        out_features=outputs,
        input_elements=fan_in,
        output_elements=outputs,
    )


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _bases(vectors: Tensor, rows: int, threshold: float = 0.97) -> list[list[Tensor]]:
    return [[basis(gram, threshold) for gram in group] for group in row_grams(vectors, rows)]


def test_a_gradient_inside_the_span_scores_one_and_outside_zero() -> None:
    inputs = torch.zeros(5, 1, 4, dtype=torch.float64)
    inputs[:, 0, 0], inputs[:, 0, 1] = 1.0, torch.arange(5.0)
    bases = _bases(inputs, 4, 1.0)
    inside, outside = torch.zeros(1, 4, 3), torch.zeros(1, 4, 3)
    inside[0, :2], outside[0, 2:] = _random(2, 3).float(), _random(2, 3, seed=1).float()
    assert correlation(inside, bases, (4, 3)).item() == pytest.approx(1.0)
    assert correlation(outside, bases, (4, 3)).item() == pytest.approx(0.0, abs=1e-12)
    assert correlation(inside + outside, bases, (4, 3)).item() == pytest.approx(
        (inside.norm() / (inside + outside).norm()).item()
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-30, 1e30))
def test_score_grows_with_rank_and_ignores_the_gradients_scale(seed: int, scale: float) -> None:
    full = basis(row_grams(_random(20, 1, 6, seed=seed), 6)[0][0], 1.0)
    gradient = _random(1, 6, 5, seed=seed + 1)
    by_rank = [correlation(gradient, [[full[:, :rank]]], (6, 2)) for rank in range(7)]
    for lower, higher in pairwise(by_rank):
        assert (higher >= lower - 1e-12).all()
    assert by_rank[0].max() == 0
    assert torch.allclose(by_rank[6], torch.ones_like(by_rank[6]))
    assert torch.allclose(correlation(gradient * scale, [[full[:, :3]]], (6, 2)), by_rank[3])


def test_one_pe_over_the_layer_gives_the_layer_wise_ratio() -> None:
    inputs, gradient = _random(30, 1, 8), _random(1, 8, 5, seed=1)
    bases = _bases(inputs, 8, 0.8)
    b = bases[0][0]
    projected = b @ b.T @ gradient[0]
    assert 0 < b.shape[1] < 8
    expected = (projected.norm() / gradient.norm()).item()
    assert correlation(gradient, bases, (8, 5)).item() == pytest.approx(expected)


def test_every_pe_is_scored_on_its_own_slice() -> None:
    inputs, gradient = _random(40, 2, 7, seed=2), _random(2, 7, 5, seed=3)
    bases = _bases(inputs, 3, 0.7)
    scores = correlation(gradient, bases, (3, 2))
    assert scores.shape == (2, 3, 3)
    for g in range(2):
        for i in range(3):
            for j in range(3):
                block = gradient[g, 3 * i : 3 * i + 3, 2 * j : 2 * j + 2]
                expected = (bases[g][i] @ bases[g][i].T @ block).norm() / block.norm()
                assert scores[g, i, j].item() == pytest.approx(expected.item())


def test_a_zero_gradient_scores_one_and_a_zero_input_zero() -> None:
    bases = _bases(_random(9, 1, 4), 4)
    assert correlation(torch.zeros(1, 4, 2), bases, (4, 2)).item() == 1.0
    nothing = _bases(torch.zeros(9, 1, 4), 4)
    assert nothing[0][0].shape == (4, 0)
    assert correlation(torch.ones(1, 4, 2), nothing, (4, 2)).item() == 0.0
    assert correlation(torch.zeros(1, 4, 2), nothing, (4, 2)).item() == 1.0


def test_rank_is_the_smallest_that_holds_the_energy() -> None:
    gram = torch.diag(torch.tensor([1.0, 70.0, 9.0, 20.0], dtype=torch.float64))
    assert [basis(gram, threshold).shape[1] for threshold in (0.5, 0.70, 0.71, 0.90, 0.91, 0.99, 1.0)] == [
        1, 1, 2, 2, 3, 3, 4,
    ]  # fmt: skip
    assert basis(gram, 0.7).abs().flatten().tolist() == pytest.approx([0, 1, 0, 0])


@pytest.mark.parametrize(("groups", "stride", "padding", "dilation"), [(1, 1, 0, 1), (2, 2, 1, 1), (4, 1, 2, 2)])
def test_input_vectors_times_the_weight_matrix_is_the_convolution(
    groups: int, stride: int, padding: int, dilation: int
) -> None:
    x, weight = _random(3, 4, 6, 5), _random(8, 4 // groups, 3, 2, seed=1)
    y = F.conv2d(x, weight, None, stride, padding, dilation, groups)
    spec = LayerSpec(
        name="c", kind="conv2d", in_features=4, out_features=8, kernel=(3, 2), stride=(stride, stride),
        padding=(padding, padding), dilation=(dilation, dilation), groups=groups, positions=y[0, 0].numel(),
        input_elements=120, output_elements=y[0].numel(),
    )  # fmt: skip
    vectors = input_vectors(x, spec)
    assert vectors.shape == (3 * spec.positions, groups, spec.fan_in)
    product = torch.einsum("ngd,gdo->ngo", vectors, weight_matrix(weight, spec))
    assert torch.allclose(product.reshape(3, spec.positions, 8), y.flatten(2).transpose(1, 2))
    assert input_vectors(_random(2, 5, 4), _linear(4, 3)).shape == (10, 1, 4)


def test_scoring_macs_by_hand() -> None:
    spec = _linear(5, 7)
    assert gram_macs(spec, 4, 10) == 10 * 16 + 288 + 10 * 1 + 4  # 4.5 * 4^3 = 288; 4.5 rounds to even
    bases = [[torch.zeros(4, 3), torch.zeros(1, 1)]]
    assert projection_macs(spec, bases) == (4 * 3 + 4 + 3 + 1 + 1 + 1) * 7


def test_pe_blocks_by_hand() -> None:
    spec = _linear(3, 4)
    assert pe_counts(spec, (2, 3)) == (1, 2, 2)
    pes = torch.tensor([[[1, 2], [3, 4]]])
    assert expand(pes, spec, (2, 3)).tolist() == [[[1, 1, 1, 2], [1, 1, 1, 2], [3, 3, 3, 4]]]
    assert column_sums(torch.tensor([[1.0, 2.0, 3.0, 4.0]]), 3).tolist() == [[6.0, 4.0]]
    matrix = torch.tensor([[[1.0, 2.0, 2.0, 3.0], [0.0, 0.0, 0.0, 4.0], [0.0, 0.0, 0.0, 1.0]]])
    assert pe_norms(matrix, (2, 3)).tolist() == [[[3.0, 5.0], [0.0, 1.0]]]


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_exactly_the_wanted_share_of_pes_is_frozen(fraction: float, first: int, second: int, seed: int) -> None:
    scores = {"a": _random(1, first, 3, seed=seed), "b": _random(2, second, 1, seed=seed + 1)}
    trains = trainable_pes(scores, fraction, {"a": True, "b": True})
    total = first * 3 + second * 2
    frozen = torch.cat([scores[name][~trains[name]] for name in scores])
    kept = torch.cat([scores[name][trains[name]] for name in scores])
    assert len(frozen) == round(fraction * total)
    if len(frozen) and len(kept):
        assert frozen.min() >= kept.max()


def test_ties_freeze_the_earlier_pe_and_layers_can_have_a_share_each() -> None:
    scores = {"a": torch.zeros(1, 2, 2), "b": torch.zeros(1, 1, 2)}
    assert trainable_pes(scores, 0.5, {"a": True, "b": True})["a"].tolist() == [[[False, False], [False, True]]]
    each = trainable_pes(scores, 0.5, {"a": True, "b": True}, per_layer=True)
    assert [int((~mask).sum()) for mask in each.values()] == [2, 1]
    skipped = trainable_pes(scores, 0.5, {"a": True, "b": False}, per_layer=True)
    assert skipped["b"].all()


def test_an_unreachable_share_is_refused() -> None:
    scores = {"a": torch.zeros(1, 2, 2), "b": torch.zeros(1, 1, 2)}
    message = r"freeze 5 of 6 PEs, but only 4 may be frozen; lower frozen_fraction to at most 0.667"
    with pytest.raises(ConfigError, match=message):
        trainable_pes(scores, 0.8, {"a": True, "b": False})
    assert not trainable_pes(scores, 4 / 6, {"a": True, "b": False})["a"].any()
