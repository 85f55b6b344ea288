"""Every registered method keeps the laws of a method; methods that break one are caught."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.crossbar.layer_tags import keep_adaptor
from imcsim.learn.api import learn_on
from imcsim.learn.config import LearnConfig
from imcsim.learn.method import METHODS, Context, Method, MethodConfig, TaskPlan
from imcsim.learn.methods.piggyback import ElementMask, PiggybackConfig
from imcsim.learn.placing.pe_blocks import pe_counts
from imcsim.learn.shapes import trace_layers
from imcsim.learn.start import make_network, make_stream
from imcsim.learn.stream import Task
from imcsim.testing.methods import TINY, MethodCheckError, check_method
from imcsim.testing.user_frozen import check_user_frozen
from imcsim.trace.trace import Trace

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


class _WritesTheFrozen(_Broken):
    def after_task(self, context: Context, task: Task) -> None:
        with torch.no_grad():
            context.network.get_parameter(f"{context.layers[1].name}.weight").mul_(0.5)


class _HoldsOtherCells(_Broken):
    """Gives a layer that the user froze a mask in its cells, past ``attach``."""

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        spec = trace_layers(network, image_shape)[1]
        layer = network.get_submodule(spec.name)
        keep_adaptor(layer, ElementMask(spec, layer.get_parameter("weight").detach(), PiggybackConfig()))
        return network

    def after_epoch(self, context: Context, task: Task) -> None:
        with torch.no_grad():
            context.network.get_parameter(f"{context.layers[1].name}.adaptor.latent").view(-1)[::2] = -1.0


class _LetsTrainAgain(_Broken):
    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        context.network.get_parameter(f"{context.layers[1].name}.bias").requires_grad_(True)
        return None


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (_WritesTheFrozen, "method 'broken' changed parameter 'features.1.conv.weight', which the user froze"),
        (_HoldsOtherCells, r"task 0: layer 'features\.1\.conv', .*: more weights changed than may"),
        (_LetsTrainAgain, "broken: 'features.1.conv.bias' changed, or trains again, though the user froze it"),
    ],
)
def test_what_the_user_froze_is_watched(broken: type[Method], message: str, registered: str) -> None:
    METHODS.register(registered)(broken)
    tiny = TINY | {"network_params": {"channels": [4, 8, 8], "norm": False}, "method": registered}
    with pytest.raises(MethodCheckError, match=message):
        check_user_frozen(parse(LearnConfig, tiny, "test"))


def _frozen_run(method: str, frozen: tuple[str, ...], **config: Any) -> Trace:
    settings = parse(LearnConfig, TINY | {"method": method, "method_config": config}, "test")
    stream = make_stream(settings)
    network = make_network(settings, stream)
    for name in frozen:
        network.get_parameter(name).requires_grad_(False)
    before = {name: network.get_parameter(name) for name in frozen}
    kept = {name: value.detach().clone() for name, value in before.items()}
    trace = learn_on(settings, network, stream)
    assert all(torch.equal(before[name].detach(), kept[name]) for name in frozen)
    return trace


@pytest.mark.parametrize("method", ["packnet", "cpg", "piggyback", "ksm", "sparcl", "static", "xma2", "hyb-learn"])
def test_a_frozen_layer_in_the_middle_keeps_its_cells(method: str) -> None:
    trace = _frozen_run(method, ("features.1.conv.weight", "features.0.norm.weight"))
    codes = trace.codes["features.1.conv"]
    assert (codes == codes[:1]).all() and (codes != 0).mean() > 0.9
    assert (trace.codes["features.2.conv"][0] != trace.codes["features.2.conv"][-1]).any()  # the others train
    assert not trace.placement.get("features.1.conv", np.zeros(1, bool)).any()


def test_a_frozen_classifier_is_not_closed_by_growth() -> None:
    trace = _frozen_run("cpg", ("classifier.weight", "classifier.bias"))
    assert (trace.codes["classifier"] == trace.codes["classifier"][:1]).all()


def test_hyb_learn_counts_frozen_layers_first() -> None:
    trace = _frozen_run("hyb-learn", ("features.2.conv.weight",), frozen_fraction=0.5, freeze_classifier=True)
    total = sum(mask[1].size for mask in trace.placement.values())
    frozen = sum(int((~mask[1]).sum()) for mask in trace.placement.values())
    layer = trace.placement["features.2.conv"][1]
    assert not layer.any()
    assert frozen == max(round(0.5 * total), layer.size)


@pytest.mark.parametrize(("frozen", "behind"), [("features.1.conv", "features.0.conv"), ("classifier", "features.0")])
def test_nispa_refuses_a_frozen_layer_behind_one_that_trains(frozen: str, behind: str) -> None:
    with pytest.raises(ConfigError, match=f"network came with '{frozen}' frozen behind '{behind}"):
        _frozen_run("nispa", (f"{frozen}.weight",))


def test_nispa_takes_a_frozen_front_as_stable_and_whole() -> None:
    trace = _frozen_run("nispa", ("features.0.conv.weight", "features.1.conv.weight"), density=0.3)
    assert all(trace.active[name].all() for name in ("features.0.conv", "features.1.conv"))
    assert trace.active["features.2.conv"].mean() < 0.5


def test_masks_have_nothing_left_where_all_is_frozen() -> None:
    frozen = ("features.1.conv.weight", "features.2.conv.weight")
    with pytest.raises(ConfigError, match=r"static: no layer is left to mask, since the network came with features.1"):
        _frozen_run("static", frozen)
