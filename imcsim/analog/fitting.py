"""What may come into a layer on PEs: floats on its device, of its fan-in; what is harmless is cast."""

import torch
from torch import Tensor, nn

from imcsim.core.errors import CrossbarError


def fitted_inputs(x: Tensor, layer: nn.Module, name: str) -> tuple[Tensor, bool]:
    """Return inputs as batches in the type of the layer's weights, and whether they came as a batch.

    Parameters
    ----------
    x
        (..., D) for a linear layer; (B, C, H, W), or one image (C, H, W), for a convolution. Floats of another type
        become those of the weights, unless autocast chooses types.

    Raises
    ------
    CrossbarError
        If ``x`` holds no floats, is on another device or has another number of features or channels.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        given = f"a tensor of {x.dtype}" if isinstance(x, Tensor) else f"a {type(x).__name__}"
        raise CrossbarError(f"layer '{name}' needs inputs of floats, got {given}; x.float() makes them")
    weight: Tensor = layer.weight  # type: ignore[assignment]
    if x.device != weight.device:
        raise CrossbarError(f"layer '{name}' is on {weight.device}, its input on {x.device}; move one of them")
    if isinstance(layer, nn.Conv2d):
        _check_images(x, layer, name)
        batched = x.dim() == 4
    else:
        features = weight.shape[1]
        if not x.dim() or x.shape[-1] != features:
            raise CrossbarError(f"layer '{name}' needs inputs (..., {features}), got {tuple(x.shape)}")
        batched = x.dim() > 1
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        x = x.to(weight.dtype)
    return x if batched else x.unsqueeze(0), batched


def _check_images(x: Tensor, layer: nn.Conv2d, name: str) -> None:
    if x.dim() not in (3, 4) or x.shape[-3] != layer.in_channels:
        one = f"({layer.in_channels}, H, W)"
        raise CrossbarError(
            f"layer '{name}' needs images (B, {layer.in_channels}, H, W) or {one}, got {tuple(x.shape)}"
        )
    padding = layer._reversed_padding_repeated_twice
    spans = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    height, width = x.shape[-2] + padding[2] + padding[3], x.shape[-1] + padding[0] + padding[1]
    if height < spans[0] or width < spans[1]:
        raise CrossbarError(
            f"layer '{name}' has a kernel over {spans[0]} x {spans[1]} pixels, which does not fit in padded images of "
            f"{height} x {width}"
        )
