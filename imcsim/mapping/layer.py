"""The shape of one mapped layer: a linear or convolution layer seen as a weight matrix.

D = fan-in after im2col (Cin * kh * kw / groups), N = outputs per group, G = groups; the matrix is (G, D, N).
"""

from math import prod
from typing import Literal

from pydantic import Field

from imcsim.core.config import FrozenConfig


class LayerSpec(FrozenConfig):
    """One Linear or Conv2d layer.

    ``positions`` counts the input vectors of one sample: output pixels of a convolution, 1 for a linear layer on
    flat input. ``input_elements`` and ``output_elements`` count the layer's activations for one sample.
    """

    name: str
    kind: Literal["linear", "conv2d"]
    in_features: int = Field(ge=1, description="input features, or input channels")
    out_features: int = Field(ge=1, description="output features, or output channels")
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = Field(1, ge=1)
    positions: int = Field(1, ge=1)
    input_elements: int = Field(ge=1)
    output_elements: int = Field(ge=1)

    @property
    def fan_in(self) -> int:
        """D: rows of the weight matrix."""
        return self.in_features * prod(self.kernel) // self.groups

    @property
    def outputs(self) -> int:
        """N: outputs per group."""
        return self.out_features // self.groups

    @property
    def matrix_shape(self) -> tuple[int, int, int]:
        """(G, D, N)."""
        return self.groups, self.fan_in, self.outputs

    @property
    def weight_count(self) -> int:
        """Weights of the layer."""
        return prod(self.matrix_shape)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one sample."""
        return self.weight_count * self.positions
