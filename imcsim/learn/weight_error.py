"""Noise-aware training: the error that programming will leave on a weight, drawn anew in each forward pass."""

from functools import partial

import torch
from torch import Tensor

from imcsim.crossbar.quantise import CodeError


class WeightError:
    """Draws Gaussian errors of ``spread`` code ranges (the largest code is 1) for weights of any shape."""

    def __init__(self, spread: float, generator: torch.Generator) -> None:
        self.spread, self.generator = spread, generator

    def of_codes(self, largest: float) -> CodeError | None:
        """Return what draws an error for each code, ``largest`` being the weight of the largest; None for no errors."""
        return partial(self.draw, largest) if self.spread else None

    def draw(self, largest: float, codes: Tensor) -> Tensor:
        """Return one error for each of ``codes``, of their shape and device."""
        noise = torch.randn(codes.shape, generator=self.generator, device=self.generator.device)
        return noise.mul_(self.spread * largest).to(codes.device)
