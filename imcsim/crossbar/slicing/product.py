"""Products of integer codes on bit-sliced arrays, with a conversion after every column, bit for bit."""

import torch

from imcsim.core.errors import ConfigError
from imcsim.crossbar.slicing.codes import Codes, as_tensor, check_range, like
from imcsim.crossbar.slicing.config import BitSliceConfig
from imcsim.crossbar.slicing.lowering import plain_conv2d, windows
from imcsim.crossbar.slicing.programmed import SlicedWeights, plain_matrix, program_weights, sliced_product


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
    x: Codes, w: Codes | SlicedWeights, config: BitSliceConfig | None = None, stride: int = 1, padding: int = 0
) -> Codes:
    """Return the convolution that bit-sliced arrays with converters make of integer codes.

    Lowered to :func:`bit_sliced_matmul`: rows run over (channel, ky, kx), channel slowest; padding is with zeros.

    Parameters
    ----------
    x
        Input codes (B, C, H, W), numpy or torch, any integer type.
    w
        Weight codes (N, C, kh, kw), of the same kind and device; or :func:`program_weights` of them.
    config
        Cells, cycles, row groups and converter; may be left out where ``w`` is programmed.
    stride, padding
        As in a plain convolution, the same for both axes.

    Returns
    -------
    numpy array or torch tensor
        (B, N, H', W'), int64.

    Raises
    ------
    ConfigError
        If codes are no integers or outside their range, shapes, devices or configurations do not match, or the kernel
        does not fit.
    """
    inputs, codes, config = _operands(x, w, config)
    _check_conv(tuple(inputs.shape), tuple(codes.shape), stride, padding)
    inputs, x_peak, weights = _checked(inputs, codes, config)
    outputs, kernel = weights.shape[0], (weights.shape[2], weights.shape[3])
    height, width = ((inputs.shape[2 + i] + 2 * padding - kernel[i]) // stride + 1 for i in range(2))
    if 0 in (*inputs.shape, *weights.shape):
        return like(torch.zeros(len(inputs), outputs, height, width, dtype=torch.int64, device=inputs.device), x)
    matrix = plain_matrix(weights)
    if matrix is not None:
        return like(plain_conv2d(inputs, matrix, kernel, stride, padding, x_peak), x)
    result = sliced_product(windows(inputs, kernel, stride, padding), x_peak, weights)
    return like(result.view(-1, height, width, outputs).permute(0, 3, 1, 2).contiguous(), x)


def _operands(
    x: Codes, w: Codes | SlicedWeights, config: BitSliceConfig | None
) -> tuple[torch.Tensor, torch.Tensor | SlicedWeights, BitSliceConfig]:
    inputs = as_tensor(x, "x")
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
    x: torch.Tensor, w: torch.Tensor | SlicedWeights, config: BitSliceConfig
) -> tuple[torch.Tensor, int, SlicedWeights]:
    """Return inputs within their range, in bytes if they fit, their largest magnitude, and programmed weights."""
    low, high = check_range(x, config.x_range, "x")
    narrow = x.to(torch.uint8) if not config.x_signed and config.x_bits <= 8 else x
    return narrow, max(-low, high), w if isinstance(w, SlicedWeights) else program_weights(w, config)


def _check_conv(x: tuple[int, ...], w: tuple[int, ...], stride: int, padding: int) -> None:
    if len(x) != 4 or len(w) != 4 or x[1] != w[1]:
        raise ConfigError(f"x (B, C, H, W) and w (N, C, kh, kw) must share C, given {x}, {w}")
    if stride < 1 or padding < 0:
        raise ConfigError(f"stride must be >= 1 and padding >= 0, given {stride} and {padding}")
    if any(w[i] > x[i] + 2 * padding for i in (2, 3)):
        raise ConfigError(f"kernel {w[2:]} does not fit in {x[2:]} with padding {padding}")
