"""Mask steps against the equations, ties included."""

import torch

from imcsim.learn.adapt.masks import binary_mask, ternary_mask

LATENT = torch.tensor([-0.1, 0.0, 0.004, 0.005, 0.0051, 1.0])


def test_piggybacks_binary_mask_is_off_at_the_threshold() -> None:
    assert binary_mask(LATENT, 0.005).tolist() == [0, 0, 0, 0, 1, 1]


def test_piggybacks_ternary_mask() -> None:
    assert ternary_mask(LATENT, 0.005).tolist() == [-1, 0, 0, 0, 1, 1]


def test_the_gradient_is_that_of_the_identity() -> None:
    for mask in (binary_mask, ternary_mask):
        latent = LATENT.clone().requires_grad_()
        weight = torch.arange(6.0)
        (weight * mask(latent, 0.005)).sum().backward()  # type: ignore[no-untyped-call]
        assert latent.grad is not None
        assert torch.equal(latent.grad, weight)
