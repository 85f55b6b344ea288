"""The error of a programmed and aged weight, for hardware-aware training: what its cells' errors add up to.

A weight is a sum of cells with place values; independent errors add in variance:
sigma(code)^2 = sum over cells of (place value)^2 sigma(level)^2.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imcsim.analog.arrays import LayerArrays
from imcsim.analog.cells import CellPhysics
from imcsim.crossbar.quantise import CodeError
from imcsim.devices import relaxed_s, spread_after_programming_s


def code_spread(physics: CellPhysics) -> NDArray[np.float64]:
    """Return the standard deviation of each code, in codes, by the switches of ``physics``.

    Entry i is for code ``code_min + i``. Programming leaves its spread; relaxation adds in
    variance what ``training_age_s`` has made of it by then.
    """
    encoding, cell, config, levels_s = physics.encoding, physics.cell, physics.config, physics.levels_s
    sigma_s = np.zeros(levels_s.shape)
    if config.programming:
        sigma_s += spread_after_programming_s(cell, levels_s)
    if config.relaxation:
        still, moved = (
            relaxed_s(cell, levels_s, levels_s, np.full_like(levels_s, draws), config.training_age_s)
            for draws in (0.0, 1.0)
        )
        sigma_s = np.hypot(sigma_s, moved - still)
    step_s = float(physics.levels_s[1] - physics.levels_s[0])
    sigma = np.asarray(sigma_s, dtype=np.float64)[encoding.level_table] / step_s
    place = encoding.significance.astype(np.float64)[:, None]
    return np.asarray(np.sqrt(((place * sigma) ** 2).sum(axis=0)))


@dataclass
class NoisyWeights:
    """Draws the error of a layer's weights, zero for weights in SRAM PEs.

    Parameters
    ----------
    spread
        Standard deviation by code, in the weight's unit; None where there is none.
    lowest
        Code of its first entry.
    step
        Weight of one code.
    in_rram
        Weights (G, N, D) in RRAM PEs; None for all.
    uniform
        The standard deviation where it is the same for all codes.
    """

    spread: Tensor | None
    lowest: int
    step: float
    in_rram: Tensor | None
    uniform: float | None = None

    @classmethod
    def of(cls, arrays: LayerArrays, step: float) -> "NoisyWeights":
        """Return the noise of ``arrays`` as they are placed."""
        physics = arrays.physics
        erring = arrays.config.programming or arrays.config.relaxation
        if physics is None or not erring or arrays.in_sram.all():
            return cls(None, 0, step, None)
        spread = torch.from_numpy(code_spread(physics) * step).float()
        uniform = float(spread[0]) if bool((spread == spread[0]).all()) else None
        in_rram = None
        if arrays.in_sram.any():
            in_rram = torch.from_numpy(~arrays.sram_weights).transpose(1, 2).contiguous()
        return cls(spread, physics.encoding.code_min, step, in_rram, uniform)

    def drawn_from(self, generator: torch.Generator) -> CodeError | None:
        """Return what draws one error for each code, of the weight's shape; None where there is none."""
        return None if self.spread is None else partial(self._draw, generator)

    def _draw(self, generator: torch.Generator, codes: Tensor) -> Tensor | None:
        if self.spread is None:
            return None
        if self.spread.device != codes.device:
            self.spread = self.spread.to(codes.device)
            self.in_rram = None if self.in_rram is None else self.in_rram.to(codes.device)
        noise = torch.randn(codes.shape, generator=generator, device=codes.device)
        if self.uniform is not None:
            noise.mul_(self.uniform)
        else:
            entries = codes.sub(self.lowest).long().view(-1)
            noise.view(-1).mul_(self.spread.index_select(0, entries))  # measured: a quarter of the time of spread[...]
        return noise if self.in_rram is None else noise.mul_(self.in_rram.view(codes.shape))
