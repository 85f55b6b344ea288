"""SNIP: one pruning before training, by how much each connection changes the loss; then a fixed mask."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.learn.method import Context, method
from imcsim.learn.placing.scoring import charge_scoring, scoring, weight_gradients
from imcsim.learn.sparse.importance import connection_saliency
from imcsim.learn.sparse.method import SparseConfig, SparseMethod
from imcsim.learn.sparse.one_shot import keep_most_salient
from imcsim.learn.stream import Task


class SnipConfig(SparseConfig):
    """SNIP's settings.

    Parameters
    ----------
    samples
        Samples of the first task whose loss is scored, one mini-batch. Paper: 100 on MNIST, 128 on CIFAR-10.
    ties
        "position": exactly the asked number of weights stays; "keep": all that tie with the last one stay too (code
        that tests against a threshold).
    """

    samples: int = Field(128, ge=1)
    ties: Literal["position", "keep"] = "position"


@method("snip")
class Snip(SparseMethod[SnipConfig]):
    """Keep the largest |g * w| over all masked layers, once, before the first task; the scoring pass is charged.

    Batch-norm sees the scored batch in training mode; its statistics are put back. The loss is over all outputs.
    """

    source = "SNIP, Lee et al., ICLR 2019, eq. 5 and 6"

    def first_masks(self, context: Context, task: Task) -> dict[str, Tensor]:
        """Return the masks of the most salient weights."""
        weights, names = self.masks.weights, self.masks.names
        chosen = torch.randperm(len(task.y_train), generator=context.generator)[: self.config.samples]
        index = chosen.to(task.x_train.device)
        with scoring(context.network, context.layers), torch.enable_grad():
            outputs = context.network(context.augment(task.x_train[index]))
            loss = nn.functional.cross_entropy(outputs, task.y_train[index])
            gradients = weight_gradients(context.network, names, loss)
        charge_scoring(context.work, context.layers, len(index), {name: w.numel() for name, w in weights.items()})
        saliency = {
            name: connection_saliency(w.detach(), gradient)
            for (name, w), gradient in zip(weights.items(), gradients, strict=True)
        }
        return keep_most_salient(saliency, self.config.sparsity, self.config.ties)
