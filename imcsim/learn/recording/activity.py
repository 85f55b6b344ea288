"""Measures how busy the arrays' inputs are: ones per bit plane, and vectors that are all zero.

Codes are counted by numpy on the CPU, wherever they come from: on bytes it is several times as fast as torch.

Shape letters: B batch, G groups, L layers, b bits.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from imcsim.mapping.layer import LayerSpec

Codes = NDArray[np.integer[Any]]

_LEAST = 2.0**-110  # below it, the scale of 16 bits could overflow float32


def magnitude_codes(values: Tensor, bits: int) -> Codes:
    """Return codes 0 .. 2^bits - 1 of the magnitudes, scaled by the tensor's largest magnitude.

    All are 0 if the largest is nothing to float32, or not finite: a run that diverges is told of by its loss.
    """
    magnitude = values.detach().float().abs()
    largest, dtype = float(magnitude.max()), np.uint8 if bits <= 8 else np.int32
    if not _LEAST < largest < np.inf:
        return np.zeros(magnitude.shape, dtype)
    scale = np.float32(1 / largest) * np.float32((1 << bits) - 1)  # rounded twice, as torch divides by a tensor
    codes: Codes = magnitude.mul_(float(scale)).round_().cpu().numpy().astype(dtype)
    return codes


def zero_input_vectors(codes: Codes, spec: LayerSpec) -> tuple[int, int]:
    """Return (all-zero, all) input vectors of a layer: im2col windows of a convolution, rows of a linear layer.

    A window is all zero if and only if its largest code is; zero padding counts as zero.
    """
    busy = _busy(codes, spec)
    return _zeros(busy if spec.kind == "linear" else _windows(busy, spec))


def zero_error_vectors(codes: Codes, spec: LayerSpec) -> tuple[int, int]:
    """Return (all-zero, all) error vectors of a layer: one per output position (and group)."""
    return _zeros(_busy(codes, spec))


def _zeros(busy: NDArray[np.bool_]) -> tuple[int, int]:
    return busy.size - int(np.count_nonzero(busy)), busy.size


def _busy(codes: Codes, spec: LayerSpec) -> NDArray[np.bool_]:
    """Return where any feature of a group is not 0: (...) of a linear layer, (B, G, H, W) of a convolution."""
    busy: NDArray[np.bool_] = codes != 0
    if spec.kind == "linear":
        rows: NDArray[np.bool_] = busy.any(-1)
        return rows
    busy = busy.reshape(len(codes), spec.groups, -1, *codes.shape[2:])
    while (features := busy.shape[2]) > 1:  # in halves: numpy's own reduction over a middle axis is slow
        half = features // 2
        joined = busy[:, :, :half] | busy[:, :, half : 2 * half]
        if features % 2:
            joined[:, :, 0] |= busy[:, :, -1]
        busy = joined
    return busy[:, :, 0]


def _windows(busy: NDArray[np.bool_], spec: LayerSpec) -> NDArray[np.bool_]:
    """Return which windows of ``busy`` (B, G, H, W) hold anything, rows joined first, then columns."""
    if any(spec.padding):
        (high, wide), (above, left) = busy.shape[2:], spec.padding
        padded = np.zeros((*busy.shape[:2], high + 2 * above, wide + 2 * left), bool)
        padded[:, :, above : above + high, left : left + wide] = busy
        busy = padded
    rows = reduce(np.logical_or, [busy[:, :, part] for part in _taps(busy.shape[2], spec, 0)])
    return reduce(np.logical_or, [rows[:, :, :, part] for part in _taps(busy.shape[3], spec, 1)])


def _taps(length: int, spec: LayerSpec, axis: int) -> list[slice]:
    """Return for each tap of the kernel along ``axis`` the places it meets, one a window."""
    kernel, stride, dilation = spec.kernel[axis], spec.stride[axis], spec.dilation[axis]
    span = length - dilation * (kernel - 1)
    return [slice(tap * dilation, tap * dilation + span, stride) for tap in range(kernel)]


class Activity:
    """Running means over the sampled steps of one task, for inputs or for errors.

    Density is measured over the elements of the layer's own input (or output gradient), each once, not over im2col
    copies; the zero share over the vectors that enter the array.
    """

    def __init__(self, layer_count: int, bits: int) -> None:
        self.bits = bits
        self.ones = np.zeros((layer_count, bits), np.int64)  # codes seen with this bit set
        self.seen, self.zero, self.vectors = (np.zeros(layer_count, np.int64) for _ in range(3))

    def add(self, layer: int, codes: Codes, vectors: tuple[int, int]) -> None:
        """Add one tensor of codes and its (all-zero, all) vectors."""
        self.ones[layer] += [np.count_nonzero(codes & (1 << bit)) for bit in range(self.bits)]
        self.seen[layer] += codes.size
        self.zero[layer] += vectors[0]
        self.vectors[layer] += vectors[1]

    def take(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (density (L, b), zero share (L,)) of the task, 0 where nothing was measured, and start anew."""
        density = self.ones / np.maximum(self.seen, 1)[:, None]
        zero_share = self.zero / np.maximum(self.vectors, 1)
        for total in (self.ones, self.seen, self.zero, self.vectors):
            total[:] = 0
        return density, zero_share

    def state_dict(self) -> dict[str, Any]:
        """Return the running sums."""
        return {"ones": self.ones, "seen": self.seen, "zero": self.zero, "vectors": self.vectors}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take back what :meth:`state_dict` gave, as a checkpoint has it: as tensors."""
        self.ones, self.seen = state["ones"].numpy(), state["seen"].numpy()
        self.zero, self.vectors = state["zero"].numpy(), state["vectors"].numpy()
