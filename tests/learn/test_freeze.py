from typing import Any

import pytest
import torch
from torch import Tensor

from imcsim.learn.api import learn_on, make_learner
from imcsim.learn.freeze import Freezer
from imcsim.learn.loop import start_task, train_epoch
from imcsim.learn.method import Context, Method, MethodConfig, TaskPlan
from imcsim.learn.placing.pe_blocks import expand, pe_counts
from imcsim.learn.quantize import Quantiser, mapped_module
from imcsim.learn.shapes import trace_layers, weight_from_matrix
from imcsim.learn.stream import Task
from tests.learn.helpers import TinyNet, tiny_config, tiny_net, tiny_stream

TILE = (4, 2)


class PlanConfig(MethodConfig):
    frozen: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    half_update: bool = False


class Plan(Method):
    """Freezes whole layers, every second PE of others, and optionally updates only every second weight."""

    config_type = PlanConfig
    config: PlanConfig

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        pes = {spec.name: torch.ones(pe_counts(spec, context.pe_tile), dtype=torch.bool) for spec in context.layers}
        self.update = {}
        for name in self.config.frozen:
            pes[name][:] = False
        for name in self.config.partial:
            pes[name].view(-1)[::2] = False
        if self.config.half_update:
            for spec in context.layers:
                mask = torch.zeros_like(mapped_module(context.network, spec.name).weight, dtype=torch.bool)
                mask.view(-1)[::2] = True
                self.update[spec.name] = mask
        return TaskPlan(pes)

    def update_masks(self) -> dict[str, Tensor] | None:
        return self.update or None


def freezer(network: TinyNet, pes: dict[str, Tensor], freeze_digital: bool = True) -> Freezer:
    layers = trace_layers(network, (1, 4, 4))
    Quantiser(network, layers, 8)
    built = Freezer(network, layers, TILE, freeze_digital)
    plan = {spec.name: torch.ones(pe_counts(spec, TILE), dtype=torch.bool) for spec in layers} | pes
    built.apply(TaskPlan(plan))
    return built


def saved_shapes(network: TinyNet, x: Tensor) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = []

    def keep(tensor: Tensor) -> Tensor:
        shapes.append(tuple(tensor.shape))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network.second(x)
    return shapes


def none(network: TinyNet, name: str) -> Tensor:
    layers = {spec.name: spec for spec in trace_layers(network, (1, 4, 4))}
    return torch.zeros(pe_counts(layers[name], TILE), dtype=torch.bool)


def test_a_frozen_layer_keeps_no_input_and_computes_no_weight_gradient() -> None:
    network = tiny_net()
    x = torch.rand(5, 3, 4, 4, requires_grad=True)
    freezer(network, {})
    assert (5, 3, 4, 4) in saved_shapes(network, x)
    freezer(network, {"second": none(network, "second")})
    assert saved_shapes(network, x) == [(2, 3, 3, 3)]  # the weight alone, for the input gradient
    network(torch.rand(2, 1, 4, 4)).sum().backward()
    assert network.second.weight.grad is None
    assert network.first.weight.grad is not None


def test_input_gradient_through_a_frozen_convolution_is_exact() -> None:
    network = tiny_net()
    freezer(network, {})
    x = torch.rand(5, 3, 4, 4, requires_grad=True)
    (network.second(x) ** 2).sum().backward()
    expected = x.grad
    freezer(network, {"second": none(network, "second")}, freeze_digital=False)
    y = x.detach().requires_grad_()
    (network.second(y) ** 2).sum().backward()
    assert expected is not None and y.grad is not None
    torch.testing.assert_close(y.grad, expected)
    assert network.second.bias is not None and network.second.bias.grad is not None


def test_a_frozen_head_of_the_network_ends_the_backward_pass() -> None:
    network = tiny_net(norm=True)
    freezer(network, {"first": none(network, "first")})
    assert not network.first(torch.rand(2, 1, 4, 4)).requires_grad
    assert not network.norm.weight.requires_grad
    network = tiny_net(norm=True)
    freezer(network, {"first": none(network, "first")}, freeze_digital=False)
    assert network.norm.weight.requires_grad


def test_the_next_plan_trains_again_what_the_last_froze() -> None:
    network = tiny_net()
    found = freezer(network, {"first": none(network, "first")})
    found.apply(TaskPlan())
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert found.pes is None


def test_a_plan_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="plan for layer first"):
        freezer(tiny_net(), {"first": torch.ones(1, 1, 1, dtype=torch.bool)})


def test_shares_of_a_partly_frozen_layer() -> None:
    network = tiny_net()
    pes = none(network, "first")  # 9 rows: tiles of 4, 4 and 1; 3 columns: tiles of 2 and 1
    pes[0, 2, 0] = True
    found = freezer(network, {"first": pes})
    spec = found.layers[0]
    assert found.kept_share(spec) == pytest.approx(1 / 9)
    assert found.trainable_weights(spec) == 2


@pytest.mark.parametrize("optimiser", [{}, {"momentum": 0.9, "weight_decay": 0.1}])
def test_frozen_weights_keep_every_bit(optimiser: dict[str, float]) -> None:
    network = tiny_net()
    plan = Plan(PlanConfig(frozen=("second",), partial=("first", "head")))
    learner = make_learner(tiny_config(**optimiser), network, tiny_stream(), plan)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    start_task(learner, learner.tasks[0])
    for _ in range(2):
        train_epoch(learner, learner.tasks[0])
    assert torch.equal(network.second.weight, before["second.weight"])
    pes = learner.freezer.pes
    assert pes is not None
    for spec in learner.quantiser.layers:
        moved = network.get_submodule(spec.name).weight != before[f"{spec.name}.weight"]
        trains = weight_from_matrix(expand(pes[spec.name], spec, TILE), spec)
        assert not (moved & ~trains).any()
        assert spec.name == "second" or bool((moved & trains).any())


def test_update_masks_bound_what_a_step_changes() -> None:
    config = tiny_config(momentum=0.9, weight_decay=0.1)
    network = tiny_net()
    before = network.head.weight.detach().clone()
    trace = learn_on(config, network, tiny_stream(), method=Plan(PlanConfig(half_update=True)))
    moved = (network.head.weight != before).view(-1)
    assert not moved[1::2].any() and moved[::2].all()
    steps = trace.task_counts["optimizer_steps"][0]
    head = trace.layer_index["head"]
    assert trace.counts["updated_weights"][0, head] == steps * 64
    vectors = trace.counts["weight_gradient_vectors"][0, head]
    assert trace.counts["weight_gradient_macs"][0, head] == vectors * 64


def test_a_run_with_everything_frozen_changes_nothing() -> None:
    plan = Plan(PlanConfig(frozen=("first", "second", "head")))
    network = tiny_net()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trace = learn_on(tiny_config(), network, tiny_stream(), method=plan)
    after: dict[str, Any] = network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    for name in ("weight_gradient_macs", "input_gradient_vectors", "kept_elements", "updated_weights"):
        assert trace.counts[name].sum() == 0
    assert trace.counts["forward_vectors"].sum() > 0
    assert trace.meta.pe_tile == TILE
