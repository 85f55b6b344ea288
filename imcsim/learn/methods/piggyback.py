"""Piggyback: one binary (or ternary) mask over the frozen weights for each task, held in the cells themselves."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.learn.adapt.adaptor import Adaptor
from imcsim.learn.adapt.attach import attach
from imcsim.learn.adapt.decay import DecayConfig, DecayingMethod
from imcsim.learn.adapt.masks import binary_mask, ternary_mask
from imcsim.learn.method import method
from imcsim.mapping.layer import LayerSpec


class PiggybackConfig(DecayConfig):
    """Piggyback's settings; defaults are those of arunmallya/piggyback@5a6094c.

    Its rates, 1e-4, are for 30 epochs; how many steps these are is a design choice: 6,000 images in batches of 32.

    Parameters
    ----------
    kind
        "binary" (0, 1) or "ternary" (-1, 0, 1).
    initial, threshold
        Start of every latent value, and what it must exceed to be on.
    rate_decay
        As the base; the released code has "step", over 30 epochs.
    norm
        As the base; the paper freezes batch-norm by default.
    """

    full_rates: ClassVar[tuple[float, float]] = (1e-4, 1e-4)
    full_steps: ClassVar[int] = 5625

    kind: Literal["binary", "ternary"] = "binary"
    initial: float = 0.01
    threshold: float = Field(0.005, ge=0)
    norm: Literal["per-task", "frozen"] = "frozen"


class ElementMask(Adaptor):
    """W^t = W * mask(m), element by element: a closed weight is a cell at its lowest level."""

    where = "cells"

    def __init__(self, spec: LayerSpec, weight: Tensor, config: PiggybackConfig) -> None:
        super().__init__(spec)
        self.kind, self.threshold = config.kind, config.threshold
        self.latent = nn.Parameter(torch.full_like(weight, config.initial))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the masked weight."""
        mask = binary_mask if self.kind == "binary" else ternary_mask
        return weight * mask(self.latent, self.threshold)

    def bits(self) -> int:
        """Return 1 bit a weight, 2 for a ternary mask."""
        return self.latent.numel() * (1 if self.kind == "binary" else 2)


@method("piggyback")
class Piggyback(DecayingMethod[PiggybackConfig]):
    """Masks on every mapped layer but the classifier; each task has its own, the backbone never changes.

    An array cannot close single cells of a column, so the masked weights are what cells hold: training a mask writes
    cells whose mask flips, and so does every task switch.
    """

    source = "Piggyback, ECCV 2018; arunmallya/piggyback@5a6094c"
    act = "masked weight"

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        """Attach a mask that is on everywhere."""
        return attach(network, image_shape, lambda spec, weight: ElementMask(spec, weight, self.config))
