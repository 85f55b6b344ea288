"""Kernel positions apart: tiles by hand, and convolutions against torch."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from imcsim.core.errors import MappingError
from imcsim.crossbar.encoding import Encoding
from imcsim.learn.shapes import trace_layers, weight_matrix
from imcsim.mapping import LayerMap, LayerSpec, PeGeometry, map_layer, map_network
from imcsim.mapping.routing import routing
from tests.mapping.specs import PAIRS, conv, linear

SMALL = PeGeometry(rows=2, cols=2, encoding=Encoding(sign="offset", weight_bits=4, cell_bits=4))  # 2 x 2 weights


def test_tiles_by_hand() -> None:
    found = map_layer((1, 3 * 2, 3), SMALL, "kernel_split", kernel=(1, 2))  # 3 channels, 1 x 2 kernel, 3 outputs
    left, right = ((range(0, 4, 2), range(4, 6, 2)), (range(1, 4, 2), range(5, 7, 2)))
    assert [tuple(tile.rows) for tile in found.tiles] == [tuple(r) for r in (*left, *right) for _ in range(2)]
    assert [tile.position for tile in found.tiles] == [(0, 0)] * 4 + [(0, 1)] * 4
    assert [tuple(tile.cols) for tile in found.tiles[:2]] == [(0, 1), (2,)]
    assert found.pe_count == 8  # im2col: ceil(6 / 2) * 2 = 6


def test_a_linear_layer_is_mapped_as_by_im2col() -> None:
    split = map_network([linear("fc", 10, 7)], PAIRS, "kernel_split").maps[0]
    plain = map_network([linear("fc", 10, 7)], PAIRS).maps[0]
    assert [tile._replace(position=None) for tile in split.tiles] == list(plain.tiles)


def test_inputs_are_fetched_once_and_sent_to_every_position() -> None:
    layer = conv("c", (4, 3), (3, 3), (64, 64))
    split = routing(layer, map_network([layer], PAIRS, "kernel_split").maps[0])
    plain = routing(layer, map_network([layer], PAIRS).maps[0])
    assert plain.fetched == 64 * 36
    assert split.fetched == 4 * 64
    assert split.sent == plain.sent == split.delivered == plain.delivered == 64 * 36
    assert split.added == plain.added == 64 * 3 * (9 - 1)  # nine row tiles either way


def test_a_fan_in_that_is_no_multiple_is_refused() -> None:
    with pytest.raises(MappingError, match=r"a fan-in of 10 has no whole number of input channels .* \(3, 3\)"):
        map_layer((1, 10, 3), PAIRS, "kernel_split", kernel=(3, 3))


@given(
    groups=st.integers(1, 3),
    per_group=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    padding=st.tuples(st.integers(0, 1), st.integers(0, 1)),
    seed=st.integers(0, 2**31),
)
def test_a_convolution_by_its_positions_is_torchs(
    groups: int,
    per_group: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: tuple[int, int],
    seed: int,
) -> None:
    """Each tile meets the pixels of its position alone, shifted by stride and dilation."""
    torch.manual_seed(seed)
    layer = nn.Conv2d(
        per_group[0] * groups, per_group[1] * groups, kernel, stride, padding, dilation, groups=groups, bias=False
    )
    layer.weight.data = torch.randint(-7, 8, layer.weight.shape).float()
    image = torch.randint(0, 9, (1, layer.in_channels, 7, 6)).float()
    (spec,) = trace_layers(layer, (layer.in_channels, 7, 6))
    codes = weight_matrix(layer.weight.detach(), spec).numpy().astype(np.int64)
    layer_map = map_network([spec], SMALL, "kernel_split").maps[0]
    with torch.no_grad():
        expected = layer(image)[0].numpy()
    assert np.array_equal(by_position(layer_map, spec, codes, image[0].numpy()), expected)


def by_position(layer_map: LayerMap, spec: LayerSpec, codes: np.ndarray, image: np.ndarray) -> np.ndarray:
    padded = np.pad(image, ((0, 0), *((p, p) for p in spec.padding)))
    size = [
        (n - d * (k - 1) - 1) // s + 1
        for n, d, k, s in zip(padded.shape[1:], spec.dilation, spec.kernel, spec.stride, strict=True)
    ]
    out = np.zeros((spec.out_features, *size))
    for tile in layer_map.tiles:
        assert tile.position is not None
        top, left = (p * d for p, d in zip(tile.position, spec.dilation, strict=True))
        down, across = spec.stride
        pixels = padded[:, top : top + down * size[0] : down, left : left + across * size[1] : across]
        channels = [tile.group * spec.in_features // spec.groups + row // np.prod(spec.kernel) for row in tile.rows]
        sums = np.einsum("cyx,cn->nyx", pixels[channels], codes[tile.block])
        out[[tile.group * spec.outputs + col for col in tile.cols]] += sums
    return out


def test_the_kernel_must_be_given() -> None:
    with pytest.raises(MappingError, match=r"^mapping rule 'kernel_split' needs 'kernel', \(rows, columns\) of the"):
        map_layer((1, 9, 3), PAIRS, "kernel_split")
