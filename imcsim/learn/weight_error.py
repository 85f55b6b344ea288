"""Noise-aware training: the error that programming will leave on a weight, drawn anew in each forward pass."""

import torch
from torch import Tensor


class WeightError:
    """Draws Gaussian errors of ``spread`` code ranges (the largest code is 1) for weights of any shape."""

    def __init__(self, spread: float, generator: torch.Generator) -> None:
        self.spread, self.generator = spread, generator

    def draw(self, weight: Tensor, largest: float) -> Tensor | None:
        """Return one error for each weight, ``largest`` being the weight of the largest code; None if spread is 0."""
        if not self.spread:
            return None
        noise = torch.randn(weight.shape, generator=self.generator, device=self.generator.device)
        return noise.mul_(self.spread * largest).to(weight.device)
