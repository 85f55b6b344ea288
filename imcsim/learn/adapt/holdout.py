"""Held-out samples of the current task: what a method may judge itself by while the task is learned."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from imcsim.learn.method import Context
from imcsim.learn.placing.scoring import charge_scoring, scoring
from imcsim.learn.stream import Task

_STATISTICS = 256  # design choice: training samples for the statistics of norm layers


@dataclass
class Holdout:
    """Numbers of the task's training samples that are not trained on."""

    index: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))

    def draw(self, samples: int, share: float, generator: torch.Generator) -> None:
        """Hold out max(1, round(share * samples)) samples at random."""
        self.index = torch.randperm(samples, generator=generator)[: max(1, round(share * samples))]

    def others(self, samples: int) -> Tensor:
        """Return the numbers of the samples to train on, in order."""
        trains = torch.ones(samples, dtype=torch.bool)
        trains[self.index.cpu()] = False
        return trains.nonzero().squeeze(1)

    @torch.no_grad()
    def accuracy(self, context: Context, task: Task) -> float:
        """Return the share of held-out samples told right among the task's classes.

        Norm layers that train are judged with statistics of up to 256 training samples, taken for the purpose and then
        put back: running ones lag behind for some steps after weights are cut. Both passes are charged as scoring.
        """
        held = self.index.to(task.x_train.device)
        known = task.x_train[self.others(len(task.y_train))[:_STATISTICS].to(held.device)]
        norms = [m for m in context.network.modules() if isinstance(m, _BatchNorm) and m.training]
        with scoring(context.network, context.layers, training=False):
            if norms:
                _take_statistics(context.network, norms, known)
                charge_scoring(context.work, context.layers, len(known))
            logits = context.network(task.x_train[held])
        charge_scoring(context.work, context.layers, len(held))
        guess = torch.tensor(task.classes, device=logits.device)[logits[:, list(task.classes)].argmax(1)]
        return float((guess == task.y_train[held]).double().mean())


def _take_statistics(network: nn.Module, norms: Sequence[_BatchNorm], images: Tensor) -> None:
    momenta = [module.momentum for module in norms]
    for module in norms:
        module.train()
        module.momentum = 1.0
    network(images)
    for module, momentum in zip(norms, momenta, strict=True):
        module.eval()
        module.momentum = momentum
