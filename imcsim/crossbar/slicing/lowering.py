"""Convolutions as products: the windows of the images, and a plain convolution that is exact.

Shape letters: B images, C channels, H height, W width, N outputs, kh and kw kernel; a dash marks the result's sizes.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch.nn.functional import pad, unfold

from imcsim.crossbar.slicing.collapse import PlainMatrix
from imcsim.crossbar.slicing.window import Window

_COLUMNS_AT_ONCE = 1 << 19  # design choice: lowered images, 2 MiB in float32, stay in a core's second cache


def lowered(x: torch.Tensor, window: Window) -> torch.Tensor:
    """Return the inputs under the kernel (B * H' * W', C * kh * kw) at each place of images (B, C, H, W)."""
    padded = pad(x, window.sides).permute(0, 2, 3, 1).contiguous()
    height, width = window.places(x.shape[2], x.shape[3])
    found = torch.empty(len(x), height, width, x.shape[1], *window.kernel, dtype=x.dtype, device=x.device)
    # One pass a kernel place with channels innermost: eight times faster than one copy of overlapping views.
    for i in range(window.kernel[0]):
        for j in range(window.kernel[1]):
            rows, columns = (
                slice(k * d, k * d + s * (n - 1) + 1, s)
                for k, d, s, n in zip((i, j), window.dilation, window.stride, (height, width), strict=True)
            )
            # what kernel place (i, j) sees at every output place: every stride-th pixel from its own offset on
            found[..., i, j] = padded[:, rows, columns]
    return found.view(-1, x.shape[1] * window.kernel[0] * window.kernel[1])


def plain_conv2d(x: torch.Tensor, matrix: PlainMatrix, window: Window, x_peak: int) -> torch.Tensor:
    """Return the exact convolution (B, N, H', W'), int64, of images (B, C, H, W) up to ``x_peak``, in one group."""
    if window.before != window.after:
        x, window = pad(x, window.sides), replace(window, before=(0, 0), after=(0, 0))
    kind, pieces = matrix.plan(x_peak)
    w = matrix.floats.t().reshape(matrix.floats.shape[1], x.shape[1], *window.kernel)
    channels = len(matrix.floats) // pieces // (window.kernel[0] * window.kernel[1])
    if x.device.type == "cpu" and kind == torch.float32 and channels and _direct_is_exact():
        total = torch.zeros((), dtype=torch.int64, device=x.device)
        for c in range(0, x.shape[1], channels):
            part = _direct(x[:, c : c + channels].to(kind), w[:, c : c + channels], window).to(torch.int64)
            total = part if c == 0 else total.add_(part)
        return total
    return _unfolded(x, matrix, window, x_peak)


def _unfolded(x: torch.Tensor, matrix: PlainMatrix, window: Window, x_peak: int) -> torch.Tensor:
    """Return the convolution as products with a few lowered images at a time: exact on any device, in any type."""
    height, width = window.places(x.shape[2], x.shape[3])
    images = max(1, _COLUMNS_AT_ONCE // (len(matrix.floats) * height * width))
    parts = []
    for b in range(0, len(x), images):
        floats = x[b : b + images].to(torch.float32)
        columns = unfold(floats, window.kernel, window.dilation, window.before, window.stride)
        parts.append(matrix.product(columns.transpose(1, 2), x_peak).transpose(1, 2))
    return torch.cat(parts).reshape(len(x), -1, height, width)


def _direct(x: torch.Tensor, w: torch.Tensor, window: Window) -> torch.Tensor:
    """Return oneDNN's direct convolution: sums of products in some order, exact for integers below 2^24.

    torch.nn.functional.conv2d may choose transforms (Winograd, NNPACK), which round.
    """
    result: torch.Tensor = torch.ops.aten.mkldnn_convolution(
        x, w, None, window.before, window.stride, window.dilation, 1
    )
    return result


def _direct_is_exact() -> bool:
    """Tell whether oneDNN's convolution is there, in full precision."""
    backend: Any = torch.backends.mkldnn
    return backend.conv.fp32_precision in ("none", "ieee") and _direct_passes()


@lru_cache(maxsize=1)
def _direct_passes() -> bool:
    """Tell whether large sums of 12-bit codes come out right: transforms and narrower floats would round them."""
    generator = torch.Generator("cpu").manual_seed(0)
    with torch.device("cpu"):
        x = torch.randint(3000, 4096, (2, 56, 12, 12), generator=generator).to(torch.float64)
        w = torch.randint(5, 9, (32, 56, 3, 3), generator=generator).to(torch.float64)
    try:
        direct = _direct(x.to(torch.float32), w.to(torch.float32), Window((3, 3), before=(1, 1))).to(torch.float64)
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    return torch.equal(direct.flatten(2), w.flatten(1) @ unfold(x, (3, 3), padding=1))
