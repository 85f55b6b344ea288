"""KSM's steps against its equations, ties and degenerate layers included."""

import math

import pytest
import torch
from torch import Tensor

from imcsim.learn.adapt.soft_kernels import (
    Unit,
    expand_kernels,
    kernel_gate,
    kernels_of,
    latent_shape,
    off_scale,
    soft_mask,
)

T = 0.005
LATENT = torch.tensor([0.01, T, 0.0049, 0.001, -0.003, 0.0, 0.02]).view(-1, 1, 1, 1)


def _written_out(latents: list[float], whole_layer: bool) -> list[float]:
    """M = b + 0.5 a, kernel by kernel, in plain Python."""
    threshold = float(torch.tensor(T))
    a = [m if m < threshold else 0.0 for m in latents]
    off = [m < threshold for m in latents]
    among = a if whole_layer else [x for x, o in zip(a, off, strict=True) if o]
    low, high = min(among), max(among)
    scale = [
        (x - low) / (high - low) if o and (x != 0 or not whole_layer) else 0.0 for x, o in zip(a, off, strict=True)
    ]
    return [1.0 if not o else 0.5 * x for x, o in zip(scale, off, strict=True)]


def _mask(latent: Tensor, whole_layer: bool = False) -> Tensor:
    return soft_mask(latent, T, 12.0, 0.5, whole_layer)


def test_a_latent_equal_to_the_threshold_is_on() -> None:
    assert kernel_gate(LATENT, T, 12.0).flatten().tolist() == [1, 1, 0, 0, 0, 0, 1]


def test_masks_are_those_of_the_equations() -> None:
    for whole_layer in (False, True):
        expected = torch.tensor(_written_out(LATENT.flatten().tolist(), whole_layer))
        assert torch.allclose(_mask(LATENT, whole_layer).flatten(), expected, rtol=1e-5, atol=1e-7)


def test_the_range_of_the_layer_counts_the_zeros_of_what_is_on() -> None:
    latent = torch.tensor([0.01, 0.004, 0.002])
    assert off_scale(latent, kernel_gate(latent, T, 12.0)).tolist() == [0, 1, 0]
    assert off_scale(latent, kernel_gate(latent, T, 12.0), zeros_in_range=True).tolist() == [0, 1, 0.5]


def test_degenerate_layers_give_numbers() -> None:
    for whole_layer in (False, True):
        assert _mask(torch.full((2, 3, 1, 1), 0.001), whole_layer).eq(0).all()  # all off and equal
        assert _mask(torch.zeros(2, 3, 1, 1), whole_layer).eq(0).all()
        assert _mask(torch.full((2, 3, 1, 1), 0.01), whole_layer).eq(1).all()
    assert _mask(torch.tensor([0.01, 0.003])).tolist() == [1, 0]  # one kernel off
    assert _mask(torch.tensor([0.01, 0.003]), whole_layer=True).tolist() == [1, 0.5]


def test_the_gradient_is_that_of_the_gate_alone() -> None:
    latent = LATENT.clone().requires_grad_()
    _mask(latent).sum().backward()  # type: ignore[no-untyped-call]
    u = [1 / (1 + math.exp(-12 * (m - T))) for m in LATENT.flatten().tolist()]
    assert latent.grad is not None
    assert torch.allclose(latent.grad.flatten(), torch.tensor([12 * x * (1 - x) for x in u]), rtol=1e-5)
    assert float(latent.grad[1]) == 3.0  # at the threshold
    assert round(float(latent.grad[0]), 2) == 3.0  # 2.997 at the start


@pytest.mark.parametrize(
    ("unit", "shape", "linear"),
    [("kernel", (2, 10, 1, 1), (2, 10)), ("group", (2, 2, 1, 1), (2, 2)), ("channel", (2, 1, 1, 1), (2, 1))],
)
def test_one_value_for_each_unit(unit: Unit, shape: tuple[int, ...], linear: tuple[int, ...]) -> None:
    together = kernels_of(unit, 10, 8)
    assert latent_shape(torch.Size((2, 10, 3, 3)), together) == shape
    assert latent_shape(torch.Size((2, 10)), together) == linear
    values = torch.arange(float(math.prod(shape))).view(shape)
    expanded = expand_kernels(values, 10, together)
    by_hand = [[float(values[n, m // together]) for m in range(10)] for n in range(2)]
    assert expanded[:, :, 0, 0].tolist() == by_hand
