"""Dark Experience Replay++: replay of logits and of labels, from two independent draws."""

from functools import partial

from pydantic import Field
from torch import Tensor

from imcsim.learn.buffer import ReplayConfig, ReplayMethod
from imcsim.learn.method import Context, method
from imcsim.learn.sparcl.loss import derpp_parts
from imcsim.learn.stream import Task


class DerppConfig(ReplayConfig):
    """Weights of the logit term (alpha) and of the label term (beta); defaults for Split CIFAR-10, buffer 200."""

    alpha: float = Field(0.1, ge=0)
    beta: float = Field(0.5, ge=0)


@method("derpp")
class Derpp(ReplayMethod[DerppConfig]):
    """Cross-entropy + alpha * MSE(logits, stored logits) + beta * cross-entropy(replayed labels).

    Two independent draws, three forwards (batch-norm sees three batches). The mean squared error averages over batch
    and all outputs. The logits stored with an image are those of the training-mode forward made before the step.
    """

    source = "Buzzega et al., NeurIPS 2020, eq. 6; aimagelab/mammoth models/derpp.py"
    can_be_base = True
    keeps_logits = True

    def __init__(self, config: DerppConfig) -> None:
        super().__init__(config)
        self._logits: Tensor | None = None

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the three-term loss."""
        recall = partial(self.recall, context, len(y)) if self.can_replay(context) else None
        weights = (self.config.alpha, self.config.beta)
        parts = derpp_parts(context.network, context.augment(x), y, None, recall, weights)
        self._logits = parts.logits
        return parts.total

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        """Offer the batch with the logits of the forward made before the step."""
        self.remember(context, x, y, self._logits)
        self._logits = None
