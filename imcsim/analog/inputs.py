"""Activations as input codes: a range calibrated on data, and the gradient that passes the rounding.

Codes are unsigned where the calibration saw no negative value. Else they are two's complement on a 1-bit DAC, and on
a wider one two passes of magnitudes, the negative one subtracted.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_MOMENTUM = 0.1  # design choice: how fast the range follows in training, as batch-norm's statistics
_MOST = 1 << 20  # elements that a quantile looks at: torch.quantile takes 16 million at most, and sorts


@dataclass(frozen=True)
class InputRange:
    """Largest magnitude that keeps its value (the layer's unit), and whether inputs can be negative."""

    largest: float
    signed: bool

    def grid(self, input_bits: int) -> tuple[float, int, int]:
        """Return (input of one code step, lowest code, highest code)."""
        high = (1 << (input_bits - 1)) - 1 if self.signed else (1 << input_bits) - 1
        return self.largest / max(high, 1), -high if self.signed else 0, max(high, 1)


def observed_range(x: Tensor, quantile: float) -> InputRange:
    """Return the range of inputs ``x`` (any shape): the ``quantile`` of their magnitudes."""
    if x.numel() == 0:
        return InputRange(1.0, False)
    low, high = (float(end) for end in x.detach().aminmax())
    if quantile == 1:
        return InputRange(max(-low, high) or 1.0, low < 0)
    magnitudes = x.detach().float().reshape(-1).abs()
    some = magnitudes[:: -(-magnitudes.numel() // _MOST)]
    return InputRange(float(torch.quantile(some, quantile)) or 1.0, low < 0)


def followed_range(before: InputRange | None, now: InputRange) -> InputRange:
    """Return the running range of training: a moving average; once signed, always signed."""
    if before is None:
        return now
    return InputRange(before.largest + _MOMENTUM * (now.largest - before.largest), before.signed or now.signed)


def input_codes(x: Tensor, inputs: InputRange, input_bits: int) -> Tensor:
    """Return the codes of ``x`` as floats with integer values, same shape."""
    step, low, high = inputs.grid(input_bits)
    return torch.round(x.detach() * (1 / step)).clamp_(low, high)


class _OnCodes(torch.autograd.Function):
    """Forward: quantise; backward: the gradient passes inside the range and stops outside it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: float, low: int, high: int) -> Tensor:
        ctx.ends = (low * step, high * step)
        ctx.save_for_backward(x)
        return torch.round(x * (1 / step)).clamp_(low, high).mul_(step)

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor, None, None, None]:
        (x,), (low, high) = ctx.saved_tensors, ctx.ends
        return grad[0] * ((x >= low) & (x <= high)), None, None, None


def quantised_inputs(x: Tensor, inputs: InputRange, input_bits: int) -> Tensor:
    """Return ``x`` rounded to its codes, differentiable straight through inside the range."""
    result: Tensor = _OnCodes.apply(x, *inputs.grid(input_bits))  # type: ignore[no-untyped-call]
    return result
