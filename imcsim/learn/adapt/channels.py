"""Channels worth remembering: the steps of LightCL on plain tensors.

A layer's output is (B, N, ...) for a convolution, (B, ..., N) for a linear layer; N: channels.
"""

import torch
from torch import Tensor


def channel_sums(output: Tensor, channel: int) -> Tensor:
    """Return (N,): the sum of |output| over samples and positions; ``channel`` is the axis of the channels."""
    return output.detach().abs().transpose(0, channel).flatten(1).sum(1)


def largest_channels(sums: Tensor, ratio: float) -> Tensor:
    """Return a bool (N,) of the max(1, round(ratio * N)) channels of largest sum; among equal ones, the earlier.

    The number is rounded half to even; a ratio of 0 chooses none.
    """
    chosen = torch.zeros(len(sums), dtype=torch.bool, device=sums.device)
    if ratio > 0:
        count = max(1, round(ratio * len(sums)))
        chosen[torch.argsort(sums, descending=True, stable=True)[:count]] = True
    return chosen


def feature_distance(new: Tensor, old: Tensor, important: Tensor, channel: int) -> Tensor:
    """Return the scalar sum of (new - old)^2 over the ``important`` (N,) channels, all positions and samples.

    ``old`` holds the important channels only; ``new`` all of them.
    """
    kept = new.index_select(channel, important.nonzero().squeeze(1))
    return (kept - old).square().sum()
