"""Adam's steps that fall through a task, as in the released code of methods over a frozen backbone."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from torch import Tensor, nn
from torch.optim import Optimizer
from typing_extensions import TypeVar

from imcsim.learn.adapt.per_task import PerTaskConfig, PerTaskMethod
from imcsim.learn.method import Context
from imcsim.learn.stream import Task

if TYPE_CHECKING:
    from imcsim.learn.config import LearnConfig

Decay = Literal["none", "step", "cosine"]


class DecayConfig(PerTaskConfig):
    """``rate_decay``: how steps fall, see :func:`rate_factor`; "none" keeps them (design choice: runs are short)."""

    rate_decay: Decay = "none"


def rate_factor(epoch: int, epochs: int, decay: Decay) -> float:
    """Return what steps are multiplied by in ``epoch`` = 0, 1, ... of a task of ``epochs``.

    "step": 0.1 from half of the epochs on (arunmallya/piggyback@5a6094c: epoch 15 of 30). "cosine":
    (1 + cos(pi epoch / epochs)) / 2 (LYang-666/CVPR_2021_KSM@135b675, ASU-ESIC-FAN-Lab/RepNet@9173f69), by epochs.
    """
    if decay == "step":
        return 0.1 if 2 * epoch >= epochs else 1.0
    return 0.5 * (1 + math.cos(math.pi * epoch / epochs)) if decay == "cosine" else 1.0


DecayT = TypeVar("DecayT", bound=DecayConfig, default=DecayConfig, covariant=True)


class DecayingMethod(PerTaskMethod[DecayT]):
    """A method over a frozen backbone whose steps may fall; the backbone's own optimiser is left alone."""

    def __init__(self, config: DecayT) -> None:
        super().__init__(config)
        self._optimizer: Optimizer | None = None
        self._rates: list[float] = []

    def optimizer(self, context: Context, parameters: Mapping[str, nn.Parameter], config: "LearnConfig") -> Optimizer:
        """Return the base's optimiser, remembered so that its steps can fall."""
        made = super().optimizer(context, parameters, config)
        self._optimizer, self._rates = made, [float(group["lr"]) for group in made.param_groups]
        return made

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Set the epoch's steps."""
        if self._optimizer is not None and self.config.rate_decay != "none" and not self.trains_backbone(context):
            factor = rate_factor(context.epoch, context.epochs, self.config.rate_decay)
            for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
                group["lr"] = rate * factor
        return super().before_epoch(context, task)
