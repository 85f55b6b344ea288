"""RigL: drop the smallest weights, grow where the dense gradient is largest; the dense gradient is charged."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from torch import Tensor

from imcsim.learn.method import Context, TaskPlan, method
from imcsim.learn.sparse.drop_grow import rigl_step
from imcsim.learn.sparse.method import SparseMethod, SpreadConfig, outputs_of, step_gradient
from imcsim.learn.sparse.schedules import DropSchedule
from imcsim.learn.stream import Task


class RiglConfig(SpreadConfig):
    """RigL's settings; ``schedule`` counts the optimiser steps of one task.

    Parameters
    ----------
    schedule
        See :class:`~imcsim.learn.sparse.schedules.DropSchedule`.
    regrow_dropped
        Whether a connection may come back in the update that dropped it (paper and code).
    keep_regrown
        Code: such a connection keeps its weight; else it starts at 0, as every new one does.
    zeros_tie
        Code: an active weight of exactly 0 may lose its place to an inactive position of the layer that comes earlier.
    """

    schedule: DropSchedule = Field(default_factory=DropSchedule)
    regrow_dropped: bool = True
    keep_regrown: bool = False
    zeros_tie: bool = False


@method("rigl")
class Rigl(SparseMethod[RiglConfig]):
    """Every Delta T steps one step changes masks instead of weights (paper, algorithm 1; so does the released code).

    That step runs forward and backward on its batch, and takes the gradient of every position of the masked layers:
    positions x samples multiply-accumulates each, reported as ``dense_gradient_macs``, from the whole input of every
    masked layer, which the trace counts as kept. No parameter, digital ones included, is updated in it.
    """

    source = "RigL, Evci et al., ICML 2020, algorithm 1; google-research/rigl"
    mask_acts = ("mask change",)

    def __init__(self, config: RiglConfig) -> None:
        super().__init__(config)
        self._steps = 0
        self._samples = 0

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Start the masks, and the task's count of steps."""
        self._steps = 0
        return super().before_task(context, task)

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the base method's loss; learn from the first batch how many steps the task has."""
        if not self._steps:
            self._steps = max(context.epochs, 1) * -(-len(task.y_train) // len(y))
        with outputs_of(context.network) as outputs:
            loss = super().loss(context, task, x, y, index)
        self._samples = sum(len(output) for output in outputs)
        return loss

    def before_step(self, context: Context) -> None:
        """Change the masks where it is due, and leave no gradient for the optimiser then."""
        super().before_step(context)
        fraction = self.config.schedule.fraction(context.step, self._steps)
        if not fraction:
            return
        gradients = {name: step_gradient(weight) for name, weight in self.masks.weights.items()}
        rules = (fraction, self.config.regrow_dropped, self.config.keep_regrown, self.config.zeros_tie)
        moved = self.masks.update_each(lambda name, weight, mask: rigl_step(weight, mask, gradients[name], *rules))
        context.work.did("mask change", moved)
        for spec in context.layers:
            if spec.name in gradients:
                macs = self._samples * spec.positions * spec.weight_count
                context.work.add("dense_gradient_macs", macs, spec.name)
        for parameter in context.network.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Return masks, the task's steps and the base method's state."""
        return {**super().state_dict(), "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        self._steps = int(state["steps"])
