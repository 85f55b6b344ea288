"""Elastic mutation (MEST): prune by |w| + lambda |g| of existing weights, regrow at random, phase by phase."""

import torch
from pydantic import Field, model_validator
from torch import Tensor
from typing_extensions import TypeVar

from imcsim.learn.method import Context
from imcsim.learn.sparcl.schedule import MaskUpdate
from imcsim.learn.sparse.importance import mest_importance
from imcsim.learn.sparse.method import SparseConfig, SparseMethod, step_gradient
from imcsim.learn.sparse.schedules import Phases, Variant
from imcsim.learn.state import SavedState, State
from imcsim.learn.stream import Task


class ElasticConfig(SparseConfig):
    """Settings of elastic mutation.

    Parameters
    ----------
    variant
        "em": elastic mutation; the network never exceeds the budget. "em&s": with soft memory bound; it grows above the
        budget first and ends at it, so more cells must exist than the final sparsity tells.
    gradient_weight
        lambda. Design choice: 0.5, as in SparCL's copy of the rule; the released code's default is 0.
    mutation
        Shares of all positions mutated in the first and second phase (0 in the third). None: the released scripts'
        values: em 0.2 (1 - s) and 0.1 (1 - s), which is 0.02 and 0.01 at s = 0.90; em&s 0.05 and 0.025.
    phases, scale_phases
        Bounds in epochs for a run of ``phases.epochs``; scaled to the run's epochs per task unless switched off.
    drop_zero_weights
        Code: an active weight that is exactly 0 leaves the mask at an update.
    truncate_growth
        Code: the number of active weights to grow to is cut off, not rounded.
    mutate_at_start
        Code: "em" has an update at a task's epoch 0, too; before the first step of all, gradients count as 0.
    """

    variant: Variant = "em"
    gradient_weight: float = Field(0.5, ge=0)
    mutation: tuple[float, float] | None = None
    phases: Phases = Phases()
    scale_phases: bool = True
    drop_zero_weights: bool = False
    truncate_growth: bool = False
    mutate_at_start: bool = False

    @property
    def mutated(self) -> tuple[float, float]:
        """Shares mutated in the first and second phase."""
        if self.mutation is not None:
            return self.mutation
        return (0.05, 0.025) if self.variant == "em&s" else (0.2 * (1 - self.sparsity), 0.1 * (1 - self.sparsity))

    @model_validator(mode="after")
    def _room(self) -> "ElasticConfig":
        low, high = min(self.mutated), max(self.mutated)
        if low < 0 or (self.variant == "em" and self.sparsity + high >= 1):
            raise ValueError(f"mutation {self.mutated} must be >= 0, and below 1 - sparsity ({1 - self.sparsity:g})")
        if self.variant == "em&s" and self.sparsity - high < 0:
            raise ValueError(f"mutation {self.mutated} must not exceed sparsity ({self.sparsity})")
        ends, epochs = self.phases.ends[1], self.phases.epochs
        if self.variant == "em&s" and ends >= epochs > 1:
            raise ValueError(f"em&s ends at the budget: phases.ends ({ends}) must come before phases.epochs ({epochs})")
        return self


ElasticT = TypeVar("ElasticT", bound=ElasticConfig, default=ElasticConfig, covariant=True)


class ElasticMethod(SparseMethod[ElasticT]):
    """EM or EM&S over a base method, at the start of epochs; the schedule starts anew with every task.

    The gradient of an update is that of the epoch's last step, of existing weights, so it costs no pass of its own.
    """

    mask_acts = ("mask change",)

    def __init__(self, config: ElasticT) -> None:
        super().__init__(config)
        self._last: dict[str, Tensor] = {}

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Change the masks where it is due."""
        chosen = super().before_epoch(context, task)
        rule = self.config
        change = self.phases(context).mask_update(
            context.epoch, rule.sparsity, rule.mutated, rule.variant, rule.mutate_at_start
        )
        if change is not None:
            self._change(context, change)
        return chosen

    def after_epoch(self, context: Context, task: Task) -> None:
        """Remember the last step's gradients of existing weights."""
        super().after_epoch(context, task)
        self._last = {n: step_gradient(w) * self.masks.active[n] for n, w in self.masks.weights.items()}

    def phases(self, context: Context) -> Phases:
        """Return the phases of a task of this run."""
        scales = self.config.scale_phases and context.epochs > 0
        phases, variant = self.config.phases, self.config.variant
        return phases.scaled(context.epochs, variant) if scales else phases

    def _change(self, context: Context, change: MaskUpdate) -> None:
        importance, weighs = None, self.config.gradient_weight
        if self.masks.denser_than(change.shrink_to):
            importance = {
                name: mest_importance(w.detach(), self._gradient(name, w), self.masks.active[name], weighs)
                for name, w in self.masks.weights.items()
            }
        rules = (self.config.drop_zero_weights, self.config.truncate_growth)
        moved = self.masks.change(change, importance, context.generator, *rules)
        context.work.did("mask change", moved)

    def _gradient(self, name: str, weight: Tensor) -> Tensor:
        """Return the last step's gradient; 0 before the first step."""
        return self._last[name] if self._last else torch.zeros_like(weight)

    def state_dict(self) -> State:
        """Return masks, the last gradients and the base method's state."""
        return {**super().state_dict(), "last": {name: gradient.clone() for name, gradient in self._last.items()}}

    def load_state_dict(self, state: SavedState) -> None:
        """Take back what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        self._last = dict(state["last"])
