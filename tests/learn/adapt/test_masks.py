"""Mask steps against the equations, ties included."""

import math
from fractions import Fraction

import torch
from hypothesis import given
from hypothesis import strategies as st

from imcsim.learn.adapt.masks import binary_mask, shift_mask, ternary_mask

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


def test_shifts_by_hand() -> None:
    latent = torch.tensor([0.0, 0.1, 0.35, 0.36, 0.7, 0.71, 1.0, -1.0, 1.41, 1.42, 2.0, 9.0])
    with_zero = [0, 0, 0, 0.5, 0.5, 1, 1, 1, 1, 2, 2, 2]
    assert shift_mask(latent, -1, 1, zero=True).tolist() == with_zero
    assert shift_mask(latent, -1, 1).tolist() == [0.5, 0.5, 0.5, *with_zero[3:]]


def test_a_shift_half_way_goes_to_the_even_exponent() -> None:
    halves = torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    latent = torch.exp2(halves)
    met = torch.log2(latent) == halves  # where float32 meets the half-way point exactly
    assert met.any()
    expected = torch.tensor([2.0 ** round(h) for h in halves.tolist()])
    assert torch.equal(shift_mask(latent, -8, 8)[met], expected[met])


def test_the_gradient_of_a_shift_is_that_of_the_magnitude() -> None:
    latent = torch.tensor([-3.0, -0.2, 0.0, 0.2, 3.0], requires_grad=True)
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    (weight * shift_mask(latent, -1, 1, zero=True)).sum().backward()  # type: ignore[no-untyped-call]
    assert latent.grad is not None
    assert latent.grad.tolist() == [-1, -2, 0, 4, 5]


@given(st.floats(2**-12, 2**12, width=32), st.integers(-8, 0), st.integers(0, 8), st.booleans())
def test_a_shift_is_the_nearest_level_on_a_logarithmic_scale(m: float, low: int, high: int, zero: bool) -> None:
    found = float(shift_mask(torch.tensor([m]), low, high, zero))
    square, exponent = Fraction(m) ** 2, math.frexp(m)[1] - 1  # 2^exponent <= m < 2^(exponent + 1)
    middle = Fraction(2) ** (2 * exponent + 1)  # square of the half-way point, sqrt(2) 2^exponent
    if abs(square / middle - 1) < Fraction(1, 10**5):
        return
    nearest = exponent + (square > middle)
    expected = 0.0 if zero and nearest < low else 2.0 ** min(max(nearest, low), high)
    assert found == expected
