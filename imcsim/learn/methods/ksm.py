"""KSM: a soft mask of 2-D kernels for each task, on or damped, held in the cells themselves."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.learn.adapt.adaptor import Adaptor
from imcsim.learn.adapt.attach import attach
from imcsim.learn.adapt.decay import DecayConfig, DecayingMethod
from imcsim.learn.adapt.soft_kernels import Unit, expand_kernels, kernel_gate, kernels_of, latent_shape, soft_mask
from imcsim.learn.method import method
from imcsim.mapping.layer import LayerSpec


class KsmConfig(DecayConfig):
    """KSM's settings; defaults are those of LYang-666/CVPR_2021_KSM@135b675.

    Its rates, 2e-4, are for 30 epochs; how many steps these are is a design choice, the same as for Piggyback.

    Parameters
    ----------
    unit, group_size
        What shares a mask value: "kernel", a 2-D kernel; "group", ``group_size`` neighbouring kernels of one output,
        which with 3x3 kernels is a column segment of 72 rows; "channel", all kernels of one output, a whole column. The
        released code has all three; that groups and channels are of one output is our reading.
    initial, threshold
        Start of every latent value, and what it must reach to be on.
    steepness
        Of the training gate sigmoid(steepness (m - threshold)): 1200 over a temperature of 100.
    off_weight
        What a kernel that is off keeps of its scale.
    scale_range
        Over which values the scales are normalised: "off", kernels that are off, or "layer", as the released code does:
        the whole layer, with 0 for kernels that are on.
    scale_bits
        Bits of a stored scale (design choice: a float, as the other digital values).
    rate_decay
        As the base; the released code has "cosine", over 30 epochs.
    norm
        As the base; the released code trains batch-norm with each task.
    """

    full_rates: ClassVar[tuple[float, float]] = (2e-4, 2e-4)
    full_steps: ClassVar[int] = 5625

    unit: Unit = "kernel"
    group_size: int = Field(8, ge=1)
    initial: float = 0.01
    threshold: float = Field(0.005, ge=0)
    steepness: float = Field(12.0, gt=0)
    off_weight: float = Field(0.5, ge=0, le=1)
    scale_range: Literal["off", "layer"] = "off"
    scale_bits: int = Field(32, ge=1, le=32)


class KernelMask(Adaptor):
    """W^t = W * M, one value of M for each unit of 2-D kernels; in a linear layer a kernel is one weight."""

    where = "cells"

    def __init__(self, spec: LayerSpec, weight: Tensor, config: KsmConfig) -> None:
        super().__init__(spec)
        self.config = config
        self.together = kernels_of(config.unit, weight.shape[1], config.group_size)
        shape = latent_shape(weight.shape, self.together)
        self.latent = nn.Parameter(torch.full(shape, config.initial, dtype=weight.dtype, device=weight.device))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the masked weight."""
        c = self.config
        mask = soft_mask(self.latent, c.threshold, c.steepness, c.off_weight, c.scale_range == "layer")
        return weight * expand_kernels(mask, weight.shape[1], self.together)

    def bits(self) -> int:
        """Return one bit a unit, and a scale for each that is off."""
        gate = kernel_gate(self.latent.detach(), self.config.threshold, self.config.steepness)
        return self.latent.numel() + self.config.scale_bits * int((gate == 0).sum())


@method("ksm")
class Ksm(DecayingMethod[KsmConfig]):
    """Soft kernel masks on every mapped layer but the classifier; the backbone itself never changes.

    A damped kernel is a row segment of damped weights, which no periphery can apply for an array: the masked weights
    are what cells hold, and every task switch rewrites those that differ.
    """

    source = "KSM, CVPR 2021, pp. 13840-13848; LYang-666/CVPR_2021_KSM@135b675"
    act = "damped weight"

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        """Attach masks that are on everywhere."""
        return attach(network, image_shape, lambda spec, weight: KernelMask(spec, weight, self.config))
