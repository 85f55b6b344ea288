"""Methods whose tasks divide the weights of one network among them: trained once, kept for good.

The network holds the weights of all tasks together. Norm layers and classifier rows are a task's own, as in
:mod:`imcsim.learn.adapt.per_task`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from imcsim.learn.adapt.owners import claim, owner_bits, visible
from imcsim.learn.adapt.per_task import NormT, PerTaskMethod
from imcsim.learn.method import Context, TaskPlan
from imcsim.learn.placing.pe_blocks import pe_norms
from imcsim.learn.quantize import mapped_module
from imcsim.learn.shapes import weight_matrix
from imcsim.learn.state import SavedState, State
from imcsim.learn.stream import Task

if TYPE_CHECKING:
    from imcsim.learn.config import LearnConfig


class DividedMethod(PerTaskMethod[NormT]):
    """All mapped layers but the classifier train in every task; what must stay is the subclass's ``update_masks``."""

    def own(self, context: Context) -> set[str]:
        """Return the weights of all mapped layers but the classifier, and what the method adds to them."""
        return super().own(context) | {f"{name}.weight" for name in self.hidden(context)}

    def hidden(self, context: Context) -> list[str]:
        """Return the mapped layers but the last, and but those that the user froze."""
        return [spec.name for spec in context.layers[:-1] if f"{spec.name}.weight" not in context.frozen]

    def written_layers(self, context: Context) -> set[str]:
        """Return all mapped layers but the classifier."""
        return set(self.hidden(context))

    def _state_names(self, context: Context) -> set[str]:
        return super()._state_names(context) - {f"{name}.weight" for name in self.hidden(context)}

    def _backbone(self, context: Context) -> set[str]:
        return {name for name, _ in context.network.named_parameters()} - super().own(context)


class OwnedMethod(DividedMethod[NormT]):
    """Owner maps of all mapped layers but the classifier, whose rows belong to the tasks' classes anyway.

    While a task is served, the weights of later tasks are 0 in the cells, so a task switch rewrites those cells. A
    subclass prunes: it frees weights of the current task in ``self.owners``.
    """

    def __init__(self, config: NormT) -> None:
        super().__init__(config)
        self.owners: dict[str, Tensor] = {}
        self.task_count = 0
        self._optimizer: torch.optim.Optimizer | None = None
        self._rates: list[float] = []
        self._task = 0

    def tasks(self, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        """Take note of how many tasks there are: it is the range of an owner map."""
        self.task_count = len(tasks)
        return tasks

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Give every free weight to the task."""
        if not self.owners:
            self.owners = {name: self._free(context, name) for name in self.hidden(context)}
        self._task = context.task
        self.owners = {name: claim(owner, context.task) for name, owner in self.owners.items()}
        return super().before_task(context, task)

    def optimizer(
        self, context: Context, parameters: Mapping[str, nn.Parameter], config: "LearnConfig"
    ) -> torch.optim.Optimizer:
        """Return the task's optimiser, remembered so that phases of a task can change its step."""
        optimizer = self.task_optimizer(context, parameters, config)
        self._optimizer, self._rates = optimizer, [float(group["lr"]) for group in optimizer.param_groups]
        return optimizer

    def task_optimizer(
        self, context: Context, parameters: Mapping[str, nn.Parameter], config: "LearnConfig"
    ) -> torch.optim.Optimizer:
        """Return a task's optimiser: the run's."""
        return super().optimizer(context, parameters, config)

    def scale_rates(self, factor: float) -> None:
        """Set the optimiser's steps to ``factor`` times those that it began with."""
        if self._optimizer is not None:
            for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
                group["lr"] = rate * factor

    def active_masks(self) -> Mapping[str, Tensor] | None:
        """Return the weights with an owner."""
        return {name: owner > 0 for name, owner in self.owners.items()}

    def update_masks(self) -> Mapping[str, Tensor] | None:
        """Return the weights of the current task, and the classifier's rows of its classes."""
        return {**(super().update_masks() or {}), **{n: o == self._task + 1 for n, o in self.owners.items()}}

    @contextmanager
    def serving(self, context: Context, task: int) -> Iterator[None]:
        """Serve a learned task with its own part, and with the weights of later tasks at 0."""
        with super().serving(context, task):
            if task not in self.saved:
                yield
                return
            held = {name: mapped_module(context.network, name).weight for name in self.owners}
            kept = {name: weight.detach().clone() for name, weight in held.items()}
            with torch.no_grad():
                for name, weight in held.items():
                    weight.mul_(visible(self.owners[name], task))
            try:
                yield
            finally:
                with torch.no_grad():
                    for name, weight in held.items():
                        weight.copy_(kept[name])

    def stored_bits(self, context: Context) -> int:
        """Return the bits of the owner maps, and of what the method adds to the network."""
        return super().stored_bits(context) + self.owner_entries(context) * owner_bits(self.task_count)

    def owner_entries(self, context: Context) -> int:
        """Return how many owners the maps name: one for each weight."""
        return sum(owner.numel() for owner in self.owners.values())

    def written_pes(self, context: Context, trained: set[str], written: set[str]) -> dict[str, Tensor]:
        """Return the PEs that hold a weight of the task; a PE full of older weights is frozen."""
        pes = super().written_pes(context, trained, written)
        for spec in context.layers:
            if spec.name not in self.owners:
                continue
            mine = (self.owners[spec.name] == context.task + 1).float()
            pes[spec.name] = pe_norms(weight_matrix(mine, spec), context.pe_tile) > 0
        return pes

    def state_dict(self) -> State:
        """Return the owner maps, and what the base keeps."""
        return {**super().state_dict(), "owners": dict(self.owners), "task": self._task}

    def load_state_dict(self, state: SavedState) -> None:
        """Take back what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        self.owners = dict(state["owners"])
        self._task = int(state["task"])

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Bring maps of a checkpoint to the weights' device."""
        self._to_device(context)
        return super().before_epoch(context, task)

    def after_task(self, context: Context, task: Task) -> None:
        """As the base; a run may have been resumed just before."""
        self._to_device(context)
        super().after_task(context, task)

    def _to_device(self, context: Context) -> None:
        self.owners = {name: owner.to(context.device) for name, owner in self.owners.items()}

    def _free(self, context: Context, name: str) -> Tensor:
        return torch.zeros_like(mapped_module(context.network, name).weight, dtype=torch.int32)
