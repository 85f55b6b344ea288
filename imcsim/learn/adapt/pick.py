"""Picks: a binary mask over the weights of older tasks, while the others train."""

import torch
from torch import Tensor, nn

from imcsim.learn.adapt.adaptor import Adaptor
from imcsim.learn.adapt.masks import binary_mask
from imcsim.mapping.layer import LayerSpec


class Pick(Adaptor):
    """W * mask(m) where a weight belongs to an older task, W elsewhere."""

    where = "cells"
    old: Tensor

    def __init__(self, spec: LayerSpec, weight: Tensor, initial: float, threshold: float) -> None:
        super().__init__(spec)
        self.threshold = threshold
        self.latent = nn.Parameter(torch.full_like(weight, initial))
        self.register_buffer("old", torch.zeros_like(weight, dtype=torch.bool))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight with the old ones that are not picked at 0."""
        return torch.where(self.old, weight * binary_mask(self.latent, self.threshold), weight)

    def bits(self) -> int:
        """Return 1 bit for each weight of an older task."""
        return int(self.old.sum())

    def gradient_macs(self, vectors: int) -> int:
        """Return the multiply-accumulates of the old weights' gradients; those of the others are the weight's own."""
        return vectors * int(self.old.sum())
