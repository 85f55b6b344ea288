"""What a continual-learning method is: a frozen config, a few hooks, and a name.

A method is one file in ``imcsim/learn/methods`` with one decorator. The loop (``learn/loop.py``) calls its hooks;
a method never touches the loop's state but through the :class:`Context` it is given.

Shape letters: B batch, G groups, D fan-in, N outputs per group.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from imcsim.core.config import FrozenConfig
from imcsim.core.registry import Registry
from imcsim.learn.stream import Task
from imcsim.mapping.layer import LayerSpec


class MethodConfig(FrozenConfig):
    """Base of a method's own configuration; unknown keys are refused."""


@dataclass
class WorkDone:
    """Work beyond the plain step that a method reports, for the recorder to charge.

    Layer-keyed counts use the names of ``trace.schema.COUNTS``, the others those of ``TASK_COUNTS``.
    """

    layers: dict[str, dict[str, int]] = field(default_factory=dict)
    task: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, amount: int, layer: str | None = None) -> None:
        """Add ``amount`` to count ``name`` (of ``layer``, or of the task)."""
        table = self.task if layer is None else self.layers.setdefault(layer, {})
        table[name] = table.get(name, 0) + int(amount)


@dataclass
class Context:
    """What a method may see and use.

    Parameters
    ----------
    network
        The network in training; mapped layers are ``network.get_submodule(spec.name)``.
    layers
        Mapped layers in order of execution.
    device
        Where tensors live.
    generator
        The only source of randomness for the method, on the CPU; its state is checkpointed.
    augment
        Applies the stream's augmentation to a batch of images (identity if the stream has none).
    pe_tile
        (weight rows, weight columns) of a PE.
    work
        Where the method reports extra work.
    epochs
        Epochs per task of this run; 0 if the caller does not say.
    task, epoch, step
        Current position; ``step`` counts optimiser steps within the task.
    """

    network: nn.Module
    layers: tuple[LayerSpec, ...]
    device: torch.device
    generator: torch.Generator
    augment: Callable[[Tensor], Tensor]
    pe_tile: tuple[int, int]
    work: WorkDone = field(default_factory=WorkDone)
    epochs: int = 0
    task: int = 0
    epoch: int = 0
    step: int = 0


@dataclass(frozen=True)
class TaskPlan:
    """What a method decides before a task.

    Parameters
    ----------
    trainable_pes
        Layer -> bool (G, row tiles, column tiles), True where the PE trains; None: every PE trains and the method
        does not place PEs.
    """

    trainable_pes: Mapping[str, Tensor] | None = None


class Method:
    """Base of all methods: plain fine-tuning; a method overrides what it needs.

    ``state`` must hold everything that a resumed run needs, as tensors or JSON-able values.
    """

    config_type: ClassVar[type[MethodConfig]] = MethodConfig
    #: paper and equation, or repository and file
    source: ClassVar[str] = ""
    #: what it may be compared in: "class_il" needs no task identity at test, a "task_il" method is told it
    scenarios: ClassVar[tuple[str, ...]] = ("class_il", "task_il")

    def __init__(self, config: MethodConfig) -> None:
        self.config = config

    def tasks(self, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        """Return the tasks to train on (joint training merges them)."""
        return tasks

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Score, place, set up; called once before the task's first epoch."""
        return TaskPlan()

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Return indices of the task's samples to use in this epoch, or None for all of them."""
        return None

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the scalar loss of one step; ``x`` is un-augmented (B, C, H, W), ``index`` its sample numbers."""
        return nn.functional.cross_entropy(context.network(context.augment(x)), y)

    def before_step(self, context: Context) -> None:
        """Change gradients after backward and before the optimiser's step."""

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        """Enforce masks, fill buffers."""

    def after_epoch(self, context: Context, task: Task) -> None:
        """Change masks."""

    def after_task(self, context: Context, task: Task) -> None:
        """Remember what later tasks need."""

    def active_masks(self) -> Mapping[str, Tensor] | None:
        """Return layer -> bool weight mask in the parameter's own shape (sparsity), or None for a dense method."""
        return None

    def update_masks(self) -> Mapping[str, Tensor] | None:
        """Return layer -> bool mask of the weights this step may update (parameter's shape), or None for all."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """Return everything a resumed run needs."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""


def _import_all() -> None:
    package = importlib.import_module("imcsim.learn.methods")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")


METHODS: Registry[type[Method]] = Registry("method", _import_all)
method = METHODS.register
