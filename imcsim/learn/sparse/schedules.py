"""When sparse training changes masks: RigL's and SET's steps, MEST's phases. Steps and epochs count within one task."""

import math
from typing import Literal

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.learn.sparcl.schedule import MaskUpdate

Variant = Literal["em", "em&s"]

_TWO = 2  # epochs: the shortest task in which elastic mutation has an update with training before and after it


_PUBLISHED_DELTA = 100  # RigL's Delta T
_FEWEST_UPDATES = 4  # of a task that is long enough: design choice


def drop_fraction(step: int, end_step: float, alpha: float, decay: Literal["cosine", "constant"] = "cosine") -> float:
    """Return f(t) = alpha / 2 * (1 + cos(pi t / T_end)) at optimiser step t, 0 from T_end on (RigL, section 3).

    "constant" is alpha up to T_end: the flag's default in google-research/rigl, and SET.
    """
    if step >= end_step:
        return 0.0
    return alpha if decay == "constant" else alpha / 2 * (1 + math.cos(math.pi * step / end_step))


class DropSchedule(FrozenConfig):
    """How much a mask update replaces, and when.

    Parameters
    ----------
    delta_steps
        Delta T: optimiser steps between updates. None: 100, as in the paper, or a quarter of the steps up to T_end
        where that is fewer, cut off, but at least 2. Paper and code count tens of thousands of steps; in their
        proportion a short task would change masks at every step, which trains nothing. So the number of updates
        scales instead: four at least, and never two in a row (design choice).
    end_share
        T_end as a share of the task's steps, after which masks stay. Paper: 0.75 (75k of 97,656 steps on CIFAR-10).
    drop_fraction
        alpha, the share of active weights replaced at first. Paper: 0.3.
    decay
        "cosine" (paper) or "constant" (default flag of the released code).
    """

    delta_steps: int | None = Field(None, ge=1)
    end_share: float = Field(0.75, gt=0, le=1)
    drop_fraction: float = Field(0.3, ge=0, le=1)
    decay: Literal["cosine", "constant"] = "cosine"

    def interval(self, steps: int) -> int:
        """Return Delta T in a task of ``steps`` optimiser steps."""
        if self.delta_steps is not None:
            return self.delta_steps
        return min(_PUBLISHED_DELTA, max(int(self.end_share * steps / _FEWEST_UPDATES), 2))

    def fraction(self, step: int, steps: int) -> float:
        """Return the share to replace at ``step`` of a task of ``steps``; 0 where no update is due."""
        if step == 0 or step % self.interval(steps):
            return 0.0
        return drop_fraction(step, self.end_share * steps, self.drop_fraction, self.decay)


class Phases(FrozenConfig):
    """MEST's three phases in epochs: 160 epochs, changes at 90 and 120, a mask update every 5 (boone891214/MEST)."""

    epochs: int = Field(160, ge=1)
    ends: tuple[int, int] = (90, 120)
    every: int = Field(5, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> "Phases":
        if not 0 <= self.ends[0] <= self.ends[1] < max(self.epochs, _TWO + 1):
            raise ValueError(f"0 <= ends {self.ends} < epochs ({self.epochs}) must hold, in order")
        return self

    def scaled(self, epochs: int, variant: Variant = "em&s") -> "Phases":
        """Return the phases with the same proportions over ``epochs`` epochs, each bound rounded to an epoch.

        The last phase keeps at least one epoch, so that training ends at the budget; a run of one epoch has no other.
        "em" never exceeds the budget: of two epochs the second begins with its only update, and no last phase follows.
        """
        if epochs == self.epochs:
            return self
        ratio = epochs / self.epochs
        if variant == "em" and epochs == _TWO and self.ends[0]:
            return Phases(epochs=epochs, ends=(_TWO, _TWO), every=1)
        last = min(round(self.ends[1] * ratio), epochs - 1)
        first = min(round(self.ends[0] * ratio), last)
        return Phases(epochs=epochs, ends=(first, last), every=max(round(self.every * ratio), 1))

    def phase(self, epoch: int) -> int:
        """Return 0, 1 or 2."""
        return sum(epoch >= end for end in self.ends)

    def mask_update(
        self,
        epoch: int,
        sparsity: float,
        mutation: tuple[float, float],
        variant: Variant,
        mutate_at_start: bool = False,
    ) -> MaskUpdate | None:
        """Return the mask update at the start of ``epoch``, None if the mask stays.

        Parameters
        ----------
        epoch
            0, 1, ...; updates come at multiples of ``every`` and where the last phase begins, and then no more.
        sparsity
            The target s.
        mutation
            Shares of all positions mutated in the first and the second phase.
        variant
            "em" shrinks to s + m and expands to s, first at ``every``. "em&s" (soft memory bound) expands to s - m at
            epoch 0, and from then on shrinks to s and expands to s - m; it reaches s for good with the last phase.
        mutate_at_start
            Whether "em" updates at epoch 0, too, before anything was trained in the task (boone891214/MEST).
        """
        if epoch > self.ends[1] or (epoch % self.every and epoch != self.ends[1]):
            return None
        share = (*mutation, 0.0)[self.phase(epoch)]
        if variant == "em":
            return MaskUpdate(sparsity + share, sparsity) if share and (epoch or mutate_at_start) else None
        return MaskUpdate(sparsity, sparsity - share)
