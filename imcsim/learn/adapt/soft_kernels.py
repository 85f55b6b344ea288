"""KSM's steps on plain tensors: a mask of 2-D kernels that damps what it does not pass.

Source: KSM (CVPR 2021, pp. 13840-13848); LYang-666/CVPR_2021_KSM@135b675. A latent value m per kernel, a threshold t.
Shape letters: N outputs, M inputs of one output.
"""

from typing import Literal

import torch
from torch import Tensor

from imcsim.learn.adapt.adaptor import straight_through

Unit = Literal["kernel", "group", "channel"]


def kernels_of(unit: Unit, inputs: int, group: int) -> int:
    """Return how many 2-D kernels of one output share a mask value: 1, ``group``, or all ``inputs``."""
    return {"kernel": 1, "group": group, "channel": inputs}[unit]


def latent_shape(weight: torch.Size, together: int) -> tuple[int, ...]:
    """Return (N, ceil(M / ``together``), 1, 1): one value for each ``together`` kernels of an output.

    ``weight`` is (N, M, kh, kw); (N, M) of a linear layer gives (N, ceil(M / together)).
    """
    return (weight[0], -(-weight[1] // together), *(1,) * (len(weight) - 2))


def expand_kernels(values: Tensor, inputs: int, together: int) -> Tensor:
    """Return ``values`` (N, ceil(M / together), ...) for each kernel, (N, M, ...); the last value may serve fewer."""
    return values if together == 1 else values.repeat_interleave(together, 1)[:, :inputs]


def kernel_gate(latent: Tensor, threshold: float, steepness: float) -> Tensor:
    """Return b: 1 where ``latent`` >= ``threshold``, else 0; a latent equal to the threshold is on.

    The gradient is that of u = sigmoid(``steepness`` (m - t)). The released code takes u >= 0.5 in training and m >= t
    in evaluation, which is the same but for rounding; here it is m >= t throughout, so that what is trained is what is
    served.
    """
    soft = torch.sigmoid(steepness * (latent - threshold))
    return straight_through((latent >= threshold).to(latent.dtype), soft)


def off_scale(latent: Tensor, on: Tensor, zeros_in_range: bool = False) -> Tensor:
    """Return the scale of each kernel that is off, in 0 .. 1, and 0 for kernels that are on; without gradient.

    The latents of kernels that are off are min-max normalised over the layer. Where all of them are equal, the scale is
    0: the lowest value gets 0 in every other case, too. If none is off, all scales are 0.

    Parameters
    ----------
    latent
        The whole layer's latents.
    on
        The gate, same shape: what is not 0 is on.
    zeros_in_range
        Take minimum and maximum over the whole layer, with 0 for every kernel that is on, and leave a latent of exactly
        0 at 0, as the released code does; scales can then lie anywhere in 0 .. 1 without reaching both ends.
    """
    off = on.detach() == 0
    values = latent.detach() * off
    if not bool(off.any()):
        return torch.zeros_like(values)
    among = values if zeros_in_range else values[off]
    lowest, highest = among.min(), among.max()
    span = highest - lowest
    scaled = (values - lowest) / torch.where(span > 0, span, torch.ones_like(span))
    normalised = off & (values != 0) if zeros_in_range else off
    return torch.where(normalised, scaled, torch.zeros_like(scaled))


def soft_mask(
    latent: Tensor, threshold: float, steepness: float, off_weight: float, zeros_in_range: bool = False
) -> Tensor:
    """Return M = b + ``off_weight`` x a: the gate, and for what is off a part of its scale."""
    gate = kernel_gate(latent, threshold, steepness)
    return gate + off_weight * off_scale(latent, gate, zeros_in_range)
