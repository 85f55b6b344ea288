"""LightCL's steps against sums written out by hand."""

import torch

from imcsim.learn.adapt.channels import channel_sums, feature_distance, largest_channels


def test_sums_run_over_samples_and_positions() -> None:
    output = torch.arange(-6.0, 6.0).view(2, 3, 1, 2)  # (B, N, H, W)
    by_hand = [abs(-6) + abs(-5) + 0 + 1, abs(-4) + abs(-3) + 2 + 3, abs(-2) + abs(-1) + 4 + 5]
    assert channel_sums(output, 1).tolist() == by_hand
    assert channel_sums(output.permute(0, 2, 3, 1), -1).tolist() == by_hand
    assert channel_sums(torch.tensor([[1.0, -2.0], [3.0, 0.0]]), -1).tolist() == [4, 2]


def test_the_earlier_of_equal_channels_is_chosen() -> None:
    sums = torch.tensor([1.0, 5.0, 2.0, 5.0, 5.0])
    assert largest_channels(sums, 0.4).tolist() == [False, True, False, True, False]


def test_one_channel_at_least_and_none_at_zero() -> None:
    sums = torch.tensor([3.0, 4.0])
    assert largest_channels(sums, 0.15).tolist() == [False, True]
    assert not largest_channels(sums, 0.0).any()
    assert int(largest_channels(torch.rand(64), 0.15).sum()) == 10  # 9.6


def test_distance_is_of_the_important_channels_alone_and_pulls_to_the_old() -> None:
    new = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]], requires_grad=True)  # (B, N, positions)
    old = torch.tensor([[[3.0, 2.0]], [[7.0, 8.0]]])
    important = torch.tensor([False, True])
    distance = feature_distance(new, old, important, 1)
    assert distance.item() == 4.0
    distance.backward()  # type: ignore[no-untyped-call]
    assert new.grad is not None
    assert new.grad.tolist() == [[[0, 0], [0, 4]], [[0, 0], [0, 0]]]
