"""Pairs subtracted ahead of the converter, rows opened in passes, phases that drive nothing: on cells as they are."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import imcsim
from imcsim.analog import AnalogConfig
from imcsim.core.errors import ConfigError
from imcsim.crossbar import BitSliceConfig, Encoding, IdlePhases, effective_conductance, idle_phases
from tests.analog.hand import IDEAL_CELLS, all_rram, chip, codes_of, images, input_codes, linear, two_layers

NO_CONVERTER = {"converter": False, "read_noise": False}


def programmed(layer: nn.Linear, config: Any, **fields: Any) -> Any:
    analog = imcsim.convert(layer, all_rram(**{f"rram__{k}": v for k, v in fields.items()}), config=config).eval()
    analog.calibrate(images(20, layer.in_features))
    analog.program(0)
    analog.drift(3600.0)
    return analog


@pytest.mark.parametrize("open_rows", [0, 24])
def test_subtracted_and_converted_pairs_are_one_without_converters(open_rows: int) -> None:
    """The same cells with every error of theirs: currents are linear, so that it matters where they are subtracted."""
    layer, x = linear(150, 9), images(6, 150, seed=2)
    found = [programmed(layer, NO_CONVERTER, pair=pair, open_rows=open_rows)(x) for pair in ("subtracted", "converted")]
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found[0], layer(x), atol=0.05)  # errors are there


def test_the_noise_of_a_read_is_that_of_both_columns() -> None:
    """One open row, weight 0 in 8 cells of 4 slices: sigma of a level is 0.01 * 40 / 13, each pair twice its square."""
    layer = linear(2, 5000)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.0, 1.0]).expand(5000, 2))
    config = AnalogConfig.ideal(read_noise=True)
    sigmas = []
    for pair in ("subtracted", "converted"):
        made = all_rram(rram__pair=pair, rram__cell__read_noise_fraction=0.01)
        analog = imcsim.convert(layer, made, config=config).eval()
        analog.calibrate(torch.ones(1, 2))
        analog.program(0)
        read = analog(torch.tensor([[128 / 255, 0.0]])) * 255 * 127 / 128  # one plane of one row
        sigmas.append(float(read[0, 1:].std()))
    wanted = 0.01 * 40 / 13 * np.sqrt(2 * (1 + 4**2 + 16**2 + 64**2))
    assert sigmas == pytest.approx([wanted, wanted], rel=0.04)  # 4,999 outputs: 1 % of standard error


def test_a_signed_converter_does_not_rectify_noise_around_zero() -> None:
    layer = linear(64, 4000)
    with torch.no_grad():
        layer.weight.fill_(0.0)
        layer.weight[:, 0] = 1.0
    config = AnalogConfig.ideal(read_noise=True, converter=True)
    analog = imcsim.convert(layer, all_rram(rram__cell__read_noise_fraction=0.02), config=config).eval()
    analog.calibrate(torch.ones(1, 64))
    analog.program(0)
    idle_first = torch.ones(1, 64)
    idle_first[0, 0] = 0.0
    read = analog(idle_first)[0] * 127
    assert float(read.std()) > 10
    assert abs(float(read.mean())) < 4 * float(read.std()) / np.sqrt(4000)


def test_wires_act_on_the_rows_that_are_open() -> None:
    """40 x 6 weights, 16 rows at once, by hand: cells of closed rows are cut off, their segments stay."""
    layer = linear(40, 6, seed=5)
    made = all_rram(rram__wl_segment_ohm=20.0, rram__bl_segment_ohm=35.0, rram__open_rows=16)
    analog = imcsim.convert(layer, made, config=AnalogConfig.ideal(wires=True)).eval()
    analog.calibrate(torch.eye(40))
    encoding = Encoding(sign="differential", weight_bits=8, cell_bits=2)
    levels = np.moveaxis(encoding.levels(codes_of(layer.weight)), 0, -1).reshape(40, 48)
    seen = np.empty((40, 48))
    for rows in (slice(0, 16), slice(16, 32), slice(32, 40)):
        conductance_s = np.zeros((40, 48))
        conductance_s[rows] = 1e-6 + levels[rows] * 13e-6
        seen[rows] = ((effective_conductance(conductance_s, 20.0, 35.0) - 1e-6) / 13e-6)[rows]
    wanted = seen.reshape(40, 6, 8) @ encoding.significance
    read = analog(torch.eye(40)).detach().numpy() * 127
    assert read == pytest.approx(wanted, abs=2e-3)


def test_fewer_open_rows_lose_less_along_the_wires() -> None:
    layer, x = linear(64, 8, seed=6), torch.ones(1, 64)
    with torch.no_grad():
        layer.weight.abs_()
    sums = []
    for open_rows in (0, 16, 1):
        made = all_rram(rram__wl_segment_ohm=20.0, rram__bl_segment_ohm=20.0, rram__open_rows=open_rows)
        sums.append(imcsim.convert(layer, made, config=AnalogConfig.ideal(wires=True)).eval()(x))
    assert bool((sums[0] < sums[1]).all()) and bool((sums[1] < sums[2]).all())
    assert bool((sums[2] < layer(x)).all())


def test_the_summary_prints_the_fewest_bits_that_lose_nothing() -> None:
    """64 rows of level 3 make 192: 8 bits, and one for the sign."""
    analog = imcsim.convert(linear(70, 4), all_rram(rram__adc_bits=7), calibration=images(4, 70))
    text = io.StringIO()
    (row,) = analog.summary(text).rows
    assert (row.adc_bits, row.lossless_adc_bits) == (7, 9)
    assert "converters of 7 bits; the fewest that lose nothing are 9" in text.getvalue().splitlines()
    for fields, bits in (({"rram__pair": "converted"}, 8), ({"rram__open_rows": 5}, 5), ({"dac_bits": 2}, 11)):
        analog = imcsim.convert(linear(70, 4), all_rram(**fields), calibration=images(4, 70))
        (row,) = analog.summary(io.StringIO()).rows
        assert row.lossless_adc_bits == bits  # 192; 15 and a sign; 576 and a sign


def test_idle_phases_by_hand() -> None:
    """3 rows, 2 open at once, codes of 2 bits: (1, 0, 2) and (0, 0, 3) in planes of bits 0 and 1."""
    config = BitSliceConfig(rows=3, cell_bits=1, w_bits=2, x_bits=2, open_rows=2)
    x = np.array([[1, 0, 2], [0, 0, 3]])
    # rows 0-1: bit 0 of the first vector only; row 2: bit 1 of the first, both of the second
    assert idle_phases(x, config) == IdlePhases(phases=8, idle=4, digits=12, zeros=8)
    assert idle_phases(x, config.model_copy(update={"open_rows": 0})) == IdlePhases(4, 0, 12, 8)
    two_bits = BitSliceConfig(rows=3, cell_bits=1, w_bits=2, x_bits=2, dac_bits=2)
    assert idle_phases(x, two_bits) == IdlePhases(2, 0, 6, 3)
    signed = BitSliceConfig(rows=3, cell_bits=1, w_bits=2, x_bits=2, x_signed=True)
    assert idle_phases(np.array([[-2, 0, 0]]), signed) == IdlePhases(2, 1, 6, 5)
    assert idle_phases(x[:0], config) == IdlePhases()
    assert (IdlePhases().idle_share, IdlePhases(8, 4, 12, 8).idle_share) == (0.0, 0.5)
    assert (IdlePhases().zero_share, IdlePhases(8, 4, 12, 8).zero_share) == (0.0, 2 / 3)
    with pytest.raises(ConfigError, match=r"x must be codes \(M, D\), given \(3,\)"):
        idle_phases(x[0], config)
    with pytest.raises(ConfigError, match=r"x must hold codes in 0\.\.3, given 1\.\.4"):
        idle_phases(x + 1, config)


@pytest.mark.parametrize("pair", ["subtracted", "converted"])
def test_skipping_idle_phases_changes_no_result(pair: str) -> None:
    """With every error on, a vector of no ones gives exactly nothing, and rows of zeros might as well not be there."""
    layer = linear(150, 9)
    analog = programmed(layer, {}, pair=pair, open_rows=20)
    assert torch.count_nonzero(analog(torch.zeros(2, 150))) == 0
    quiet = programmed(layer, {"read_noise": False}, pair=pair, open_rows=20)
    x = images(4, 150)
    x[:, 20:40] = 0.0  # the second pass of the first PE
    before = quiet(x)
    for block in quiet.arrays.read(quiet._matrix_codes(), quiet.grid.step, quiet.analog_clock.now_s)[0].blocks:
        if block.rows == slice(20, 40):
            block.cells.fill_(77.0)  # whatever they hold
    assert torch.equal(quiet(x), before)


def test_idle_phases_of_a_network_layer_by_layer() -> None:
    model, x = two_layers(), images(2, 3, 12, 12)
    x[0] = 0.0
    analog = imcsim.convert(model, chip(rram__open_rows=16), calibration=x).eval()
    found = analog.idle_phases(x)
    assert list(found) == ["first", "second", "head"]
    # convolution 3 x 3 of 3 channels, stride 2: 36 places an image, 27 rows in 2 passes, 8 planes; one image is black
    assert found["first"].phases == 2 * 36 * 8 * 2
    assert found["first"].idle >= 36 * 8 * 2
    assert found["first"].digits == 2 * 36 * 8 * 27
    plain = imcsim.convert(nn.Sequential(linear(70, 4)), all_rram(), config=IDEAL_CELLS).eval()
    y = images(5, 70) * (torch.rand(5, 70, generator=torch.Generator().manual_seed(1)) < 0.05)
    y[0, 0] = 1.0
    codes = input_codes(y)
    bits = (codes[:, None] >> np.arange(8)[:, None]) & 1  # (vectors, planes, rows); rows 64 to 69 lie in a second PE
    idle = int(sum((bits[:, :, rows].sum(2) == 0).sum() for rows in (slice(64), slice(64, 70))))
    plain.calibrate(y)
    assert plain.idle_phases(y)["0"] == IdlePhases(80, idle, bits.size, int((bits == 0).sum()))
    assert 0 < idle < 80
    assert not plain[0].training
