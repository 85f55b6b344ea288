"""The codes that a layer's cells hold where they do not simply follow the master copy, and what was not written."""

import torch
from torch import Tensor

from imcsim.crossbar.quantise import weight_codes
from imcsim.learn.state import State
from imcsim.learn.writing.config import WritingConfig
from imcsim.learn.writing.steps import level_aware, stochastic


class StoredCodes:
    """One layer's cells under a writing rule.

    Tensors are replaced, never changed in place, so that a shallow copy is a copy.

    Parameters
    ----------
    config
        The rule.
    grid
        (weight of one code step, its reciprocal).
    limit
        Largest code.
    generator
        Source of stochastic rounding, on the CPU.
    """

    def __init__(
        self, config: WritingConfig, grid: tuple[float, float], limit: int, generator: torch.Generator
    ) -> None:
        self.config, self.grid, self.limit, self.generator = config, grid, limit, generator
        self.skipped = 0
        self.clear()

    def clear(self) -> None:
        """Hold nothing: the next write programs every cell."""
        self.codes: Tensor | None = None
        self.nearest: Tensor | None = None
        self.master: Tensor | None = None

    def write(self, weight: Tensor, nearest: Tensor) -> Tensor:
        """Write what the rule writes for the master copies ``weight``; return the codes stored, not to be changed.

        ``nearest`` are the codes nearest to ``weight``. A write that nearest rounding would have made, because the
        nearest code has changed, and that was not made counts as skipped.
        """
        if self.config.follows_master or self.codes is None or self.nearest is None:
            codes = nearest
        else:
            codes = self._ruled(self.codes, weight, nearest)
            self.skipped += int(((nearest != self.nearest) & (codes == self.codes)).sum())
        self.codes, self.nearest = codes, nearest
        if self.config.rounding == "stochastic" and self.config.master == "float":
            self.master = weight.clone()
        return codes

    def settled(self, weight: Tensor) -> Tensor:
        """Return ``weight`` after a step as codes x scale, rounded as the rule says: there is no finer master copy."""
        nearest = weight_codes(weight, self.grid[1], self.limit)
        if self.config.rounding == "nearest" or self.codes is None:
            return nearest * self.grid[0]
        return self.draw(self.codes, weight) * self.grid[0]

    def draw(self, codes: Tensor, weight: Tensor) -> Tensor:
        """Return ``codes`` changed towards ``weight`` by stochastic rounding."""
        uniform = torch.rand(weight.shape, generator=self.generator).to(weight.device)
        return stochastic(codes, weight, self.grid, self.limit, uniform)

    def state_dict(self) -> State:
        """Return what the cells hold."""
        return {"codes": self.codes, "nearest": self.nearest, "master": self.master, "skipped": self.skipped}

    def load_state_dict(self, state: State, device: torch.device) -> None:
        """Take back what :meth:`state_dict` gave."""
        held = [state[name] for name in ("codes", "nearest", "master")]
        self.codes, self.nearest, self.master = (None if part is None else part.to(device) for part in held)
        self.skipped = state["skipped"]

    def _ruled(self, codes: Tensor, weight: Tensor, nearest: Tensor) -> Tensor:
        if self.config.rounding == "nearest":
            return level_aware(codes, weight, nearest, self.grid, self.config.threshold)
        moved = torch.ones_like(weight, dtype=torch.bool) if self.master is None else weight != self.master
        if not bool(moved.any()):
            return codes
        return torch.where(moved, self.draw(codes, weight), codes)
