"""Methods that adapt a frozen backbone: what belongs to a task is stored with it, and put back when it is served.

The backbone is the deployed network, or, where nothing was trained before deployment, what the first task makes of
the initial weights. Each later task starts from it and trains its own part (adaptors, side paths, norm layers) and its
rows of the shared classifier. It is served with exactly that part, so that earlier tasks keep their accuracy to the
last bit.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from typing_extensions import TypeVar

from imcsim.learn.adapt.adaptor import adaptors
from imcsim.learn.adapt.rates import scaled_rate
from imcsim.learn.method import Context, Method, MethodConfig, TaskPlan
from imcsim.learn.placing.pe_blocks import pe_counts
from imcsim.learn.quantize import mapped_module
from imcsim.learn.sparcl.loss import restrict
from imcsim.learn.stream import Task
from imcsim.trace.schema import Scenario

if TYPE_CHECKING:
    from imcsim.learn.config import LearnConfig

State = dict[str, Tensor]

FLOAT_BITS = 32  # digital logic keeps statistics and scales as floats


class NormConfig(MethodConfig):
    """What becomes of norm layers; a method with this alone takes the run's optimiser for everything.

    Parameters
    ----------
    norm
        "per-task": norm layers train with each task and are stored with it, statistics included. "frozen": they stay
        as the backbone left them. Which of the two a paper took decides much of its accuracy and of its memory.
    """

    norm: Literal["per-task", "frozen"] = "per-task"


class PerTaskConfig(NormConfig):
    """What every method with adaptors needs.

    Parameters
    ----------
    learning_rate, head_learning_rate
        Adam's steps for the method's own part, and for the classifier and norm layers. A number is taken as it is;
        None: ``full_rates``, which hold for a task of ``full_steps`` steps and grow in a shorter one
        (:func:`~imcsim.learn.adapt.rates.scaled_rate`). The backbone itself, if the first task trains it, takes the
        run's optimiser.
    """

    #: (own part, classifier and norm layers), and the steps of a task that they hold for (design choices)
    full_rates: ClassVar[tuple[float, float]] = (1e-3, 1e-3)
    full_steps: ClassVar[int] = 1000

    learning_rate: float | None = Field(None, gt=0)
    head_learning_rate: float | None = Field(None, gt=0)

    def rates(self, steps: int) -> tuple[float, float]:
        """Return both rates in a task of ``steps`` optimiser steps."""
        own, head = self.full_rates
        return self.rate(self.learning_rate, own, steps), self.rate(self.head_learning_rate, head, steps)

    def rate(self, given: float | None, full: float, steps: int) -> float:
        """Return the rate that was ``given``, else ``full`` scaled to a task of ``steps``."""
        return scaled_rate(full, self.full_steps, steps) if given is None else given


NormT = TypeVar("NormT", bound=NormConfig, default=PerTaskConfig, covariant=True)


class PerTaskMethod(Method[NormT]):
    """Base of the methods over a frozen backbone; see the head of this file.

    A subclass adds its part in :meth:`prepare` and names it in :meth:`own`; the part is the identity until trained.
    """

    config_type: ClassVar[type[MethodConfig]] = PerTaskConfig
    scenarios: ClassVar[tuple[Scenario, ...]] = ("task-il",)
    #: what the method's part does to the backbone, see :meth:`effect`
    act: ClassVar[str] = ""

    def __init__(self, config: NormT) -> None:
        super().__init__(config)
        self.origin: State = {}
        self.saved: dict[int, State] = {}
        self._classes: tuple[int, ...] = ()
        self._head: tuple[str, Tensor] | None = None
        self._bias: Tensor | None = None

    def acts(self) -> tuple[str, ...]:
        """Return what the method's part does to the backbone."""
        return (self.act,) if self.act else ()

    def effect(self, context: Context) -> int:
        """Return on how many weights or segments the method's part has an effect: those that adaptors change."""
        return sum(
            adaptor.effect(mapped_module(context.network, n)) for n, adaptor in adaptors(context.network).items()
        )

    def own(self, context: Context) -> set[str]:
        """Return the names, in the network's state, of what the method trains anew for each task: all adaptors."""
        return {f"{layer}.adaptor.{name}" for layer, a in adaptors(context.network).items() for name in a.state_dict()}

    def written_layers(self, context: Context) -> set[str]:
        """Return the layers whose cells a task may write, beside the classifier: those with adaptors of cells."""
        return {name for name, adaptor in adaptors(context.network).items() if adaptor.where == "cells"}

    def begin(self, context: Context, task: Task) -> None:
        """Set up the method's part for a new task; it has just been put back to the identity."""

    def stored_bits(self, context: Context) -> int:
        """Return the bits of the method's own part that serving a task needs: those of the adaptors."""
        return sum(adaptor.bits() for adaptor in adaptors(context.network).values())

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Train the backbone in the first task of an untrained network; else start anew from the backbone."""
        self._classes = task.classes
        if self.trains_backbone(context):
            return self._plan(context, self._backbone(context), {spec.name for spec in context.layers})
        if not self.origin:
            self.origin = self._copy(context, self._state_names(context))
        head = self._head_names(context)
        self._load(context, {name: value for name, value in self.origin.items() if name not in head})
        self.begin(context, task)
        trained = self.own(context) | self._head_names(context)
        if self.config.norm == "per-task":
            trained |= _norm_names(context.network)
        return self._plan(context, trained, self.written_layers(context))

    def trains_backbone(self, context: Context) -> bool:
        """Whether this task trains the backbone: the first one, if nothing was trained before deployment."""
        return context.task == 0 and not context.deployed

    def optimizer(
        self, context: Context, parameters: Mapping[str, nn.Parameter], config: "LearnConfig"
    ) -> torch.optim.Optimizer:
        """Return Adam with a step of its own for the method's part; the run's optimiser for the backbone."""
        if self.trains_backbone(context) or not isinstance(self.config, PerTaskConfig):
            return super().optimizer(context, parameters, config)
        own = self.own(context)
        parts = [p for name, p in parameters.items() if name in own]
        others = [p for name, p in parameters.items() if name not in own]
        groups = zip((parts, others), self.config.rates(context.steps), strict=True)
        return torch.optim.Adam([{"params": part, "lr": rate} for part, rate in groups if part])

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Hold the statistics of frozen norm layers."""
        if self.config.norm == "frozen" and not self.trains_backbone(context):
            own = self.own(context)
            for name, module in context.network.named_modules():
                if isinstance(module, _BatchNorm) and f"{name}.running_mean" not in own:
                    module.eval()
        return None

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the cross-entropy over the task's own classes."""
        logits = context.network(context.augment(x))
        return nn.functional.cross_entropy(restrict(logits, task.classes), y)

    def before_step(self, context: Context) -> None:
        """Remember the classifier's bias: only the task's own entries may change."""
        self._head = self._head or self._make_head(context)
        bias = context.network.get_submodule(context.layers[-1].name).bias
        self._bias = bias.detach().clone() if isinstance(bias, Tensor) else None

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        """Put back what momentum or weight decay did to the bias of other tasks' classes."""
        bias = context.network.get_submodule(context.layers[-1].name).bias
        if isinstance(bias, Tensor) and self._bias is not None:
            mine = self._own_classes(bias)
            with torch.no_grad():
                bias.copy_(torch.where(mine, bias, self._bias))

    def after_task(self, context: Context, task: Task) -> None:
        """Store the task's part and report its bits."""
        if self.act and not self.trains_backbone(context):
            context.work.did(self.act, self.effect(context))
        self.saved[context.task] = self._copy(context, self._state_names(context))
        self._head = None
        bits = self.stored_bits(context)
        if self.config.norm == "per-task":
            state = context.network.state_dict()
            bits += FLOAT_BITS * sum(state[n].numel() for n in _norm_names(context.network) if state[n].dim())
        context.work.add("mask_bits", bits)

    def update_masks(self) -> Mapping[str, Tensor] | None:
        """Return the classifier's rows of the task's classes."""
        return None if self._head is None else dict([self._head])

    @contextmanager
    def serving(self, context: Context, task: int) -> Iterator[None]:
        """Serve a learned task with its own part; a task not yet learned with whatever is there."""
        if task not in self.saved:
            yield
            return
        now = self._copy(context, self._state_names(context))
        self._load(context, self.saved[task])
        try:
            yield
        finally:
            self._load(context, now)

    def switched_layers(self, context: Context) -> tuple[str, ...]:
        """Return the layers whose cells hold other weights for each task."""
        written = self.written_layers(context)
        return tuple(spec.name for spec in context.layers if spec.name in written)

    def state_dict(self) -> dict[str, Any]:
        """Return the backbone's values and every task's part."""
        saved = {str(task): dict(state) for task, state in self.saved.items()}
        return {"origin": dict(self.origin), "saved": saved, "classes": list(self._classes)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.origin = dict(state["origin"])
        self.saved = {int(task): dict(values) for task, values in state["saved"].items()}
        self._classes = tuple(state["classes"])

    def _state_names(self, context: Context) -> set[str]:
        return self.own(context) | _norm_names(context.network) | self._head_names(context)

    def _head_names(self, context: Context) -> set[str]:
        name = context.layers[-1].name
        return {f"{name}.{key}" for key, _ in context.network.get_submodule(name).named_parameters(recurse=False)}

    def _backbone(self, context: Context) -> set[str]:
        return {name for name, _ in context.network.named_parameters()} - self.own(context)

    def _plan(self, context: Context, trained: set[str], written: set[str]) -> TaskPlan:
        self._head = self._make_head(context)
        return TaskPlan(self.written_pes(context, trained, written), frozenset(trained))

    def written_pes(self, context: Context, trained: set[str], written: set[str]) -> dict[str, Tensor]:
        """Return layer -> bool (G, row tiles, column tiles): PEs whose cells the task may write."""
        own = self.own(context)
        pes = {}
        for spec in context.layers:
            side = f"{spec.name}.weight" in own
            writes = spec is context.layers[-1] or (f"{spec.name}.weight" in trained if side else spec.name in written)
            pes[spec.name] = torch.full(pe_counts(spec, context.pe_tile), writes)
        return pes

    def _make_head(self, context: Context) -> tuple[str, Tensor]:
        name = context.layers[-1].name
        weight = context.network.get_parameter(f"{name}.weight")
        rows = self._own_classes(weight[:, 0])
        return name, rows[:, None].expand_as(weight).clone()

    def _own_classes(self, like: Tensor) -> Tensor:
        mine = torch.zeros(like.shape[0], dtype=torch.bool, device=like.device)
        mine[list(self._classes)] = True
        return mine

    def _copy(self, context: Context, names: set[str]) -> State:
        state = context.network.state_dict()
        return {name: state[name].detach().clone() for name in sorted(names)}

    @torch.no_grad()
    def _load(self, context: Context, values: Mapping[str, Tensor]) -> None:
        state = context.network.state_dict()
        for name, value in values.items():
            state[name].copy_(value)


def _norm_names(network: nn.Module) -> set[str]:
    """Return the state of all batch-norm layers, statistics included."""
    return {
        f"{name}.{key}"
        for name, module in network.named_modules()
        if isinstance(module, _BatchNorm)
        for key in module.state_dict()
    }
