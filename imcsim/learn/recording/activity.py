"""Measures how busy the arrays' inputs are: ones per bit plane, and vectors that are all zero.

Codes are counted by numpy on the CPU, wherever they come from: on bytes it is several times as fast as torch.

Shape letters: B batch, G groups, L layers, b bits.
"""

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imcsim.mapping.layer import LayerSpec

Codes = NDArray[np.integer[Any]]

_FEW = 1 << 15  # codes: where two ways to count take about the same time
_LEAST = 2.0**-110  # below it, the scale of 16 bits could overflow float32


def magnitude_codes(values: Tensor, bits: int) -> Codes:
    """Return codes 0 .. 2^bits - 1 of the magnitudes, scaled by the tensor's largest magnitude.

    All are 0 if the largest is nothing to float32, or not finite: a run that diverges is told of by its loss.
    """
    magnitude = np.abs(values.detach().to("cpu", torch.float32).numpy())
    largest, dtype = float(magnitude.max()), np.uint8 if bits <= 8 else np.int32
    if not _LEAST < largest < np.inf:
        return np.zeros(magnitude.shape, dtype)
    magnitude *= np.float32(1 / largest) * np.float32((1 << bits) - 1)  # in two roundings
    codes: Codes = np.rint(magnitude, out=magnitude).astype(dtype)
    return codes


def zero_input_vectors(codes: Codes, spec: LayerSpec) -> tuple[int, int]:
    """Return (all-zero, all) input vectors of a layer: im2col windows of a convolution, rows of a linear layer.

    A window is all zero if and only if its largest code is; zero padding counts as zero.
    """
    busy = _busy(codes, spec)
    if spec.kind == "linear":
        return _zeros(busy)
    within = all(p < k and d == 1 for p, k, d in zip(spec.padding, spec.kernel, spec.dilation, strict=True))
    if within and busy.all():  # every window meets the map
        high, wide = (len(_taps(busy.shape[axis + 2], spec, axis)[0]) for axis in (0, 1))
        return 0, busy.shape[0] * busy.shape[1] * high * wide
    return _zeros(_windows(busy, spec))


def zero_error_vectors(codes: Codes, spec: LayerSpec) -> tuple[int, int]:
    """Return (all-zero, all) error vectors of a layer: one per output position (and group)."""
    return _zeros(_busy(codes, spec))


def _zeros(busy: NDArray[np.bool_]) -> tuple[int, int]:
    return busy.size - int(np.count_nonzero(busy)), busy.size


def _busy(codes: Codes, spec: LayerSpec) -> NDArray[np.bool_]:
    """Return where any feature of a group is not 0: (...) of a linear layer, (B, G, H, W) of a convolution."""
    if spec.kind == "linear":
        joined = np.bitwise_or.reduce(codes, -1)
    else:
        maps = codes.shape[2:]
        joined = np.bitwise_or.reduce(codes.reshape(len(codes), spec.groups, -1, *maps), 2)
    busy: NDArray[np.bool_] = joined != 0
    return busy


def _windows(busy: NDArray[np.bool_], spec: LayerSpec) -> NDArray[np.bool_]:
    """Return which windows of ``busy`` (B, G, H, W) hold anything, rows joined first, then columns."""
    (high, wide), (above, left) = busy.shape[2:], spec.padding
    padded = np.zeros((*busy.shape[:2], high + 2 * above, wide + 2 * left), bool)
    padded[:, :, above : above + high, left : left + wide] = busy
    rows = reduce(np.logical_or, [padded[:, :, tap.start : tap.stop : tap.step] for tap in _taps(high, spec, 0)])
    return reduce(np.logical_or, [rows[..., tap.start : tap.stop : tap.step] for tap in _taps(wide, spec, 1)])


def _taps(length: int, spec: LayerSpec, axis: int) -> list[range]:
    """Return for each tap of the kernel along ``axis`` the places of the padded map that it meets, one a window."""
    kernel, stride, dilation = spec.kernel[axis], spec.stride[axis], spec.dilation[axis]
    span = length + 2 * spec.padding[axis] - dilation * (kernel - 1)
    return [range(tap * dilation, tap * dilation + span, stride) for tap in range(kernel)]


class Activity:
    """Running means over the sampled steps of one task, for inputs or for errors.

    Density is measured over the elements of the layer's own input (or output gradient), each once, not over im2col
    copies; the zero share over the vectors that enter the array.
    """

    def __init__(self, layer_count: int, bits: int) -> None:
        self.bits = bits
        self._planes = (np.arange(1 << bits)[:, None] >> np.arange(bits)) & 1
        self.ones = np.zeros((layer_count, bits), np.int64)  # codes seen with this bit set
        self.seen, self.zero, self.vectors = (np.zeros(layer_count, np.int64) for _ in range(3))

    def add(self, layer: int, codes: Codes, vectors: tuple[int, int]) -> None:
        """Add one tensor of codes and its (all-zero, all) vectors."""
        self.ones[layer] += self._ones_of(codes)
        self.seen[layer] += codes.size
        self.zero[layer] += vectors[0]
        self.vectors[layer] += vectors[1]

    def _ones_of(self, codes: Codes) -> NDArray[np.int64]:
        """Return how many codes have each bit set, (b,): few are counted by what they are, many bit by bit."""
        if codes.size > _FEW:
            return np.array([np.count_nonzero(codes & (1 << bit)) for bit in range(self.bits)])
        often = torch.bincount(torch.from_numpy(codes.reshape(-1)), minlength=1 << self.bits)
        ones: NDArray[np.int64] = often.numpy() @ self._planes
        return ones

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
