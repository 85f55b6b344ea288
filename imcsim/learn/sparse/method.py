"""What sparse-training methods share: masks over a base method, and how they start."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from typing_extensions import TypeVar

from imcsim.learn.method import Context, TaskPlan
from imcsim.learn.over_base import BaseChoice, OverBase
from imcsim.learn.sparcl.importance import random_mask
from imcsim.learn.sparcl.masks import SparseMasks, masked_layers
from imcsim.learn.sparse.density import Distribution, floored_sparsity, layer_densities
from imcsim.learn.state import SavedState, State
from imcsim.learn.stream import Task


class SparseConfig(BaseChoice):
    """What every sparse-training method needs.

    Parameters
    ----------
    base, base_config
        Method that gives the loss, any that can be a base, and its configuration.
    sparsity
        s, the share of the masked layers' weights that do not exist.
    dense_layers
        Layers that are never masked; None: the first, the last and 1x1 convolutions, as in SparCL.
    """

    sparsity: float = Field(0.9, ge=0, lt=1)
    dense_layers: tuple[str, ...] | None = None


class SpreadConfig(SparseConfig):
    """How the density is spread over layers.

    Parameters
    ----------
    distribution
        "uniform", "er" or "erk"; see :func:`~imcsim.learn.sparse.density.layer_densities`.
    floor_zeros
        Code (google-research/rigl): zeros are counted layer by layer and cut off, in the densities and in the masks.
    """

    distribution: Distribution = "uniform"
    floor_zeros: bool = False


SparseT = TypeVar("SparseT", bound=SparseConfig, default=SparseConfig, covariant=True)


class SparseMethod(OverBase[SparseT]):
    """A base method whose masked layers hold sparse weights; masks live through the whole stream.

    A subclass starts the masks in :meth:`first_masks` and changes them through ``self.masks``; the loop keeps weights
    outside them at 0.
    """

    def __init__(self, config: SparseT) -> None:
        super().__init__(config)
        self.masks = SparseMasks()

    #: what the masks do later on
    mask_acts: ClassVar[tuple[str, ...]] = ()

    def acts(self) -> tuple[str, ...]:
        """Return the base method's acts, the pruning before the first task, and what masks do later."""
        return (*super().acts(), "pruning", *self.mask_acts) if self.config.sparsity else super().acts()

    def first_masks(self, context: Context, task: Task) -> dict[str, Tensor]:
        """Return the masks that the first task starts with: random ones, of the configured distribution."""
        weights = self.masks.weights
        shapes, rule = [tuple(w.shape) for w in weights.values()], self.config
        spread: tuple[Distribution, bool] = ("uniform", False)
        if isinstance(rule, SpreadConfig):
            spread = (rule.distribution, rule.floor_zeros)
        masks = {}
        for (name, w), density in zip(weights.items(), layer_densities(shapes, rule.sparsity, *spread), strict=True):
            sparsity = floored_sparsity(w.numel(), 1 - density) if spread[1] else 1 - density
            dense = torch.ones_like(w, dtype=torch.bool)
            masks[name] = random_mask(w, sparsity, context.generator) if density < 1 else dense
        return masks

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Start the masks before the first task; as the base method otherwise."""
        plan = super().before_task(context, task)
        self.bound(context)
        if context.task == 0:
            self.masks.replace(self.first_masks(context, task))
            context.work.did("pruning", sum(int((~mask).sum()) for mask in self.masks.active.values()))
        self.masks.begin_task()
        return plan

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """As the base method."""
        self.bound(context)
        return super().before_epoch(context, task)

    def after_task(self, context: Context, task: Task) -> None:
        """Report the masks."""
        super().after_task(context, task)
        self.bound(context).report(context.work)

    def active_masks(self) -> Mapping[str, Tensor] | None:
        """Return the masked layers' masks."""
        return self.masks.active

    def bound(self, context: Context) -> SparseMasks:
        """Return the masks, tied to the network (anew after a checkpoint)."""
        if not self.masks.weights:
            chosen = masked_layers(context.layers, self.config.dense_layers, self.title, context.frozen)
            self.masks.bind(context.network, chosen)
        return self.masks

    def state_dict(self) -> State:
        """Return the masks and the base method's state."""
        return {**super().state_dict(), "masks": self.masks.state_dict()}

    def load_state_dict(self, state: SavedState) -> None:
        """Take back what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        self.masks.load_state_dict(state["masks"])


def step_gradient(weight: Tensor) -> Tensor:
    """Return a weight's gradient of the step that just ran backward; zeros if it has none."""
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


@contextmanager
def outputs_of(network: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the detached outputs (B, classes) of every forward pass of ``network`` inside the block, in order."""
    seen: list[Tensor] = []
    keep: Callable[[nn.Module, Any, Tensor], None] = lambda _, __, output: seen.append(output.detach())  # noqa: E731
    handle = network.register_forward_hook(keep)
    try:
        yield seen
    finally:
        handle.remove()
