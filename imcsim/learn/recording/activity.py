"""Measures how busy the arrays' inputs are: ones per bit plane, and vectors that are all zero.

Shape letters: B batch, L layers, b bits.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from imcsim.mapping.layer import LayerSpec


def magnitude_codes(values: Tensor, bits: int) -> Tensor:
    """Return int32 codes 0 .. 2^bits - 1 of the magnitudes, scaled by the tensor's largest magnitude."""
    magnitude = values.detach().float().abs()
    largest = magnitude.max()
    scale = ((1 << bits) - 1) / torch.where(largest > 0, largest, torch.ones_like(largest))
    return magnitude.mul_(scale).round_().to(torch.int32)


def zero_input_vectors(codes: Tensor, spec: LayerSpec) -> tuple[int, int]:
    """Return (all-zero, all) input vectors of a layer: im2col windows of a convolution, rows of a linear layer.

    A window is all zero if and only if its largest code is; zero padding counts as zero.
    """
    if spec.kind == "linear":
        largest = codes.amax(-1)
    else:
        grouped = _by_group(codes, spec).amax(2).float()
        padded = functional.pad(grouped, (spec.padding[1],) * 2 + (spec.padding[0],) * 2)
        largest = functional.max_pool2d(padded, spec.kernel, spec.stride, 0, spec.dilation)
    return int((largest == 0).sum()), largest.numel()


def zero_error_vectors(codes: Tensor, spec: LayerSpec) -> tuple[int, int]:
    """Return (all-zero, all) error vectors of a layer: one per output position (and group)."""
    largest = codes.amax(-1) if spec.kind == "linear" else _by_group(codes, spec).amax(2)
    return int((largest == 0).sum()), largest.numel()


def _by_group(codes: Tensor, spec: LayerSpec) -> Tensor:
    return codes.reshape(codes.shape[0], spec.groups, -1, *codes.shape[2:])


class Activity:
    """Running means over the sampled steps of one task, for inputs or for errors.

    Density is measured over the elements of the layer's own input (or output gradient), each once, not over im2col
    copies; the zero share over the vectors that enter the array.
    """

    def __init__(self, layer_count: int, bits: int) -> None:
        self.bits = bits
        self.codes = torch.zeros(layer_count, 1 << bits, dtype=torch.int64)  # how often each code was seen
        self.zero = torch.zeros(layer_count, dtype=torch.int64)
        self.vectors = torch.zeros(layer_count, dtype=torch.int64)

    def add(self, layer: int, codes: Tensor, vectors: tuple[int, int]) -> None:
        """Add one tensor of codes and its (all-zero, all) vectors."""
        self.codes[layer] += torch.bincount(codes.flatten(), minlength=1 << self.bits).cpu()
        self.zero[layer] += vectors[0]
        self.vectors[layer] += vectors[1]

    def take(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (density (L, b), zero share (L,)) of the task, 0 where nothing was measured, and start anew."""
        planes = (torch.arange(1 << self.bits)[:, None] >> torch.arange(self.bits)) & 1
        density = (self.codes @ planes).double() / self.codes.sum(1, keepdim=True).clamp(min=1)
        zero_share = self.zero.double() / self.vectors.clamp(min=1)
        for total in (self.codes, self.zero, self.vectors):
            total.zero_()
        return density.numpy(), zero_share.numpy()

    def state_dict(self) -> dict[str, Any]:
        """Return the running sums."""
        return {"codes": self.codes, "zero": self.zero, "vectors": self.vectors}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.codes, self.zero, self.vectors = state["codes"], state["zero"], state["vectors"]
