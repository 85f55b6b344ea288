"""Weights as integer codes, and the gradient that passes the rounding unchanged.

Learning and the networks on crossbars share these few lines, so that both see the same codes to the last bit.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

CodeError: TypeAlias = Callable[[Tensor], Tensor | None]
"""From codes, floats with integer values of any shape, to the error of each weight, in the weight's unit."""


def code_max(weight_bits: int) -> int:
    """Return the largest code: symmetric codes, -(2^(b-1) - 1) .. 2^(b-1) - 1."""
    return (1 << (weight_bits - 1)) - 1


def weight_codes(weight: Tensor, steps_per_unit: Tensor | float, limit: int) -> Tensor:
    """Return the codes of ``weight`` as floats with integer values, any shape, in -limit .. limit.

    ``steps_per_unit`` is 1 / scale: a product rounds alike everywhere, a quotient does not (CUDA multiplies by the
    reciprocal of a scalar but divides by a tensor), and codes must be the same in the forward pass and in the record.
    """
    return torch.round(weight * steps_per_unit).clamp_(-limit, limit)


def code_step(weight: Tensor, weight_range: float, limit: int) -> float:
    """Return the weight of one code step, exact in float32: ``weight_range`` x largest |weight| / ``limit``."""
    largest = float(weight.detach().abs().max()) or 1.0  # an all-zero layer: any step will do
    return float(torch.tensor(weight_range * largest / limit, dtype=torch.float32))


def steps_per_unit(step: float) -> float:
    """Return 1 / ``step``, rounded to float32 as every use of it must have it."""
    return float(1 / torch.tensor(step, dtype=torch.float32))


class _StraightThrough(torch.autograd.Function):
    """Forward: quantise; backward: the gradient passes unchanged (Bengio et al., arXiv 1308.3432)."""

    @staticmethod
    def forward(ctx: object, weight: Tensor, codes: Tensor, step: float, error: CodeError | None) -> Tensor:
        drawn = None if error is None else error(codes)
        rounded = codes * step
        return rounded if drawn is None else rounded.add_(drawn)

    @staticmethod
    def backward(ctx: object, *grad: Tensor) -> tuple[Tensor, None, None, None]:
        return grad[0], None, None, None


def on_codes(
    weight: Tensor,
    step: float,
    steps: float,
    limit: int,
    error: CodeError | None = None,
    codes: Tensor | None = None,
) -> Tensor:
    """Return ``weight`` rounded to its codes; the gradient is that of the identity.

    Parameters
    ----------
    weight
        Any shape.
    step, steps
        Weight of one code, and :func:`steps_per_unit` of it.
    limit
        Largest code.
    error
        Given the codes, returns what the hardware adds to the rounded weight; None for nothing.
    codes
        :func:`weight_codes` of ``weight`` where the caller has them already, never changed here; None: taken here.
    """
    if codes is None:
        codes = weight_codes(weight.detach(), steps, limit)
    rounded: Tensor = _StraightThrough.apply(weight, codes, step, error)  # type: ignore[no-untyped-call]
    return rounded
