"""Activations as input codes: a range calibrated on data, and the gradient that passes the rounding.

Codes are unsigned where the calibration saw no negative value. Else they are two's complement on a 1-bit DAC, and on
a wider one two passes of magnitudes, the negative one subtracted.
"""

import math
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from imcsim.core.errors import CrossbarError

_LEAST = 1e-30  # design choice: smaller inputs count as none; steps of them would leave float32
_MOMENTUM = 0.1  # design choice: how fast the range follows in training, as batch-norm's statistics
_MOST = 1 << 20  # elements that a quantile looks at: torch.quantile takes 16 million at most, and sorts


@dataclass
class ClippedInputs:
    """How many inputs a layer's arrays were driven with since its range was set, and how many lay beyond it."""

    seen: int = 0
    beyond: int = 0
    told: bool = False

    @property
    def share(self) -> float:
        """Share of the inputs beyond the range; 0 before there were any."""
        return self.beyond / self.seen if self.seen else 0.0


@dataclass(frozen=True)
class InputRange:
    """Largest magnitude that keeps its value (the layer's unit), and whether inputs can be negative."""

    largest: float
    signed: bool

    def grid(self, input_bits: int) -> tuple[float, int, int]:
        """Return (input of one code step, lowest code, highest code)."""
        high = (1 << (input_bits - 1)) - 1 if self.signed else (1 << input_bits) - 1
        return self.largest / max(high, 1), -high if self.signed else 0, max(high, 1)


Ends: TypeAlias = tuple[float, float]
"""The least and the largest of some inputs."""


def ends_of(x: Tensor, layer: str) -> Ends:
    """Return the least and the largest of inputs ``x`` (any shape, not empty) of ``layer``.

    Raises
    ------
    CrossbarError
        If an input is nan or infinite, so without a code; with the first one and its place.
    """
    low, high = (float(end) for end in x.detach().aminmax())
    if math.isfinite(low) and math.isfinite(high):  # of a nan, both are nan
        return low, high
    wrong = ~x.detach().isfinite()
    where, count = tuple(wrong.nonzero()[0].tolist()), int(wrong.sum())
    more = f", and {count - 1} more" if count > 1 else ""
    raise CrossbarError(
        f"layer '{layer}' got an input of {float(x.detach()[where]):g} at {where} of {tuple(x.shape)}{more}: "
        f"only finite inputs have codes"
    )


def observed_range(x: Tensor, ends: Ends, quantile: float) -> InputRange:
    """Return the range of inputs ``x`` (any shape) with these ends: the ``quantile`` of their magnitudes."""
    low, high = ends
    if quantile == 1:
        return _range(max(-low, high), low < 0)
    magnitudes = x.detach().float().reshape(-1).abs()
    some = magnitudes[:: -(-magnitudes.numel() // _MOST)]
    return _range(float(torch.quantile(some, quantile)), low < 0)


def _range(largest: float, signed: bool) -> InputRange:
    return InputRange(largest if largest > _LEAST else 1.0, signed)


def inputs_beyond(x: Tensor, ends: Ends, inputs: InputRange, input_bits: int) -> int:
    """Return how many of inputs ``x`` with these ends have no code of their own, and take the last one."""
    step, low, high = inputs.grid(input_bits)
    if low * step <= ends[0] and ends[1] <= high * step:
        return 0
    codes = torch.round(x.detach() * (1 / step))
    return int(((codes < low) | (codes > high)).sum())


def followed_range(before: InputRange | None, now: InputRange) -> InputRange:
    """Return the running range of training: a moving average; once signed, always signed."""
    if before is None:
        return now
    return InputRange(before.largest + _MOMENTUM * (now.largest - before.largest), before.signed or now.signed)


def input_codes(x: Tensor, inputs: InputRange, input_bits: int) -> Tensor:
    """Return the codes of ``x`` as floats with integer values, same shape."""
    step, low, high = inputs.grid(input_bits)
    return torch.round(x.detach() * (1 / step)).clamp_(low, high)


class _EndsContext(Protocol):
    """What the rounding keeps for its gradient."""

    ends: Ends
    saved_tensors: tuple[Tensor, ...]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class _OnCodes(torch.autograd.Function):
    """Forward: quantise; backward: the gradient passes inside the range and stops outside it."""

    @staticmethod
    def forward(ctx: _EndsContext, x: Tensor, step: float, low: int, high: int) -> Tensor:
        ctx.ends = (low * step, high * step)
        ctx.save_for_backward(x)
        return torch.round(x * (1 / step)).clamp_(low, high).mul_(step)

    @staticmethod
    def backward(ctx: _EndsContext, *grad: Tensor) -> tuple[Tensor, None, None, None]:
        (x,), (low, high) = ctx.saved_tensors, ctx.ends
        return grad[0] * ((x >= low) & (x <= high)), None, None, None


def quantised_inputs(x: Tensor, inputs: InputRange, input_bits: int) -> Tensor:
    """Return ``x`` rounded to its codes, differentiable straight through inside the range."""
    result: Tensor = _OnCodes.apply(x, *inputs.grid(input_bits))  # type: ignore[no-untyped-call]
    return result
