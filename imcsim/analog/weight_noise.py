"""The error of a programmed and aged weight, for hardware-aware training: what its cells' errors add up to.

A weight is a sum of cells with place values; independent errors add in variance:
sigma(code)^2 = sum over cells of (place value)^2 sigma(level)^2.
"""

from dataclasses import dataclass, field
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
    # independent errors of the cells of a code add in variance, each by its place value
    place = encoding.significance.astype(np.float64)[:, None]
    return np.asarray(np.sqrt(((place * sigma) ** 2).sum(axis=0)))


@dataclass
class NoisyWeights:
    """Draws the error of a layer's weights, zero for weights in SRAM PEs.

    Parameters
    ----------
    spread_codes
        Standard deviation by code, in codes; None where there is none.
    lowest
        Code of its first entry.
    in_rram
        Weights (G, N, D) in RRAM PEs; None for all.
    """

    spread_codes: NDArray[np.float64] | None
    lowest: int
    in_rram: Tensor | None
    _step: float | None = field(default=None, init=False)
    _spread: Tensor = field(init=False)
    _uniform: float | None = field(default=None, init=False)

    @classmethod
    def of(cls, arrays: LayerArrays) -> "NoisyWeights":
        """Return the noise of ``arrays`` as they are placed."""
        physics = arrays.physics
        erring = arrays.config.programming or arrays.config.relaxation
        if physics is None or not erring or arrays.in_sram.all():
            return cls(None, 0, None)
        in_rram = None
        if arrays.in_sram.any():
            in_rram = torch.from_numpy(~arrays.sram_weights).transpose(1, 2).contiguous()
        return cls(code_spread(physics), physics.encoding.code_min, in_rram)

    def drawn_from(self, generator: torch.Generator, step: float) -> CodeError | None:
        """Return what draws an error for each code of a weight, ``step`` a code; None where there is none."""
        if self.spread_codes is None or not step:
            return None
        if step != self._step:
            self._step, self._spread = step, torch.from_numpy(self.spread_codes * step).float()
            alike = bool((self._spread == self._spread[0]).all())
            self._uniform = float(self._spread[0]) if alike else None
        return partial(self._draw, generator)

    def _draw(self, generator: torch.Generator, codes: Tensor) -> Tensor:
        if self._spread.device != codes.device:
            self._spread = self._spread.to(codes.device)
            self.in_rram = None if self.in_rram is None else self.in_rram.to(codes.device)
        noise = torch.randn(codes.shape, generator=generator, device=codes.device)
        if self._uniform is not None:
            noise.mul_(self._uniform)
        else:
            entries = codes.sub(self.lowest).long().view(-1)
            noise.view(-1).mul_(self._spread.index_select(0, entries))  # measured: a quarter of the time of spread[...]
        return noise if self.in_rram is None else noise.mul_(self.in_rram.view(codes.shape))
