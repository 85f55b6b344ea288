"""Limits: without non-idealities a converted network computes what its codes say, to the last bit."""

import io
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import imcsim
from imcsim.crossbar.slicing.calibrate import ClippingWarning
from tests.analog.hand import (
    ALL_OFF,
    IDEAL_CELLS,
    TwoLayers,
    all_rram,
    chip,
    codes_of,
    images,
    input_codes,
    linear,
    sliced_product,
    two_layers,
)


def quantised(values: torch.Tensor, largest_code: int) -> torch.Tensor:
    """Values rounded to multiples of their largest magnitude over ``largest_code``."""
    step = values.abs().max() / largest_code
    return torch.round(values / step) * step


def plain_on_codes(model: TwoLayers, x: torch.Tensor) -> torch.Tensor:
    """The network with 8-bit weights and unsigned 8-bit inputs of every layer, written out."""
    with torch.no_grad():
        y = functional.conv2d(
            quantised(x, 255), quantised(model.first.weight, 127), model.first.bias, stride=2, padding=1
        )
        y = quantised(torch.relu(model.norm(y)), 255)
        y = torch.relu(functional.conv2d(y, quantised(model.second.weight, 127), dilation=2, groups=2)).flatten(1)
        return functional.linear(quantised(y, 255), quantised(model.head.weight, 127), model.head.bias)


@pytest.mark.parametrize("placement", ["rram", "sram"])
def test_a_network_without_non_idealities_computes_on_codes(placement: Any) -> None:
    model, x = two_layers(), images(4, 3, 12, 12)
    analog = imcsim.convert(model, chip(), placement, config=ALL_OFF).eval()
    torch.testing.assert_close(analog(x), plain_on_codes(model, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("pair", "open_rows", "adc_bits"), [("converted", 0, 8), ("subtracted", 0, 9), ("subtracted", 20, 7)]
)
def test_rram_and_sram_agree_to_the_last_bit_where_conversions_lose_nothing(
    pair: str, open_rows: int, adc_bits: int
) -> None:
    """64 rows x level 3 = 192 <= 255: 8 bits hold a column, 9 the difference of two, 7 that of 20 rows (60 <= 63)."""
    model, x = two_layers(1), images(4, 3, 12, 12, seed=2)
    made = chip(rram__pair=pair, rram__open_rows=open_rows, rram__adc_bits=adc_bits)
    in_rram = imcsim.convert(model, made, config=IDEAL_CELLS).eval()
    in_sram = imcsim.convert(model, chip(), "sram").eval()
    assert torch.equal(in_rram(x), in_sram(x))


def test_programming_without_errors_changes_nothing() -> None:
    model, x = two_layers(1), images(2, 3, 12, 12, seed=2)
    analog = imcsim.convert(model, chip(), config=IDEAL_CELLS).eval()
    before = analog(x)
    done = analog.program(0)
    analog.drift(86_400.0)
    assert torch.equal(analog(x), before)
    assert done.events == 8 * sum(layer.weight.numel() for layer in (model.first, model.second, model.head))


@pytest.mark.parametrize("open_rows", [0, 16, 24])
@pytest.mark.parametrize("pair", ["converted", "subtracted"])
@pytest.mark.parametrize(
    ("cell_bits", "adc_bits", "percentile", "lossless"),
    [
        (1, 8, 100, True),
        (1, 3, 100, False),
        (1, 3, 80, False),
        (2, 9, 100, True),
        (2, 4, 100, False),
        (2, 4, 80, False),
    ],
)
def test_conversions_are_those_of_an_integer_loop(
    cell_bits: int, adc_bits: int, percentile: float, lossless: bool, pair: str, open_rows: int
) -> None:
    """Rounding and clipping included, and the codes below zero: half of all, or half of those left spare."""
    layer, x = linear(70, 4, seed=3), images(40, 70, seed=1)
    fields = {"rram__cell_bits": cell_bits, "rram__adc_bits": adc_bits, "rram__pair": pair}
    made = all_rram(**fields, rram__open_rows=open_rows)
    analog = imcsim.convert(layer, made, config=IDEAL_CELLS | {"adc_range": "percentile", "adc_percentile": percentile})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClippingWarning)
        analog.calibrate(x)
    (row,) = analog.summary(io.StringIO()).rows
    (step,), codes = set(row.adc_steps), (1 << adc_bits) - 1
    needed = -(-min((open_rows or 64) * ((1 << cell_bits) - 1), codes * step) // step)
    lowest = -(1 << (adc_bits - 1)) if pair == "subtracted" else -((codes - needed) // 2)
    passes = {  # rows 64 to 69 lie in a second PE
        0: [slice(0, 64), slice(64, 70)],
        16: [slice(0, 16), slice(16, 32), slice(32, 48), slice(48, 64), slice(64, 70)],
        24: [slice(0, 24), slice(24, 48), slice(48, 64), slice(64, 70)],
    }[open_rows]
    given = (input_codes(x), codes_of(layer.weight))
    wanted = sliced_product(*given, passes, cell_bits, adc_bits, step, lowest, pair)
    assert np.array_equal(wanted, input_codes(x) @ codes_of(layer.weight)) == lossless
    torch.testing.assert_close(analog.eval()(x), torch.from_numpy(wanted / (255 * 127)).float(), rtol=1e-6, atol=1e-6)


def test_offset_cells_subtract_their_zero_digitally() -> None:
    layer, x = linear(70, 4, seed=3), images(5, 70)
    analog = imcsim.convert(layer, all_rram(rram__sign="offset"), config=IDEAL_CELLS).eval()
    wanted = input_codes(x) @ codes_of(layer.weight) / (255 * 127)
    torch.testing.assert_close(analog(x), torch.from_numpy(wanted).float(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dac_bits", [1, 2, 4])
@pytest.mark.parametrize("sign", ["differential", "offset"])
def test_signed_inputs_are_exact_on_any_dac(dac_bits: int, sign: str) -> None:
    layer, x = linear(70, 4, seed=5), images(6, 70) - 0.4
    made = all_rram(rram__sign=sign, dac_bits=dac_bits)
    with torch.no_grad():
        wanted = functional.linear(quantised(x, 127), layer.weight)
    analog = imcsim.convert(layer, made, config=ALL_OFF).eval()
    torch.testing.assert_close(analog(x), wanted, rtol=1e-5, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    fan_in=st.integers(1, 150),
    outputs=st.integers(1, 20),
    seed=st.integers(0, 99),
    share=st.floats(0, 1),
)
def test_where_a_pe_is_does_not_matter_without_errors(fan_in: int, outputs: int, seed: int, share: float) -> None:
    """Any mixture of RRAM and SRAM PEs in one layer gives the same numbers."""
    layer, x = linear(fan_in, outputs, seed), images(3, fan_in, seed=seed)
    grid = (1, -(-fan_in // 64), -(-outputs // 8))
    mask = np.random.default_rng(seed).random(grid) < share
    mixed = imcsim.convert(nn.Sequential(layer), chip(), {"0": mask}, config=IDEAL_CELLS).eval()
    plain = imcsim.convert(nn.Sequential(layer), chip(), "sram").eval()
    assert torch.equal(mixed(x), plain(x))


def test_more_dimensions_than_a_batch_pass_a_linear_layer() -> None:
    layer, x = linear(70, 4, bias=True), images(2, 3, 70)
    analog = imcsim.convert(layer, chip(), config=IDEAL_CELLS).eval()
    assert torch.equal(analog(x).flatten(0, 1), analog(x.flatten(0, 1)))
    assert analog(x).shape == (2, 3, 4)
