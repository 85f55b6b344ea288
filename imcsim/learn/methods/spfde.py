"""SpFDE: sparse training whose front layers freeze one after another, on part of the data, exchanged in a circle."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.learn.freeze import digital_parameters
from imcsim.learn.method import Context, TaskPlan, method
from imcsim.learn.sparcl.difficulty import DifficultyCounter
from imcsim.learn.sparse.elastic import ElasticConfig, ElasticMethod
from imcsim.learn.sparse.method import outputs_of
from imcsim.learn.sparse.sieve import frozen_front, sieve, split_samples
from imcsim.learn.stream import Task


class SpfdeConfig(ElasticConfig):
    """SpFDE's settings on top of MEST's; none of the numbers is the paper's, which could not be read (design choices).

    Parameters
    ----------
    used_share
        Share of a task's samples in use at any time; 1 switches the sieving off.
    swap_share
        Share of the used samples exchanged in a sieving.
    sieve_every
        Epochs between sievings.
    freeze_from
        Share of a task's epochs after which layers freeze, never before the mask has settled (MEST's last phase). The
        last epoch of two or more freezes in any case; 1 switches the freezing off.
    frozen_share
        Share of the mapped layers, counted from the front, that are frozen in the last epoch; the last layer never is.
    """

    used_share: float = Field(0.8, gt=0, le=1)
    swap_share: float = Field(0.1, ge=0, le=1)
    sieve_every: int = Field(1, ge=1)
    freeze_from: float = Field(0.75, ge=0, le=1)
    frozen_share: float = Field(0.5, ge=0, le=1)


@method("spfde")
class Spfde(ElasticMethod[SpfdeConfig]):
    """MEST with data sieving and layer freezing; with ``used_share`` 1 and ``frozen_share`` 0 it is MEST.

    Frozen layers keep structure and values for the rest of the task: no weight gradient, no kept activations, and, as
    they are a prefix, no backward pass. Their biases and norm layers freeze with them; running statistics go on. All
    layers train again when the next task starts.
    """

    source = "SpFDE, Yuan et al., NeurIPS 2022 (its numbers: our choice)"

    def __init__(self, config: SpfdeConfig) -> None:
        super().__init__(config)
        self.used, self.removed = (torch.zeros(0, dtype=torch.int64) for _ in range(2))
        self.forgetting = DifficultyCounter(0, "forgetting-events")
        self._frozen: list[nn.Parameter] = []
        self._closed: dict[str, Tensor] = {}

    def acts(self) -> tuple[str, ...]:
        """Return MEST's acts, the freezing and the exchange of samples, as far as they are on."""
        freezes = self.config.frozen_share > 0 and self.config.freeze_from < 1
        sieves = self.config.used_share < 1 and self.config.swap_share > 0
        return (*super().acts(), *["layer freeze"] * freezes, *["sample exchange"] * sieves)

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Split the task's samples into used and removed ones."""
        plan = super().before_task(context, task)
        self.used, self.removed = split_samples(len(task.y_train), self.config.used_share, context.generator)
        self.forgetting = DifficultyCounter(len(task.y_train), "forgetting-events")
        return plan

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Change the masks, exchange samples, freeze layers; return the samples in use."""
        chosen = super().before_epoch(context, task)
        if context.epoch and context.epoch % self.config.sieve_every == 0:
            swap = round(self.config.swap_share * len(self.used))
            scores = self.forgetting.scores()
            context.work.did("sample exchange", min(swap, len(self.used), len(self.removed)))
            self.used, self.removed = sieve(self.used, self.removed, scores, swap, context.generator)
            self.forgetting.reset()
        self._freeze(context)
        return chosen if not len(self.removed) else self.used

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the base method's loss; count what was forgotten of the current batch, judged within the task."""
        with outputs_of(context.network) as outputs:
            loss = super().loss(context, task, x, y, index)
        classes = torch.tensor(task.classes, device=y.device)
        guess = classes[outputs[0][: len(y)][:, classes].argmax(1)]
        self.forgetting.update(index, guess == y)
        return loss

    def after_epoch(self, context: Context, task: Task) -> None:
        """Let all layers train again, as far as the loop is concerned; the next epoch freezes anew."""
        super().after_epoch(context, task)
        for parameter in self._frozen:
            parameter.requires_grad_(True)
        self._frozen, self._closed = [], {}

    def update_masks(self) -> Mapping[str, Tensor] | None:
        """Return all-False masks of the frozen layers."""
        return self._closed

    def _freeze(self, context: Context) -> None:
        epochs = max(context.epochs, 1)
        start = max(round(self.config.freeze_from * epochs), self.phases(context).ends[1])
        if self.config.freeze_from < 1:
            start = min(start, max(epochs - 1, 1))  # of two epochs the second still freezes, after its mask update
        most = min(int(self.config.frozen_share * len(context.layers)), len(context.layers) - 1)
        front = context.layers[: frozen_front(context.epoch, epochs, start, most)]
        context.work.did("layer freeze", len(front))
        digital = digital_parameters(context.network, [spec.name for spec in context.layers])
        for spec in front:
            weight = context.network.get_parameter(f"{spec.name}.weight")
            self._closed[spec.name] = torch.zeros_like(weight, dtype=torch.bool)
            self._frozen += [p for p in (weight, *digital[spec.name]) if p.requires_grad]
        for parameter in self._frozen:
            parameter.requires_grad_(False)

    def state_dict(self) -> dict[str, Any]:
        """Return samples, counters, masks and the base method's state."""
        own = {"used": self.used.clone(), "removed": self.removed.clone(), "forgetting": self.forgetting.state_dict()}
        return {**super().state_dict(), **own}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        self.used, self.removed = state["used"].clone(), state["removed"].clone()
        self.forgetting.load_state_dict(state["forgetting"])
