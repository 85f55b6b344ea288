"""Mapping ResNet-50 (bound by one Python object per tile) and masks over ResNet-18's largest layer."""

from typing import Any

import numpy as np
import pytest

from imcsim.crossbar.encoding import Encoding
from imcsim.learn.networks import build_network
from imcsim.learn.shapes import trace_layers
from imcsim.mapping import LayerSpec, PeGeometry, map_network
from imcsim.mapping.masks import expand_pe_mask, reduce_to_pes, tile_grid

WHOLE = PeGeometry(rows=128, cols=128, encoding=Encoding(sign="offset", weight_bits=8, cell_bits=8))


@pytest.fixture(scope="module")
def layers() -> tuple[LayerSpec, ...]:
    return trace_layers(build_network("resnet50", 1000, (3, 224, 224)), (3, 224, 224))


def test_map_resnet50(benchmark: Any, layers: tuple[LayerSpec, ...]) -> None:
    assert benchmark(map_network, layers, WHOLE).pe_count == 1448 + 128


def test_reduce_the_largest_layer_of_resnet18(benchmark: Any) -> None:
    element = np.ones((5, 1, 4608, 512), dtype=np.bool_)
    assert benchmark(reduce_to_pes, element, (128, 128)).sum() == element.size


def test_expand_the_largest_layer_of_resnet18(benchmark: Any) -> None:
    shape = (1, 4608, 512)
    mask = np.ones((5, *tile_grid(shape, (128, 128))), dtype=np.bool_)
    assert benchmark(expand_pe_mask, mask, shape, (128, 128)).all()
