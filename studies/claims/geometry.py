"""Bits of masks from the shapes of layers alone: no training, no chip."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from imcsim.learn.networks import build_network
from imcsim.learn.shapes import trace_layers
from imcsim.mapping.layer import LayerSpec

ROWS = (32, 64, 72, 96, 128, 256)  # word lines of an array; 72 = 8 channels of a 3x3 kernel
MASK_BITS = (1, 2, 3, 4)  # bits of a column segment's value
# network -> (registered name, parameters, image); ResNet-50 is what the papers' baseline reports
NETWORKS: dict[str, tuple[str, dict[str, Any], tuple[int, int, int]]] = {
    "resnet18": ("resnet18", {"width": 64}, (3, 32, 32)),
    "resnet50": ("resnet50", {}, (3, 224, 224)),
}


@cache
def convolutions(network: str) -> tuple[LayerSpec, ...]:
    """Return the convolutions of a network, those that these papers mask."""
    name, parameters, image = NETWORKS[network]
    layers = trace_layers(build_network(name, 10, image, parameters, 0), image)
    return tuple(spec for spec in layers if spec.kind == "conv2d")


def column_segments(layers: Sequence[LayerSpec], rows: int) -> int:
    """Return the column segments of arrays with ``rows`` word lines: sum of G ceil(D / R) N."""
    return sum(spec.groups * -(-spec.fan_in // rows) * spec.outputs for spec in layers)


def kernels(layers: Sequence[LayerSpec]) -> int:
    """Return the 2-D kernels, which KSM masks."""
    return sum(spec.out_features * spec.in_features // spec.groups for spec in layers)


def mask_rows() -> Iterator[dict[str, Any]]:
    """Yield one row for each network, R and bits: mask bits, and their share of one bit for each weight.

    ``pure`` is bits / R, the share if every fan-in filled its row tiles.
    """
    for network in NETWORKS:
        layers = convolutions(network)
        weights = sum(spec.weight_count for spec in layers)
        for rows in ROWS:
            segments = column_segments(layers, rows)
            for bits in MASK_BITS:
                share = bits * segments / weights
                yield {
                    "network": network,
                    "rows": rows,
                    "bits": bits,
                    "weights": weights,
                    "segments": segments,
                    "kernels": kernels(layers),
                    "share": share,
                    "saved": 1 - share,
                    "pure": bits / rows,
                }
