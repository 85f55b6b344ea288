"""Layers found by running a network, and weights as matrices."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from imcsim.core.errors import MappingError
from imcsim.learn.shapes import trace_layers, weight_from_matrix, weight_matrix

CONVOLUTIONS: list[dict[str, object]] = [
    {},
    {"stride": 2, "padding": 1},
    {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 2)},
    {"padding": "same", "groups": 2},
    {"padding": "valid", "groups": 4},
    {"padding": "same", "dilation": 2},
]


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("options", CONVOLUTIONS)
def test_im2col_times_the_matrix_is_the_convolution(options: dict[str, object]) -> None:
    conv = nn.Conv2d(4, 8, (3, 3), bias=False, **options).double()  # type: ignore[arg-type]
    (spec,) = trace_layers(nn.Sequential(conv), (4, 9, 7))
    x = draw(2, 4, 9, 7)
    columns = nn.functional.unfold(
        x, spec.kernel, spec.dilation, spec.padding, spec.stride
    )  # (B, Cin*kh*kw, positions)
    vectors = columns.reshape(2, spec.groups, spec.fan_in, spec.positions).transpose(2, 3)  # (B, G, positions, D)
    product = vectors @ weight_matrix(conv.weight, spec)  # (B, G, positions, N)
    expected = conv(x)
    torch.testing.assert_close(product.transpose(2, 3).reshape(expected.shape), expected)
    assert spec.output_elements == expected[0].numel()
    assert spec.input_elements == 4 * 9 * 7


def test_a_linear_matrix_is_the_transposed_weight() -> None:
    linear = nn.Linear(5, 3)
    (spec,) = trace_layers(nn.Sequential(nn.Flatten(), linear), (5, 1, 1))
    matrix = weight_matrix(linear.weight, spec)
    assert spec.matrix_shape == tuple(matrix.shape) == (1, 5, 3)
    assert torch.equal(matrix[0], linear.weight.T)
    assert (spec.positions, spec.input_elements, spec.output_elements) == (1, 5, 3)


def test_a_linear_layer_on_a_sequence_has_a_vector_per_element() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project = nn.Linear(3, 7)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.project(x.flatten(2).transpose(1, 2))  # (B, S, F)
            return y

    (spec,) = trace_layers(Tokens(), (3, 4, 5))
    assert (spec.positions, spec.input_elements, spec.output_elements) == (20, 60, 140)
    assert spec.macs == 20 * 21


@pytest.mark.parametrize("options", CONVOLUTIONS)
def test_matrix_and_weight_are_inverse(options: dict[str, object]) -> None:
    conv = nn.Conv2d(4, 8, 3, **options)  # type: ignore[arg-type]
    (spec,) = trace_layers(nn.Sequential(conv), (4, 9, 9))
    matrix = weight_matrix(conv.weight, spec)
    assert tuple(matrix.shape) == spec.matrix_shape
    assert torch.equal(weight_from_matrix(matrix, spec), conv.weight)
    mask = conv.weight > 0
    assert torch.equal(weight_from_matrix(weight_matrix(mask, spec), spec), mask)


def test_wrong_shapes_are_refused() -> None:
    (spec,) = trace_layers(nn.Sequential(nn.Conv2d(2, 3, 1)), (2, 4, 4))
    with pytest.raises(MappingError, match=r"layer '0' has a weight of shape \(3, 2, 1, 1\), got \(2, 3\)"):
        weight_matrix(torch.zeros(2, 3), spec)
    with pytest.raises(MappingError, match=r"layer '0' is a \(1, 2, 3\) matrix, got \(3, 2\)"):
        weight_from_matrix(torch.zeros(3, 2), spec)


def test_order_is_that_of_execution() -> None:
    class Swapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(4, 2)
            self.first = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.last(self.first(x.flatten(1)))
            return y

    assert [spec.name for spec in trace_layers(Swapped(), (3, 1, 1))] == ["first", "last"]


def test_the_network_is_left_as_it_was() -> None:
    class Counting(nn.Module):
        calls: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x

    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(), Counting())
    network[2].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    flags = [module.training for module in network.modules()]
    rng = torch.get_rng_state()
    trace_layers(network, (1, 5, 5))
    assert flags == [module.training for module in network.modules()] == [True, True, True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), rng)
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_flags_and_hooks_are_put_back_after_an_error() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(3, 3))
    with pytest.raises(MappingError, match=r"does not take images of shape \(1, 9, 9\): mat1 and mat2"):
        trace_layers(network, (1, 9, 9))
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def twice() -> nn.Module:
    conv = nn.Conv2d(2, 2, 1)
    return nn.Sequential(conv, nn.ReLU(), conv)


def tied() -> nn.Module:
    network = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1))
    network[1].weight = network[0].weight
    return network


def unused() -> nn.Module:
    network = nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU())
    network[1].add_module("spare", nn.Linear(2, 2))
    return network


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (twice, "layer '0' runs twice in one forward pass"),
        (tied, "layers '0' and '1' share one weight"),
        (unused, "layer '1.spare' does not run"),
        (lambda: nn.Sequential(nn.ConvTranspose2d(2, 2, 1)), "layer '0' is a ConvTranspose2d: only Linear and Conv2d"),
        (lambda: nn.Sequential(nn.Conv1d(2, 2, 1)), "layer '0' is a Conv1d"),
        (lambda: nn.Sequential(nn.MultiheadAttention(4, 2)), "layer '0' is a MultiheadAttention"),
        (lambda: nn.Sequential(nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect")), "padding_mode 'reflect'"),
        (lambda: nn.Sequential(nn.Conv2d(2, 2, 2, padding="same")), "pads more on one side"),
        (lambda: nn.Sequential(nn.LazyConv2d(2, 1)), "layer '0' has no weights yet"),
    ],
)
def test_what_cannot_be_mapped_is_named(build: Callable[[], nn.Module], sentence: str) -> None:
    with pytest.raises(MappingError, match=sentence):
        trace_layers(build(), (2, 6, 6))
