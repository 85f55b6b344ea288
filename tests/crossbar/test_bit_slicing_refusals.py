"""Every sentence a user can meet."""

from typing import Any

import numpy as np
import pytest
import torch

import imcsim.crossbar
from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.crossbar import BitSliceConfig, bit_sliced_conv2d, bit_sliced_matmul

_CONFIG = BitSliceConfig(rows=4, cell_bits=2, adc_bits=4)
_X, _W = np.zeros((2, 3), dtype=np.int64), np.zeros((3, 2), dtype=np.int64)
_IMAGE, _KERNEL = np.zeros((1, 2, 3, 3), dtype=np.int64), np.zeros((2, 2, 3, 3), dtype=np.int64)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"w_map": "twos"}, "w_map 'twos' needs cell_bits 1, given 2"),
        ({"x_signed": True, "dac_bits": 2}, "x_signed needs dac_bits 1, given 2"),
        ({"w_bits": 2, "cell_bits": 4}, r"cell_bits \(4\) must be <= w_bits \(2\)"),
        ({"x_bits": 1, "dac_bits": 2}, r"dac_bits \(2\) must be <= x_bits \(1\)"),
        ({"w_map": "ofset"}, "'w_map': Input should be 'offset', 'diff' or 'twos' .given: 'ofset'"),
        ({"adc_bit": 8}, "unknown key 'adc_bit'; did you mean 'adc_bits'"),
        ({"adc_step": 0}, "'adc_step'.*greater than or equal to 1"),
        ({"rows": 0}, "'rows'.*greater than or equal to 1"),
    ],
)
def test_impossible_configurations(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(BitSliceConfig, {"rows": 4, "cell_bits": 2} | fields, "slices")


@pytest.mark.parametrize(
    ("x", "w", "message"),
    [
        (_X + 256, _W, "x must hold codes in 0..255, given 256..256"),
        (_X - 1, _W, "x must hold codes in 0..255, given -1..-1"),
        (_X, _W + 128, "w must hold codes in -128..127, given 128..128"),
        (_X.astype(float), _W, "x must be a numpy array or torch tensor of integers, given ndarray of float64"),
        (_X, torch.zeros(3, 2), "w must be a numpy array or torch tensor of integers, given Tensor of torch.float32"),
        (_X.astype(bool), _W, "x must be a numpy array or torch tensor of integers, given ndarray of bool"),
        (torch.zeros(2, 3, dtype=torch.bool), _W, "x must be .* integers, given Tensor of torch.bool"),
        ([[0]], _W, "x must be a numpy array or torch tensor of integers, given list"),
        (_X, torch.zeros(3, 2, dtype=torch.int64), "x and w must both be numpy arrays, or both be torch tensors"),
        (_X[:, :2], _W, r"x \(..., D\) and w \(D, N\) must share D, given \(2, 2\), \(3, 2\)"),
        (_X.astype(np.uint64) + np.uint64(2**63), _W, r"x must fit in int64, given uint64 codes of 2\^63 or more"),
    ],
)
def test_codes_that_do_not_fit(x: Any, w: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bit_sliced_matmul(x, w, _CONFIG)


def test_differential_bits_cannot_hold_the_most_negative_code() -> None:
    pair = BitSliceConfig(rows=4, cell_bits=1, w_map="diff")
    with pytest.raises(ConfigError, match=r"w must hold codes in -127..127, given -128..-128"):
        bit_sliced_matmul(_X, _W - 128, pair)


@pytest.mark.parametrize(
    ("x", "w", "stride", "padding", "message"),
    [
        (_IMAGE[:, :1], _KERNEL, 1, 0, r"x \(B, C, H, W\) and w \(N, C, kh, kw\) must share C"),
        (_IMAGE[0], _KERNEL, 1, 0, r"x \(B, C, H, W\) and w \(N, C, kh, kw\) must share C"),
        (_IMAGE, _KERNEL, 0, 0, "stride must be >= 1 and padding >= 0, given 0 and 0"),
        (_IMAGE, _KERNEL, 1, -1, "stride must be >= 1 and padding >= 0, given 1 and -1"),
        (_IMAGE[:, :, :2], _KERNEL, 1, 0, r"kernel \(3, 3\) does not fit in \(2, 3\) with padding 0"),
    ],
)
def test_convolutions_that_do_not_fit(x: Any, w: Any, stride: int, padding: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bit_sliced_conv2d(x, w, _CONFIG, stride, padding)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match=r"module 'imcsim.crossbar' has no attribute 'bit_sliced'"):
        _ = imcsim.crossbar.bit_sliced
    assert "bit_sliced_matmul" in dir(imcsim.crossbar)
