"""Dark Experience Replay++: replay of logits and of labels, from two independent draws."""

from pydantic import Field
from torch import Tensor, nn

from imcsim.learn.buffer import ReplayConfig, ReplayMethod
from imcsim.learn.method import Context, method
from imcsim.learn.stream import Task


class DerppConfig(ReplayConfig):
    """Weights of the logit term (alpha) and of the label term (beta); defaults for Split CIFAR-10, buffer 200."""

    alpha: float = Field(0.1, ge=0)
    beta: float = Field(0.5, ge=0)


@method("derpp")
class Derpp(ReplayMethod):
    """Cross-entropy + alpha * MSE(logits, stored logits) + beta * cross-entropy(replayed labels).

    Two independent draws, three forwards (batch-norm sees three batches). The mean squared error averages over batch
    and all outputs. The logits stored with an image are those of the training-mode forward made before the step.
    """

    source = "Buzzega et al., NeurIPS 2020, eq. 6; aimagelab/mammoth models/derpp.py"
    config_type = DerppConfig
    keeps_logits = True

    def __init__(self, config: DerppConfig) -> None:
        super().__init__(config)
        self.weights = config
        self._logits: Tensor | None = None

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the three-term loss."""
        outputs = context.network(context.augment(x))
        self._logits = outputs.detach()
        loss = nn.functional.cross_entropy(outputs, y)
        if not self.can_replay(context):
            return loss
        old_x, _, old_logits = self.recall(context, x.shape[0])
        loss = loss + self.weights.alpha * nn.functional.mse_loss(context.network(old_x), old_logits)
        old_x, old_y, _ = self.recall(context, x.shape[0])
        return loss + self.weights.beta * nn.functional.cross_entropy(context.network(old_x), old_y)

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        """Offer the batch with the logits of the forward made before the step."""
        self.remember(context, x, y, self._logits)
        self._logits = None
