"""Stride, padding, dilation and groups of sliced convolutions: as PyTorch means them, and by hand."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from imcsim.crossbar import BitSliceConfig, bit_sliced_conv2d, program_weights
from imcsim.crossbar.slicing import lowering
from tests.crossbar.slicing_oracle import sliced_product

_CLIPS = BitSliceConfig(rows=8, cell_bits=2, dac_bits=1, w_bits=4, x_bits=4, adc_bits=3, adc_step=2)
_EXACT = BitSliceConfig(rows=8, cell_bits=2, w_bits=4, x_bits=4)
_CASES: list[dict[str, Any]] = [
    {"stride": (2, 1), "padding": (0, 2)},
    {"stride": [1, 3], "padding": 1, "dilation": (1, 2)},
    {"padding": "same"},
    {"padding": "same", "dilation": (2, 1)},
    {"padding": "valid", "stride": 2, "groups": 2},
    {"groups": 4, "padding": (1, 0), "dilation": 2},
    {"stride": np.int64(2), "padding": np.int32(1)},
]


def codes(*shape: int, low: int, high: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(low, high, shape)


def operands(groups: int = 1, kernel: tuple[int, int] = (2, 3)) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return codes(2, 4, 7, 8, low=0, high=16), codes(4, 4 // groups, *kernel, low=-8, high=8, seed=1)


def by_torch(x: NDArray[np.int64], w: NDArray[np.int64], options: dict[str, Any]) -> NDArray[np.int64]:
    plain: Any = {key: v if isinstance(v, str) else np.asarray(v).tolist() for key, v in options.items()}
    with warnings.catch_warnings():  # it copies its input where "same" is not symmetric, and says so
        warnings.simplefilter("ignore")
        found = torch.nn.functional.conv2d(torch.from_numpy(x).double(), torch.from_numpy(w).double(), **plain)
    return found.long().numpy()


def by_hand(x: NDArray[np.int64], w: NDArray[np.int64], config: BitSliceConfig, options: dict[str, Any]) -> Any:
    """Place by place and group by group: pixels under the kernel, in the order (channel, ky, kx), to the product."""

    def pair(name: str, default: int) -> tuple[int, int]:
        value = np.broadcast_to(options.get(name, default), 2)
        return int(value[0]), int(value[1])

    (sy, sx), (dy, dx), groups = pair("stride", 1), pair("dilation", 1), options.get("groups", 1)
    (kh, kw), outputs, channels = w.shape[2:], len(w) // groups, w.shape[1]
    ends = []
    for axis, (k, d) in enumerate(((kh, dy), (kw, dx))):
        if options.get("padding") == "same":
            ends.append(((k - 1) * d // 2, (k - 1) * d - (k - 1) * d // 2))
        else:
            ends.append((0, 0) if options.get("padding") == "valid" else (pair("padding", 0)[axis],) * 2)
    padded = np.pad(x, ((0, 0), (0, 0), *ends))
    tops = range(0, padded.shape[2] - (kh - 1) * dy, sy)
    lefts = range(0, padded.shape[3] - (kw - 1) * dx, sx)
    y = np.zeros((len(x), len(w), len(tops), len(lefts)), np.int64)
    for g in range(groups):
        own, rows = slice(g * outputs, (g + 1) * outputs), slice(g * channels, (g + 1) * channels)
        matrix = w[own].reshape(outputs, -1).T
        for i, top in enumerate(tops):
            for j, left in enumerate(lefts):
                seen = padded[:, rows, top : top + (kh - 1) * dy + 1 : dy, left : left + (kw - 1) * dx + 1 : dx]
                y[:, own, i, j] = sliced_product(seen.reshape(len(x), -1), matrix, config)
    return y


@pytest.mark.parametrize("options", _CASES)
def test_an_ideal_converter_makes_it_pytorchs_convolution(options: dict[str, Any]) -> None:
    x, w = operands(options.get("groups", 1))
    wanted = by_torch(x, w, options)
    np.testing.assert_array_equal(bit_sliced_conv2d(x, w, _EXACT, **options), wanted)
    weights = program_weights(w, _EXACT, options.get("groups", 1))
    np.testing.assert_array_equal(bit_sliced_conv2d(x, weights, **options), wanted)


@pytest.mark.parametrize("options", _CASES)
def test_conversions_clip_where_they_do_by_hand(options: dict[str, Any]) -> None:
    x, w = operands(options.get("groups", 1))
    x, w = x[:1, :, :5, :6], w
    wanted = by_hand(x, w, _CLIPS, options)
    found = bit_sliced_conv2d(x, w, _CLIPS, **options)
    np.testing.assert_array_equal(found, wanted)
    assert not np.array_equal(wanted, by_torch(x, w, options))
    groups = options.get("groups", 1)
    np.testing.assert_array_equal(bit_sliced_conv2d(x, program_weights(w, _CLIPS, groups), **options), wanted)


@pytest.mark.parametrize("options", _CASES)
def test_the_way_without_onednn_gives_the_same(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = operands(options.get("groups", 1))
    monkeypatch.setattr(lowering, "_direct_is_exact", lambda: False)
    np.testing.assert_array_equal(bit_sliced_conv2d(x, w, _EXACT, **options), by_torch(x, w, options))


@pytest.mark.parametrize("config", [_EXACT, _CLIPS])
def test_one_image_gives_one_result_of_the_same_kind(config: BitSliceConfig) -> None:
    x, w = operands()
    whole = bit_sliced_conv2d(x, w, config, padding=1)
    one = bit_sliced_conv2d(x[1], w, config, padding=1)
    assert isinstance(one, np.ndarray)
    np.testing.assert_array_equal(one, whole[1])
    tensor = bit_sliced_conv2d(torch.from_numpy(x[1]), torch.from_numpy(w), config, padding=1)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), whole[1])


def test_a_depthwise_convolution_has_arrays_of_its_own_for_each_channel() -> None:
    x, w = codes(1, 5, 6, 6, low=0, high=16), codes(5, 1, 3, 3, low=-8, high=8, seed=1)
    found = np.asarray(bit_sliced_conv2d(x, w, _CLIPS, groups=5))
    for c in range(5):
        alone = bit_sliced_conv2d(x[:, c : c + 1], w[c : c + 1], _CLIPS)
        np.testing.assert_array_equal(found[:, c : c + 1], alone)
    assert program_weights(w, _CLIPS, 5).groups == 5
    assert program_weights(w, _CLIPS, 5).clipping == (slice(0, 8), slice(8, 9))  # a step of two can round any sum


def test_views_wide_types_and_empty_batches() -> None:
    x, w = operands()
    back = slice(None, None, -1)
    flipped = bit_sliced_conv2d(x[..., back], w[..., back], _CLIPS)
    np.testing.assert_array_equal(flipped, bit_sliced_conv2d(x[..., back].copy(), w[..., back].copy(), _CLIPS))
    wanted = bit_sliced_conv2d(x, w, _CLIPS)
    last = torch.from_numpy(x).contiguous(memory_format=torch.channels_last).to(torch.uint8)
    np.testing.assert_array_equal(bit_sliced_conv2d(last, torch.from_numpy(w).to(torch.int8), _CLIPS), wanted)
    assert bit_sliced_conv2d(x[:0], w, _CLIPS, padding="same", groups=1).shape == (0, 4, 7, 8)
    grouped = operands(2)[1]
    assert bit_sliced_conv2d(x[:0], grouped, _CLIPS, (2, 1), (1, 0), groups=2).shape == (0, 4, 4, 6)
