"""Layers and a PE for tests: 4 x 3 weights in 4 x 7 cells, one column left over."""

from imcsim.crossbar.encoding import Encoding
from imcsim.mapping import LayerSpec, PeGeometry

PAIRS = PeGeometry(rows=4, cols=7, encoding=Encoding(sign="differential", weight_bits=2, cell_bits=1))


def linear(name: str, fan_in: int, outputs: int, positions: int = 1) -> LayerSpec:
    return LayerSpec(
        name=name,
        kind="linear",
        in_features=fan_in,
        out_features=outputs,
        positions=positions,
        input_elements=fan_in * positions,
        output_elements=outputs * positions,
    )


def conv(
    name: str, channels: tuple[int, int], kernel: tuple[int, int], pixels: tuple[int, int], groups: int = 1
) -> LayerSpec:
    """A convolution of ``channels`` (in, out); ``pixels`` of its input and of its output."""
    return LayerSpec(
        name=name,
        kind="conv2d",
        in_features=channels[0],
        out_features=channels[1],
        kernel=kernel,
        groups=groups,
        positions=pixels[1],
        input_elements=channels[0] * pixels[0],
        output_elements=channels[1] * pixels[1],
    )
