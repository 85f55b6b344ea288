"""Every sentence a user can meet."""

from typing import Any

import numpy as np
import pytest
import torch

import imcsim.crossbar
from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.crossbar import (
    BitSliceConfig,
    Encoding,
    bit_sliced_conv2d,
    bit_sliced_matmul,
    calibrate_adc,
    program_weights,
)

_CONFIG = BitSliceConfig(rows=4, cell_bits=2, adc_bits=4)
_X, _W = np.zeros((2, 3), dtype=np.int64), np.zeros((3, 2), dtype=np.int64)
_IMAGE, _KERNEL = np.zeros((1, 2, 3, 3), dtype=np.int64), np.zeros((2, 2, 3, 3), dtype=np.int64)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"w_map": "twos"}, "w_map 'twos' needs cell_bits 1, given 2"),
        ({"x_signed": True, "dac_bits": 2}, "x_signed needs dac_bits 1, given 2"),
        ({"pair": "subtracted"}, "pair 'subtracted' needs w_map 'diff', given 'offset'"),
        ({"pair": "subtracted", "w_map": "diff", "adc_bits": 1}, "adc_bits >= 2, one of them the sign, given 1"),
        ({"open_rows": -1}, "'open_rows'.*greater than or equal to 0"),
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
        (
            _IMAGE[0, 0],
            _KERNEL,
            1,
            0,
            r"x must be \(B, C, H, W\) or \(C, H, W\) and w .*, given \(3, 3\), \(2, 2, 3, 3\)",
        ),
        (_IMAGE, _KERNEL[0], 1, 0, r"x must be \(B, C, H, W\) or \(C, H, W\) and w \(N, C / groups, kh, kw\), given"),
        (_IMAGE, _KERNEL, 0, 0, "stride must be one or two integers >= 1, given 0"),
        (_IMAGE, _KERNEL, -1, 0, "stride must be one or two integers >= 1, given -1"),
        (_IMAGE, _KERNEL, 1, -1, "padding must be one or two integers >= 0, given -1"),
        (_IMAGE, _KERNEL, (1, 2, 3), 0, r"stride must be one or two integers >= 1, given \(1, 2, 3\)"),
        (_IMAGE, _KERNEL, (1, 0), 0, r"stride must be one or two integers >= 1, given \(1, 0\)"),
        (_IMAGE, _KERNEL, 1.5, 0, "stride must be one or two integers >= 1, given 1.5"),
        (_IMAGE, _KERNEL, True, 0, "stride must be one or two integers >= 1, given True"),
        (_IMAGE, _KERNEL, None, 0, "stride must be one or two integers >= 1, given None"),
        (_IMAGE, _KERNEL, "2", 0, "stride must be one or two integers >= 1, given '2'"),
        (_IMAGE, _KERNEL, 1, "full", "padding cannot be 'full'; allowed: same, valid"),
        (_IMAGE, _KERNEL, 1, "sane", "padding cannot be 'sane'; did you mean 'same'?"),
        (_IMAGE, _KERNEL, 2, "same", r"padding 'same' needs stride 1, given \(2, 2\)"),
        (_IMAGE, _KERNEL[:, :, :0], 1, 0, r"a kernel has at least one pixel, given \(0, 3\)"),
        (_IMAGE[:, :, :2], _KERNEL, 1, 0, r"kernel \(3, 3\) does not fit in \(2, 3\) with padding 0"),
    ],
)
def test_convolutions_that_do_not_fit(x: Any, w: Any, stride: Any, padding: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bit_sliced_conv2d(x, w, _CONFIG, stride, padding)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dilation": 0}, "dilation must be one or two integers >= 1, given 0"),
        ({"dilation": 2}, r"kernel \(3, 3\) with dilation \(2, 2\) does not fit in \(3, 3\) with padding 0"),
        ({"groups": 0}, "groups must be one integer >= 1, given 0|groups must be one or two integers >= 1, given 0"),
        ({"groups": (1, 1)}, r"groups must be one integer >= 1, given \(1, 1\)"),
        ({"groups": 2}, r"must share C, given \(1, 2, 3, 3\), \(2, 2, 3, 3\) of 2 groups"),
    ],
)
def test_dilation_and_groups_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bit_sliced_conv2d(_IMAGE, _KERNEL, _CONFIG, **options)


def test_groups_that_do_not_divide_or_were_programmed_otherwise() -> None:
    with pytest.raises(ConfigError, match="3 outputs do not divide into 2 groups"):
        bit_sliced_conv2d(_IMAGE, np.zeros((3, 1, 1, 1), np.int64), _CONFIG, groups=2)
    with pytest.raises(ConfigError, match=r"w of shape \(3, 1, 1, 1\) has no outputs that divide into 2 groups"):
        program_weights(np.zeros((3, 1, 1, 1), np.int64), _CONFIG, 2)
    with pytest.raises(ConfigError, match="groups must be one integer >= 1, given 0"):
        program_weights(_KERNEL, _CONFIG, 0)
    programmed = program_weights(np.zeros((4, 1, 1, 1), np.int64), _CONFIG, 2)
    with pytest.raises(ConfigError, match="w was programmed with groups = 2, given groups = 4"):
        bit_sliced_conv2d(_IMAGE, programmed, groups=4)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            torch.zeros(2, 3, dtype=torch.int64).to_sparse(),
            "x must be a dense tensor, given one of layout torch.sparse",
        ),
        (torch.zeros(2, 3), "x must be a numpy array or torch tensor of integers, given Tensor of torch.float32"),
        (torch.zeros(2, 3, dtype=torch.complex64), "x must be .* of integers, given Tensor of torch.complex64"),
        (torch.zeros(2, 3, dtype=torch.int64, device="meta"), "x and w must both be .* on one device"),
        (None, "x must be a numpy array or torch tensor of integers, given NoneType"),
        ("12", "x must be a numpy array or torch tensor of integers, given str"),
        (torch.tensor(1), r"x \(..., D\) and w \(D, N\) must share D, given \(\), \(3, 2\)"),
    ],
)
def test_tensors_that_are_no_codes(x: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bit_sliced_matmul(x, torch.zeros(3, 2, dtype=torch.int64), _CONFIG)


def test_numbers_that_are_not_there() -> None:
    nowhere = torch.zeros(2, 3, dtype=torch.int64, device="meta")
    with pytest.raises(ConfigError, match="x is on the meta device, where tensors hold no numbers"):
        bit_sliced_matmul(nowhere, torch.zeros(3, 2, dtype=torch.int64, device="meta"), _CONFIG)
    with pytest.raises(ConfigError, match="x must be a plain numpy array, given a masked one"):
        bit_sliced_matmul(np.ma.masked_equal(_X + 1, 1), _W, _CONFIG)


@pytest.mark.parametrize("config", [{"rows": 4}, "rows", 4])
def test_a_configuration_is_one(config: Any) -> None:
    sentence = f"config must be a BitSliceConfig, given {type(config).__name__}"
    for act in (
        lambda: bit_sliced_matmul(_X, _W, config),
        lambda: bit_sliced_conv2d(_IMAGE, _KERNEL, config),
        lambda: program_weights(_W, config),
        lambda: calibrate_adc(_X, _W, config),
    ):
        with pytest.raises(ConfigError, match=sentence):
            act()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": None}, "unknown calibration method 'None'; allowed: max, mse, percentile, sigma"),
        ({"percentile": "99"}, r"percentile must lie in \(0, 100\], given '99'"),
        ({"percentile": float("nan")}, r"percentile must lie in \(0, 100\], given nan"),
        ({"sigmas": float("inf")}, "sigmas must be > 0 and finite, given inf"),
        ({"sigmas": None}, "sigmas must be > 0 and finite, given None"),
    ],
)
def test_calibrations_that_are_none(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        calibrate_adc(_X, _W, _CONFIG, **options)


def test_a_converter_without_bits_is_refused_in_one_sentence_as_is_any_setting() -> None:
    sentence = r"^BitSliceConfig: 'adc_bits': a converter has at least 1 bit; None is an ideal one \(given: 0\)$"
    with pytest.raises(ConfigError, match=sentence):
        BitSliceConfig(rows=4, cell_bits=2, adc_bits=0)
    with pytest.raises(ConfigError, match=r"^BitSliceConfig: unknown key 'adc_bit'; did you mean 'adc_bits'\?$"):
        BitSliceConfig(rows=4, cell_bits=2, adc_bit=4)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"^BitSliceConfig: 'rows' is missing$"):
        BitSliceConfig(cell_bits=2)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"^BitSliceConfig: w_map 'twos' needs cell_bits 1, given 2$"):
        BitSliceConfig(rows=4, cell_bits=2, w_map="twos")
    with pytest.raises(ConfigError, match=r"^Encoding: cell_bits \(4\) must be <= weight_bits \(2\)$"):
        Encoding(weight_bits=2, cell_bits=4)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match=r"module 'imcsim.crossbar' has no attribute 'bit_sliced'"):
        _ = imcsim.crossbar.bit_sliced
    assert "bit_sliced_matmul" in dir(imcsim.crossbar)
