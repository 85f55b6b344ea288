"""Experience replay: each step trains on the current batch and a draw from a reservoir, as one batch."""

from functools import partial

from torch import Tensor

from imcsim.learn.buffer import ReplayMethod
from imcsim.learn.method import Context, method
from imcsim.learn.sparcl.loss import er_parts
from imcsim.learn.stream import Task


@method("er")
class Er(ReplayMethod):
    """One forward on the concatenated batch, plain mean of the cross-entropy over both halves."""

    source = "Chaudhry et al., arXiv 1902.10486; aimagelab/mammoth models/er.py"
    can_be_base = True

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the mean cross-entropy over current and replayed images."""
        recall = partial(self.recall, context, len(y)) if self.can_replay(context) else None
        return er_parts(context.network, context.augment(x), y, None, recall).total

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        """Offer the batch to the reservoir, after the optimiser's step as Mammoth does."""
        self.remember(context, x, y)
