"""Small networks and chips, and what bit-sliced arrays make of codes: integer loops, written from the definition."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import imcsim
from imcsim.chip.config import ChipConfig
from imcsim.core.sources import Resolved

Ints = NDArray[np.int64]
IDEAL_CELLS = {
    "programming": False,
    "relaxation": False,
    "read_noise": False,
    "stuck": False,
    "wires": False,
    "nonlinearity": False,
}
ALL_OFF = IDEAL_CELLS | {"converter": False}


def chip(**overrides: Any) -> Resolved[ChipConfig]:
    """The hybrid chip with values set; double underscores stand for dots."""
    return imcsim.load("chip", "hybrid-28nm", overrides={k.replace("__", "."): v for k, v in overrides.items()})


def all_rram(**overrides: Any) -> Resolved[ChipConfig]:
    """The chip of RRAM alone with values set."""
    return imcsim.load("chip", "all-rram-28nm", overrides={k.replace("__", "."): v for k, v in overrides.items()})


def linear(fan_in: int = 70, outputs: int = 10, seed: int = 0, bias: bool = False) -> nn.Linear:
    """A linear layer whose largest weight takes the largest code exactly."""
    layer = nn.Linear(fan_in, outputs, bias=bias)
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(-127, 128, (outputs, fan_in), generator=generator).float()
    codes[0, 0] = 127.0
    with torch.no_grad():
        layer.weight.copy_(codes / 127)
    return layer


def codes_of(weight: torch.Tensor) -> Ints:
    """Codes (D, N) of a linear layer's weight, by the definition: largest weight on code 127."""
    matrix = weight.detach().numpy().T.astype(np.float64)
    found: Ints = np.rint(matrix / np.abs(matrix).max() * 127).astype(np.int64)
    return found


def input_codes(x: torch.Tensor) -> Ints:
    """8-bit codes of unsigned inputs, the largest on 255."""
    values = x.numpy().astype(np.float64)
    found: Ints = np.rint(values / values.max() * 255).astype(np.int64)
    return found


def sliced_product(
    x: Ints, w: Ints, rows: Sequence[slice], cell_bits: int, adc_bits: int, step: int, lowest: int, pair: str
) -> Ints:
    """Differential cells, 1-bit inputs, ties to even: conversions of each pass over ``rows``, plane, cell and output.

    ``pair`` "converted": a conversion for each column of a pair; "subtracted": one for the difference of their sums.
    """
    total = np.zeros((len(x), w.shape[1]), np.int64)
    highest = (1 << adc_bits) - 1 + lowest
    for opened in rows:
        for s, t in itertools.product(range(-(-7 // cell_bits)), range(8)):
            bits = (x[:, opened] >> t) & 1
            columns = [bits @ digit(np.maximum(sign * w[opened], 0), s, cell_bits) for sign in (1, -1)]
            for sign, sums in (
                ((1, columns[0] - columns[1]),) if pair == "subtracted" else zip((1, -1), columns, strict=True)
            ):
                codes = np.clip(np.rint(sums / step), lowest, highest).astype(np.int64)
                total += sign * codes * step * (1 << (s * cell_bits)) * (1 << t)
    return total


def digit(magnitude: Ints, place: int, cell_bits: int) -> Ints:
    """The level of the cell at ``place`` of a magnitude."""
    found: Ints = magnitude // 2 ** (place * cell_bits) % 2**cell_bits
    return found


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    """Uniform inputs in 0..1 whose largest is exactly 1."""
    x = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    x.view(-1)[0] = 1.0
    return x


class TwoLayers(nn.Module):
    """A convolution with stride, a grouped and dilated one, batch-norm and a linear layer, for 3 x 12 x 12 images."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 6, 2, groups=2, dilation=2, bias=False)
        self.head = nn.Linear(6 * 4 * 4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm(self.first(x)))
        logits: torch.Tensor = self.head(torch.relu(self.second(y)).flatten(1))
        return logits


def two_layers(seed: int = 0) -> TwoLayers:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return TwoLayers().eval()
