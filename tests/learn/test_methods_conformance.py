"""Every registered method keeps the laws of a method; methods that break one are caught."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imcsim.learn.method import METHODS, Context, Method, MethodConfig, TaskPlan
from imcsim.learn.placing.pe_blocks import pe_counts
from imcsim.learn.stream import Task
from imcsim.testing.methods import MethodCheckError, check_method

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("sparcl", {"base": "derpp", "sparsity": 0.5, "gradient_refresh": 2}),
    (
        "sparcl",
        {
            "gradient_terms": "merged",
            "importance_gradient": "last-step",
            "ddr_measure": "forgetting-events",
            "ddr_logits": "all",
            "drop_zero_weights": True,
            "freeze_zero_parameters": True,
        },
    ),
    ("static", {"sparsity": 0.5, "distribution": "erk", "base": "finetune"}),
    ("snip", {"sparsity": 0.5, "ties": "keep", "base": "derpp"}),
    ("set", {"sparsity": 0.5, "drop": "by-sign", "base": "finetune"}),
    ("rigl", {"sparsity": 0.5, "schedule": {"delta_steps": 2}}),
    (
        "rigl",
        {
            "distribution": "erk",
            "base": "derpp",
            "schedule": {"delta_steps": 3, "end_share": 1.0, "decay": "constant"},
            "regrow_dropped": False,
        },
    ),
    (
        "rigl",
        {"sparsity": 0.7, "schedule": {"delta_steps": 2}, "keep_regrown": True, "zeros_tie": True, "base": "finetune"},
    ),
    ("mest", {"variant": "em&s", "sparsity": 0.5, "base": "derpp"}),
    ("mest", {"drop_zero_weights": True, "truncate_growth": True, "gradient_weight": 0.0}),
    ("spfde", {"sparsity": 0.5, "freeze_from": 0.0, "frozen_share": 0.75, "variant": "em&s"}),
    ("spfde", {"sparsity": 0.5, "base": "derpp", "used_share": 0.5, "swap_share": 0.5}),
    ("hyb-learn", {"score": "random", "first_task": "random", "base": "finetune"}),
    ("hyb-learn", {"score": "lowest-correlation", "frozen_fraction": 0.75, "per_layer": True}),
    ("hyb-learn", {"score": "smallest-gradient", "base": "derpp", "frozen_fraction": 0.25}),
    ("hyb-learn", {"score": "first-layers-first", "frozen_fraction": 0.8}),
    ("xma2", {"budget": 0.3, "norm": "frozen", "weight_learning_rate": 0.05}),
    ("xma2", {"budget": 1.0}),
    ("ksm", {"scale_range": "layer", "norm": "frozen", "learning_rate": 0.01}),
    ("ksm", {"unit": "group", "group_size": 3, "norm": "frozen", "learning_rate": 0.01}),
    ("ksm", {"unit": "channel", "learning_rate": 0.01, "rate_decay": "cosine"}),
    ("repnet", {"rate_decay": "step"}),
    ("xma", {"lowest_shift": -3, "highest_shift": 0, "zero_level": False, "norm": "frozen"}),
    ("first-k", {"frozen_layers": 2, "base": "derpp"}),
    ("packnet", {"ties": "all", "norm": "per-task", "retrain_share": 0}),
    ("packnet", {"unit": "column", "norm": "per-task", "prune_shares": [0.5]}),
    ("nispa", {"leftover": "lost", "grown": "zero", "norm": "frozen", "density": 0.5, "dense_first": False}),
    ("lightcl", {"frozen_layers": 0, "beta": 1e-3, "channel_ratio": 0.5}),
    ("cpg", {"widest": 1, "rank_free": True, "ties": "all", "norm": "frozen", "goal": 0.0}),
]


@pytest.mark.parametrize("name", METHODS.names())
def test_registered_methods_conform(name: str) -> None:
    trace = check_method(name)
    assert trace.meta.method == name


@pytest.mark.parametrize(("name", "config"), VARIANTS)
def test_variants_conform(name: str, config: dict[str, Any]) -> None:
    check_method(name, config)


def test_a_linear_network_conforms_too() -> None:
    check_method("sparcl", {}, network="mlp", network_params={"hidden": [16, 16]})


class _Broken(Method):
    """Base of methods that break one law."""

    config_type = MethodConfig
    source = "test"


class _MovesFrozen(_Broken):
    def before_task(self, context: Context, task: Task) -> TaskPlan:
        return TaskPlan({s.name: torch.zeros(pe_counts(s, context.pe_tile), dtype=torch.bool) for s in context.layers})

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        with torch.no_grad():
            context.network.get_submodule(context.layers[0].name).weight.add_(1e-6)  # type: ignore[operator]


class _LeavesMask(_Broken):
    mask: Tensor

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        self.name = context.layers[1].name
        self.weight = context.network.get_parameter(f"{self.name}.weight")
        self.mask = torch.zeros_like(self.weight, dtype=torch.bool)
        return TaskPlan()

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        with torch.no_grad():
            self.weight.add_(1e-6)

    def active_masks(self) -> dict[str, Tensor]:
        return {self.name: self.mask}


class _IgnoresSeed(_Broken):
    runs = 0

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        type(self).runs += 1  # stands for any source of randomness but the generator
        return TaskPlan()

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        return super().loss(context, task, x, y, index) * self.runs


class _Forgets(_Broken):
    steps = 0

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        self.steps += 1
        return super().loss(context, task, x, y, index) / self.steps


class _MaskOfAnotherShape(_Broken):
    def active_masks(self) -> dict[str, Tensor]:
        return {"features.1.conv": torch.ones(1, dtype=torch.bool)}


class _MaskOfNoLayer(_Broken):
    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        self.masks = {"stem": torch.ones(8, dtype=torch.bool)}

    def update_masks(self) -> dict[str, Tensor]:
        return getattr(self, "masks", {})


class _SeesTheWholeBatch(_Broken):
    """At test a task's images come together, so their mean tells the task; only its classes are let through."""

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        if context.task == 0:
            self.means: list[tuple[Tensor, list[int]]] = []
            context.network.register_forward_hook(self._guess)
        self.means.append((task.x_train.mean(0), list(task.classes)))
        return TaskPlan()

    def _guess(self, module: nn.Module, args: tuple[Tensor], output: Tensor) -> Tensor:
        nearest = min(self.means, key=lambda known: float((known[0] - args[0].mean(0)).norm()))
        bonus = torch.zeros(output.shape[1])
        bonus[nearest[1]] = 0.0 if module.training else 1e3
        return output + bonus


class _OfNoScenario(_Broken):
    scenarios = ("domain",)  # type: ignore[assignment]  # what is wrong with it


@pytest.fixture
def registered() -> Iterator[str]:
    """Yield the name under which a test registers its broken method; the registry is as before afterwards."""
    METHODS.names()
    yield "broken"
    METHODS._entries.pop("broken", None)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (_MovesFrozen, "broken: frozen PEs of features.0.conv changed in task 0"),
        (_LeavesMask, "broken: weights of features.1.conv outside the active mask are not 0"),
        (_IgnoresSeed, "broken: the same seed gives another trace"),
        (
            _MaskOfAnotherShape,
            r"the active mask of features.1.conv must be bool \(8, 4, 3, 3\), it is torch.bool \(1,\)",
        ),
        (_MaskOfNoLayer, "broken: the update mask 'stem' is of no mapped layer"),
        (_SeesTheWholeBatch, r"broken: task \d: Class-IL accuracy [01]\.\d+ is .* when tasks are mixed"),
        (_OfNoScenario, r"broken: scenarios \('domain',\) must be of class-il, task-il"),
        (_Forgets, "broken: a resumed run gives another trace"),
    ],
)
def test_broken_methods_are_caught(broken: type[Method], message: str, registered: str) -> None:
    METHODS.register(registered)(broken)
    with pytest.raises(MethodCheckError, match=message):
        check_method(registered)
