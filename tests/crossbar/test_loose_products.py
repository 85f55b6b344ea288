"""A product with a parameter that no layer computes is refused by the parameter's name; all else passes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import imcsim
from imcsim.core.errors import MappingError
from imcsim.learn.shapes import trace_layers
from tests.analog.hand import chip
from tests.learn.helpers import tiny_stream

Between = Callable[["Net", Tensor], Tensor]


class Net(nn.Module):
    """16 inputs, a layer of 16, what ``between`` makes of its output, and a head of 4; ``w`` is nobody's weight."""

    def __init__(self, between: Between) -> None:
        super().__init__()
        self.a, self.head = nn.Linear(16, 16), nn.Linear(16, 4)
        self.w, self.scale = nn.Parameter(torch.eye(16)), nn.Parameter(torch.ones(16))
        self.norm, self.table = nn.LayerNorm(16), nn.Parameter(torch.eye(16).view(1, 16, 16))
        self.mask: Tensor
        self.register_buffer("mask", torch.ones(16, 16))
        self.between = between

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(self.between(self, self.a(x.flatten(1))))
        return y


def image(x: Tensor) -> Tensor:
    return x.view(-1, 1, 4, 4)


def filled(net: Net, x: Tensor) -> Tensor:
    tokens = torch.zeros(len(x), 2, 16)
    tokens[:, 0] = x
    tokens = tokens + net.scale  # an activation, as x went into it
    return (tokens @ tokens.transpose(1, 2) @ tokens)[:, 0]


LOOSE: list[tuple[str, Between]] = [
    ("a.weight", lambda net, x: functional.linear(x.relu(), net.a.weight.t())),
    ("a.weight", lambda net, x: x @ net.a.weight.data),
    ("w", lambda net, x: functional.linear(x, net.w)),
    ("w", lambda net, x: functional.linear(x, net.w, net.scale)),
    ("w", lambda net, x: x @ net.w),
    ("w", lambda net, x: torch.stack([net.w @ row for row in x])),
    ("w", lambda net, x: torch.einsum("bi,oi->bo", x, net.w)),
    ("w", lambda net, x: torch.tensordot(x, net.w, 1)),
    ("w", lambda net, x: functional.linear(x, net.w * net.mask / net.mask.sum())),
    ("w", lambda net, x: functional.linear(x, net.w[:, torch.arange(16)].abs().clone())),
    ("w", lambda net, x: functional.conv2d(image(x), net.w.view(16, 1, 4, 4)).flatten(1)),
    ("w", lambda net, x: functional.conv1d(x.unsqueeze(2), net.w.unsqueeze(2)).flatten(1)),
    ("w", lambda net, x: functional.conv_transpose2d(image(x), net.w.view(1, 256, 1, 1)[:, :1]).flatten(1)),
    ("table", lambda net, x: functional.bilinear(x, x, net.table.expand(16, 16, 16))),
    ("w", lambda net, x: functional.scaled_dot_product_attention(x[:, None], net.w[None], net.w[None])[:, 0]),
    ("scale", lambda net, x: x * (x @ net.scale).unsqueeze(1)),
]
FINE: list[Between] = [
    lambda net, x: net.scale * x + net.w[0],
    lambda net, x: net.norm(x),
    lambda net, x: functional.softmax(x[:, :, None] @ x[:, None], -1).sum(1) * net.scale,
    lambda net, x: functional.embedding(torch.zeros(len(x), dtype=torch.int64), net.w) + x,
    lambda net, x: torch.baddbmm(net.table, x[:, :, None], x[:, None])[:, 0],
    lambda net, x: functional.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None], net.w[:1, :1])[:, 0],
    filled,
]


@pytest.mark.parametrize(("name", "between"), LOOSE)
def test_a_product_with_a_parameter_outside_a_layer_is_refused_by_name(name: str, between: Between) -> None:
    network = Net(between)
    before = {key: values.clone() for key, values in network.state_dict().items()}
    for door in (
        lambda: trace_layers(network, (1, 4, 4)),
        lambda: imcsim.learn(network, tiny_stream()),
        lambda: imcsim.convert(network, chip(), calibration=torch.rand(3, 1, 4, 4)),
    ):
        with pytest.raises(MappingError) as told:
            door()
        assert str(told.value) == (
            f"the network multiplies by parameter '{name}' outside a Linear or Conv2d layer, so that the product is "
            f"neither mapped nor charged: make it the weight of an nn.Linear or nn.Conv2d of its own, and call that"
        )
    assert all(torch.equal(before[key], values) for key, values in network.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


@pytest.mark.parametrize("between", FINE)
def test_activations_and_element_wise_parameters_pass(between: Between) -> None:
    network = Net(between)
    assert [spec.name for spec in trace_layers(network, (1, 4, 4))] == ["a", "head"]
    imcsim.convert(network, chip(), calibration=torch.rand(3, 1, 4, 4))


def test_a_hook_is_outside_its_layer_and_an_excluded_layer_is_inside_itself() -> None:
    network = Net(lambda net, x: x)
    network.a.register_forward_hook(lambda layer, inputs, output: output @ network.w)
    with pytest.raises(MappingError, match="multiplies by parameter 'w'"):
        trace_layers(network, (1, 4, 4))
    network = Net(lambda net, x: x)
    network.a.register_forward_pre_hook(lambda layer, inputs: inputs[0] @ network.w)
    with pytest.raises(MappingError, match="multiplies by parameter 'w'"):
        trace_layers(network, (1, 4, 4))
    kept = Net(lambda net, x: x)
    imcsim.convert(kept, chip(), exclude=["a"], calibration=torch.rand(3, 1, 4, 4))


def test_a_network_that_has_learned_passes_again() -> None:
    network = Net(lambda net, x: net.scale * x)
    for _ in range(2):  # the second time with code steps and a forward of this package's own
        imcsim.learn(network, tiny_stream(), epochs=1)


def test_a_compiled_network_is_seen_through_and_compiles_afterwards() -> None:
    compiled: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, example: list[Tensor]) -> Callable[..., Any]:
        compiled.append(graph)
        return graph.forward

    for index, between in enumerate((lambda net, x: x.relu(), lambda net, x: x @ net.w)):
        network: Any = torch.compile(Net(between), backend=backend)
        if index:
            network(torch.rand(2, 1, 4, 4))
            with pytest.raises(MappingError, match=r"multiplies by parameter '_orig_mod\.w'"):
                trace_layers(network, (1, 4, 4))
        else:
            trace_layers(network, (1, 4, 4))
            assert not compiled
            network(torch.rand(2, 1, 4, 4))
            assert compiled
