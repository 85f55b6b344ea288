"""SET, sparse evolutionary training: drop the smallest weights, grow as many at random."""

from typing import Literal

from pydantic import Field
from torch import Tensor

from imcsim.learn.method import Context, method
from imcsim.learn.sparse.drop_grow import set_step
from imcsim.learn.sparse.method import SparseMethod, SpreadConfig
from imcsim.learn.stream import Task


class SetConfig(SpreadConfig):
    """SET's settings.

    Parameters
    ----------
    drop_fraction
        zeta, the share of active weights replaced in an update. Paper: 0.3.
    every_epochs
        Epochs between updates. Paper: 1.
    drop
        "magnitude": the smallest |w| (SET in google-research/rigl); "by-sign": the smallest positive and the largest
        negative weights, zeta of each (as first published).
    """

    drop_fraction: float = Field(0.3, ge=0, le=1)
    every_epochs: int = Field(1, ge=1)
    drop: Literal["magnitude", "by-sign"] = "magnitude"


@method("set")
class Set(SparseMethod[SetConfig]):
    """A mask update after every epoch but a task's last; it needs no gradient. New weights are 0."""

    source = "SET, Mocanu et al., Nature Communications 2018, algorithm 1; google-research/rigl"
    mask_acts = ("mask change",)

    def after_epoch(self, context: Context, task: Task) -> None:
        """Drop and grow."""
        super().after_epoch(context, task)
        done = context.epoch + 1
        if done == context.epochs or done % self.config.every_epochs:
            return
        moved = self.masks.update_each(lambda name, weight, mask: self._step(context, weight, mask))
        context.work.did("mask change", moved)

    def _step(self, context: Context, weight: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        by_sign = self.config.drop == "by-sign"
        return set_step(weight, mask, self.config.drop_fraction, context.generator, by_sign)
