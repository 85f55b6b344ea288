"""What a user put on a layer is still there, and does the same, at every door."""

from typing import Any

import torch
from torch import Tensor, nn

import imcsim
from imcsim.learn.shapes import trace_layers
from tests.analog.hand import ALL_OFF, chip
from tests.learn.helpers import tiny_net, tiny_stream


def hooked() -> tuple[nn.Module, list[str]]:
    """Return a network with a hook of each kind on its second layer, and what they saw."""
    network, seen = tiny_net(), []

    def before(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
        seen.append("before")
        return (args[0] * 0.5,)

    def after(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        seen.append("after")
        return output + 1

    network.second.register_forward_pre_hook(before)
    network.second.register_forward_hook(after)
    network.second.register_full_backward_hook(lambda *_: seen.append("backward"))
    network.second.register_full_backward_pre_hook(lambda *_: seen.append("backward before"))
    return network, seen


def test_hooks_run_on_the_arrays_as_they_do_without() -> None:
    network, seen = hooked()
    x = torch.rand(4, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = network.eval()(x).detach()
    plain = tiny_net().eval()(x).detach()
    assert float((expected - plain).abs().max()) > 0.1  # the hooks matter
    analog = imcsim.convert(network, chip(), config=ALL_OFF)
    analog.program(0)
    analog.calibrate(x)
    seen.clear()
    torch.testing.assert_close(analog.eval()(x), expected, rtol=0.05, atol=0.05)  # 8-bit inputs and weights
    assert seen == ["before", "after"]
    analog.train()(x.requires_grad_()).sum().backward()
    assert seen[2:] == ["before", "after", "backward before", "backward"]


def test_hooks_run_while_learning_and_count_nothing() -> None:
    network, seen = hooked()
    trace = imcsim.learn(network, tiny_stream(), epochs=1, batch_size=5)
    steps = int(trace.task_counts["optimizer_steps"].sum())
    assert seen.count("backward") == steps == 4
    plain = imcsim.learn(tiny_net(), tiny_stream(), epochs=1, batch_size=5)
    assert all((trace.counts[name] == plain.counts[name]).all() for name in trace.counts if "vectors" in name)
    assert (trace.codes["second"][-1] != plain.codes["second"][-1]).any()


def test_a_hook_that_changes_the_shape_leaves_the_layer_as_it_is() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(2, 3))
    network[0].register_forward_hook(lambda module, args, output: output.mean((2, 3), keepdim=True))
    conv, linear = trace_layers(network, (1, 4, 4))
    assert (conv.positions, conv.output_elements) == (16, 32)
    assert linear.in_features == 2


class Tagged(nn.Module):
    """Uses what it hung on a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.fc: Any = nn.Linear(4, 4)
        self.fc.gain = nn.Parameter(torch.tensor(3.0))
        self.fc.register_buffer("shift", torch.tensor(0.5), persistent=False)
        self.fc.add_module("norm", nn.LayerNorm(4))
        vars(self.fc)["note"] = "kept"

    def forward(self, x: Tensor) -> Tensor:
        fc = self.fc
        y: Tensor = fc.norm(fc(x) * fc.gain + fc.shift)
        return y if fc.note == "kept" else y * 0


def test_parameters_buffers_modules_and_attributes_of_a_layer_come_along() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Tagged().eval()
        x = torch.rand(3, 4)
    analog = imcsim.convert(network, chip(), config=ALL_OFF)
    analog.program(0)
    analog.calibrate(x)
    torch.testing.assert_close(analog.eval()(x), network(x), rtol=0.05, atol=0.05)
    assert analog.state_dict().keys() == network.state_dict().keys()
    assert not any("stands_in" in name for name in vars(analog.fc))
    assert "forward" not in vars(analog.fc)
