"""The workloads on which the peers were measured, rebuilt from their recipe: seeded random weights and activations.

numpy ``default_rng(117)``, layers in order, of each layer first the 8-bit weights, then its input; for the small
networks the same generator then gives 5-bit weights before and after one update, for VGG-8 ``default_rng(121)`` does.
Shape letters: L layers, D fan-in, N outputs, b bits.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.layer import LayerSpec

Codes = dict[str, NDArray[np.int64]]
Shape = tuple[int, int, int, int]  # side of the input map, input channels, side of the kernel, output channels

NETWORKS: dict[str, tuple[Shape, ...]] = {
    "vgg8": (
        (32, 3, 3, 128), (32, 128, 3, 128), (16, 128, 3, 256), (16, 256, 3, 256), (8, 256, 3, 512), (8, 512, 3, 512),
        (1, 8192, 1, 1024), (1, 1024, 1, 10),
    ),
    "cnn-s": ((28, 1, 3, 32), (14, 32, 3, 64), (1, 3136, 1, 128), (1, 128, 1, 10)),
    "cnn-m": ((16, 64, 3, 128), (8, 128, 3, 256), (1, 4096, 1, 512), (1, 512, 1, 10)),
    "mlp": ((1, 784, 1, 256), (1, 256, 1, 10)),
    # 7 convolutions and 1 linear layer, as MNSIM's VGG-8; that the last convolution has 1024 outputs is an assumption
    "vgg8-7c": (
        (32, 3, 3, 128), (32, 128, 3, 128), (16, 128, 3, 256), (16, 256, 3, 256), (8, 256, 3, 512), (8, 512, 3, 512),
        (4, 512, 3, 1024), (1, 4096, 1, 10),
    ),
}  # fmt: skip
INPUT_BITS = 8
LEVELS = 16  # of one sign of a 5-bit weight
CHANGE_SHARE = 0.10


@dataclass(frozen=True)
class Workload:
    """One network with its statistics.

    Parameters
    ----------
    layers
        Shapes; of each convolution as many positions as its padding leaves.
    codes
        Layer -> 8-bit weight codes (1, D, N).
    density
        (L, b): share of ones per bit plane of the vectors that the arrays take, least significant first.
    before, after
        Layer -> 5-bit weight codes (1, D, N) around one update; empty where the recipe has none.
    """

    name: str
    layers: tuple[LayerSpec, ...]
    codes: Codes
    density: NDArray[np.float64]
    before: Codes
    after: Codes

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return sum(spec.macs for spec in self.layers)


@cache
def workload(name: str, padding: int = 1, seed: int = 117) -> Workload:
    """Return network ``name``; ``padding`` 0 counts the positions of unpadded 3x3 convolutions on the same maps."""
    rng = np.random.default_rng(seed)
    layers, codes, density = [], {}, []
    for i, shape in enumerate(NETWORKS[name], start=1):
        spec = layer_of(f"layer{i}", shape, padding)
        codes[spec.name] = _normal_codes(rng, spec, 128)
        layers.append(spec)
        density.append(bit_density(_activations(rng, shape, first=i == 1), spec))
    five_bit = np.random.default_rng(121) if name == "vgg8" else rng
    before, after = _update(five_bit, layers)
    return Workload(name, tuple(layers), codes, np.array(density), before, after)


def scaled_down(found: Workload, layers: int) -> Workload:
    """Return the last ``layers`` layers alone, for a quick look."""
    kept = found.layers[-layers:]

    def only(codes: Codes) -> Codes:
        return {spec.name: codes[spec.name] for spec in kept}

    return replace(
        found, layers=kept, codes=only(found.codes), density=found.density[-layers:], before=only(found.before),
        after=only(found.after),
    )  # fmt: skip


def layer_of(name: str, shape: Shape, padding: int) -> LayerSpec:
    """Return the layer; a kernel of 1 on a map of 1 is a linear layer."""
    side, inputs, kernel, outputs = shape
    padded = padding if kernel > 1 else 0
    out_side = side + 2 * padded - kernel + 1
    return LayerSpec(
        name=name,
        kind="conv2d" if kernel > 1 else "linear",
        in_features=inputs,
        out_features=outputs,
        kernel=(kernel, kernel),
        padding=(padded, padded),
        positions=out_side**2,
        input_elements=inputs * side**2,
        output_elements=outputs * out_side**2,
    )


def bit_density(activations: NDArray[np.int64], spec: LayerSpec) -> NDArray[np.float64]:
    """Return (b,) shares of ones in the vectors that ``activations`` (C, H, W) unroll to; padding is zeros."""
    padded = np.pad(activations, ((0, 0), (spec.padding[0],) * 2, (spec.padding[1],) * 2))
    uses = _uses(padded.shape[1], spec.kernel[0])[:, None] * _uses(padded.shape[2], spec.kernel[1])[None]
    ones = [float((((padded >> bit) & 1) * uses).sum()) for bit in range(INPUT_BITS)]
    return np.array(ones) / (spec.positions * spec.fan_in)


def _uses(side: int, kernel: int) -> NDArray[np.int64]:
    """In how many windows of ``kernel`` each of ``side`` places lies, stride 1."""
    return np.convolve(np.ones(side - kernel + 1, dtype=np.int64), np.ones(kernel, dtype=np.int64))


def _normal_codes(rng: np.random.Generator, spec: LayerSpec, scale: int) -> NDArray[np.int64]:
    drawn = np.round(rng.normal(0.0, 0.25, (1, spec.fan_in, spec.outputs)) * scale)
    return np.clip(drawn, 1 - scale, scale - 1).astype(np.int64)


def _activations(rng: np.random.Generator, shape: Shape, *, first: bool) -> NDArray[np.int64]:
    side, channels, _, _ = shape
    size = (channels, side, side)
    values = rng.uniform(0.0, 1.0, size) if first else np.maximum(rng.normal(0.0, 0.35, size), 0.0)
    return np.minimum(np.floor(values * 128), 127).astype(np.int64)


def _update(rng: np.random.Generator, layers: list[LayerSpec]) -> tuple[Codes, Codes]:
    before, after = {}, {}
    for spec in layers:
        after[spec.name] = _normal_codes(rng, spec, LEVELS)
        moved = rng.random(spec.matrix_shape) < CHANGE_SHARE
        sign = np.where(rng.random(spec.matrix_shape) < 0.5, -1, 1)
        before[spec.name] = np.clip(after[spec.name] + moved * sign, 1 - LEVELS, LEVELS - 1)
    return before, after
