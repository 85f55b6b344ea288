"""Products of integer codes on bit-sliced arrays, with a conversion after every column, bit for bit."""

import torch

from imcsim.core.errors import ConfigError
from imcsim.crossbar.slicing.codes import Codes, as_tensor, check_range, like
from imcsim.crossbar.slicing.config import BitSliceConfig, check_config
from imcsim.crossbar.slicing.lowering import lowered, plain_conv2d
from imcsim.crossbar.slicing.programmed import SlicedWeights, plain_matrix, program_weights, sliced_product
from imcsim.crossbar.slicing.window import OneOrTwo, Padding, Window, window_of


def bit_sliced_matmul(x: Codes, w: Codes | SlicedWeights, config: BitSliceConfig | None = None) -> Codes:
    """Return the product that bit-sliced arrays with converters make of integer codes.

    Parameters
    ----------
    x
        Input codes (..., D), numpy or torch, any integer type.
    w
        Weight codes (D, N), of the same kind and device; or :func:`program_weights` of them, to read them many times.
    config
        Cells, cycles, row groups and converter; may be left out where ``w`` is programmed.

    Returns
    -------
    numpy array or torch tensor
        (..., N), int64. Equal to ``x @ w`` where no conversion clips or rounds.

    Raises
    ------
    ConfigError
        If codes are no integers or outside their range, or shapes, devices or configurations do not match.
    """
    inputs, codes, config = _operands(x, w, config)
    if len(codes.shape) != 2 or inputs.ndim < 1 or inputs.shape[-1] != codes.shape[0]:
        raise ConfigError(f"x (..., D) and w (D, N) must share D, given {tuple(inputs.shape)}, {tuple(codes.shape)}")
    inputs, x_peak, weights = _checked(inputs, codes, config)
    shape = (*inputs.shape[:-1], weights.shape[1])
    if 0 in (*inputs.shape, *weights.shape):
        return like(torch.zeros(shape, dtype=torch.int64, device=inputs.device), x)
    return like(sliced_product(inputs.reshape(-1, inputs.shape[-1]), x_peak, weights).view(shape), x)


def bit_sliced_conv2d(
    x: Codes,
    w: Codes | SlicedWeights,
    config: BitSliceConfig | None = None,
    stride: OneOrTwo = 1,
    padding: Padding = 0,
    dilation: OneOrTwo = 1,
    groups: int = 1,
) -> Codes:
    """Return the convolution that bit-sliced arrays with converters make of integer codes.

    Lowered to :func:`bit_sliced_matmul`: rows run over (channel, ky, kx), channel slowest; padding is with zeros. Each
    group of channels has arrays of its own.

    Parameters
    ----------
    x
        Input codes (B, C, H, W), or one image (C, H, W), numpy or torch, any integer type.
    w
        Weight codes (N, C / groups, kh, kw), of the same kind and device; or :func:`program_weights` of them.
    config
        Cells, cycles, row groups and converter; may be left out where ``w`` is programmed.
    stride, padding, dilation, groups
        As in a plain convolution of PyTorch: one number, or one along each axis; padding also ``"same"`` or
        ``"valid"``. Weights that were programmed know their groups.

    Returns
    -------
    numpy array or torch tensor
        (B, N, H', W'), or (N, H', W') of one image, int64.

    Raises
    ------
    ConfigError
        If codes are no integers or outside their range, shapes, devices or configurations do not match, or the kernel
        does not fit.
    """
    inputs, codes, config = _operands(x, w, config)
    one = inputs.ndim == 3
    images = inputs.unsqueeze(0) if one else inputs
    shapes = tuple(images.shape), tuple(codes.shape)
    window = window_of(*shapes, stride, padding, dilation, _own_groups(codes, groups))
    images, x_peak, weights = _checked(images, codes, config, window.groups)
    result = _convolved(images, x_peak, weights, window)
    return like(result[0] if one else result, x)


def _convolved(x: torch.Tensor, x_peak: int, weights: SlicedWeights, window: Window) -> torch.Tensor:
    """Return the convolution (B, N, H', W') of images within their range, group by group."""
    places = window.places(x.shape[2], x.shape[3])
    if 0 in (*x.shape, *weights.shape):
        return torch.zeros(len(x), weights.shape[0], *places, dtype=torch.int64, device=x.device)
    parts = zip(torch.chunk(x, window.groups, dim=1), weights.by_group, strict=True)
    found = [_group_convolved(channels, x_peak, own, window) for channels, own in parts]
    return found[0] if len(found) == 1 else torch.cat(found, dim=1)


def _group_convolved(x: torch.Tensor, x_peak: int, weights: SlicedWeights, window: Window) -> torch.Tensor:
    matrix = plain_matrix(weights)
    if matrix is not None:
        return plain_conv2d(x, matrix, window, x_peak)
    places = window.places(x.shape[2], x.shape[3])
    result = sliced_product(lowered(x, window), x_peak, weights)
    # one row for each output place: images and places apart again, outputs to the channel axis
    return result.view(-1, *places, weights.shape[0]).permute(0, 3, 1, 2).contiguous()


def _own_groups(w: torch.Tensor | SlicedWeights, groups: int) -> int:
    if not isinstance(w, SlicedWeights) or groups == w.groups:
        return groups
    if groups != 1:
        raise ConfigError(f"w was programmed with groups = {w.groups}, given groups = {groups!r}")
    return w.groups


def _operands(
    x: Codes, w: Codes | SlicedWeights, config: BitSliceConfig | None
) -> tuple[torch.Tensor, torch.Tensor | SlicedWeights, BitSliceConfig]:
    inputs = as_tensor(x, "x")
    if config is not None:
        check_config(config)
    if isinstance(w, SlicedWeights):
        if config not in (None, w.config):
            raise ConfigError("config must be the one that w was programmed with, or be left out")
        if inputs.device != w.device:
            raise ConfigError(f"x must be on {w.device}, where w was programmed, given {inputs.device}")
        return inputs, w, w.config
    codes = as_tensor(w, "w")
    if config is None:
        raise ConfigError("config must be given unless w is programmed")
    if isinstance(x, torch.Tensor) != isinstance(w, torch.Tensor) or inputs.device != codes.device:
        raise ConfigError("x and w must both be numpy arrays, or both be torch tensors on one device")
    return inputs, codes, config


def _checked(
    x: torch.Tensor, w: torch.Tensor | SlicedWeights, config: BitSliceConfig, groups: int = 1
) -> tuple[torch.Tensor, int, SlicedWeights]:
    """Return inputs within their range, in bytes if they fit, their largest magnitude, and programmed weights."""
    low, high = check_range(x, config.x_range, "x")
    narrow = x.to(torch.uint8) if not config.x_signed and config.x_bits <= 8 else x
    return narrow, max(-low, high), _programmed(w, config, groups)


def _programmed(w: torch.Tensor | SlicedWeights, config: BitSliceConfig, groups: int) -> SlicedWeights:
    return w if isinstance(w, SlicedWeights) else program_weights(w, config, groups)
