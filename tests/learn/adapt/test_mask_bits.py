"""What masks over ResNet-18 take, through the methods themselves: the counts of 2-D kernels and column segments."""

from typing import Any

import pytest
from torch import nn

from imcsim.learn.adapt.adaptor import adaptors
from imcsim.learn.adapt.owned_columns import segments
from imcsim.learn.method import make_method
from imcsim.learn.networks import build_network
from imcsim.learn.shapes import trace_layers

CIFAR = (3, 32, 32)
WEIGHTS, KERNELS = 11_159_232, 1_392_832  # of the 20 convolutions; the classifier has no mask


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return build_network("resnet18", 10, CIFAR)


def _bits(name: str, rows: int, config: dict[str, Any], network: nn.Module) -> int:
    made = adaptors(make_method(name, config).prepare(network, CIFAR, (rows, 64)))
    assert len(made) == 20
    return sum(adaptor.bits() for adaptor in made.values())


@pytest.mark.parametrize(
    ("name", "rows", "config", "bits"),
    [
        ("piggyback", 64, {}, WEIGHTS),
        ("piggyback", 64, {"kind": "ternary"}, 2 * WEIGHTS),
        ("ksm", 64, {}, KERNELS),
        ("ksm", 64, {"unit": "channel"}, 4_800),
        ("ksm", 64, {"unit": "group"}, 174_144),
        ("xbm", 64, {}, 174_400),
        ("xbm", 128, {}, 87_488),
        ("xbm", 256, {}, 44_480),
        ("xma", 64, {}, 2 * 174_400),
        ("xma", 128, {"zero_level": False, "lowest_shift": -2}, 2 * 87_488),
    ],
)
def test_masks_of_resnet18(name: str, rows: int, config: dict[str, Any], bits: int, network: nn.Module) -> None:
    assert _bits(name, rows, config, network) == bits


@pytest.mark.parametrize(("rows", "tiles", "count"), [(64, 485, 174_400), (128, 246, 87_488), (256, 129, 44_480)])
def test_row_tiles_and_segments_of_resnet18(rows: int, tiles: int, count: int) -> None:
    layers = trace_layers(build_network("resnet18", 10, CIFAR), CIFAR)[:-1]
    assert sum(-(-spec.fan_in // rows) for spec in layers) == tiles
    assert sum(segments(spec, rows) for spec in layers) == count
