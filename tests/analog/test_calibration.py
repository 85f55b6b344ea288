"""Ranges of inputs and converters, set on data and kept."""

import io
import warnings

import pytest
import torch

import imcsim
from imcsim.crossbar import BitSliceConfig, calibrate_adc
from imcsim.crossbar.slicing.calibrate import ClippingWarning
from tests.analog.hand import IDEAL_CELLS, all_rram, chip, codes_of, images, input_codes, linear


def test_the_first_batch_sets_what_nobody_calibrated_and_later_ones_do_not_move_it() -> None:
    analog = imcsim.convert(linear(), chip(), config=IDEAL_CELLS).eval()
    analog(images(4, 70))
    assert analog.inputs.largest == 1.0
    with pytest.warns(ClippingWarning, match="of the inputs are clipped"):
        analog(5 * images(4, 70))
    assert analog.inputs.largest == 1.0
    analog.calibrate(5 * images(4, 70))
    assert analog.inputs.largest == 5.0


def test_calibration_as_an_argument_and_the_mode_it_leaves() -> None:
    analog = imcsim.convert(linear().train(), chip(), calibration=3 * images(4, 70))
    assert analog.inputs.largest == 3.0
    assert analog.training


def test_inputs_beyond_the_range_saturate() -> None:
    analog = imcsim.convert(linear(), chip(), config=IDEAL_CELLS, calibration=images(4, 70)).eval()
    with pytest.warns(ClippingWarning, match="100.0% of the inputs are clipped"):
        above = analog(torch.full((1, 70), 9.0))
    assert torch.equal(above, analog(torch.ones(1, 70)))


def test_a_quantile_of_the_inputs_ignores_the_rare_ones() -> None:
    x = images(100, 70)
    x[0, 0] = 50.0
    analog = imcsim.convert(linear(), chip(), config={"input_quantile": 0.99}, calibration=x)
    assert 0.97 < analog.inputs.largest < 1.0


@pytest.mark.parametrize("per_slice", [False, True])
@pytest.mark.parametrize("method", ["max", "percentile", "sigma", "mse"])
def test_the_converters_range_is_that_of_calibrate_adc(method: str, per_slice: bool) -> None:
    layer, x = linear(150, 9, seed=4), images(60, 150, seed=3)
    rule = {"adc_range": method, "adc_percentile": 99.0, "adc_sigmas": 3.0, "adc_per_slice": per_slice}
    slicing = BitSliceConfig(rows=64, cell_bits=2, w_map="diff", adc_bits=5, adc_round="half_even")
    given = {"percentile": 99.0, "sigmas": 3.0, "per_slice": per_slice}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClippingWarning)
        analog = imcsim.convert(layer, all_rram(rram__adc_bits=5), config=IDEAL_CELLS | rule, calibration=x)
        wanted = calibrate_adc(input_codes(x), codes_of(layer.weight), slicing, method, **given)  # type: ignore[arg-type]
    assert analog.adc == wanted


def test_clipping_above_one_per_cent_warns_and_names_the_layer() -> None:
    config = IDEAL_CELLS | {"adc_range": "percentile", "adc_percentile": 70}
    analog = imcsim.convert(linear(), all_rram(rram__adc_bits=3), config=config)
    with pytest.warns(ClippingWarning, match="clips .*% of its conversions .layer '', adc_bits 3, percentile"):
        analog.calibrate(images(30, 70))
    assert max(row.clipped_share for row in analog.summary(io.StringIO()).rows) > 0.01


def test_one_range_per_slice_converts_a_small_slice_more_finely() -> None:
    """The top slice of small weights is empty: with a range of its own it loses nothing by a coarse converter."""
    layer, x = linear(64, 4, seed=2), images(50, 64)
    with torch.no_grad():
        layer.weight.mul_(0.2)
        layer.weight[0, 0] = 1.0
    exact = input_codes(x) @ codes_of(layer.weight) / (255 * 127)
    errors = []
    for per_slice in (False, True):
        config = IDEAL_CELLS | {"adc_per_slice": per_slice}
        analog = imcsim.convert(layer, all_rram(rram__adc_bits=5), config=config, calibration=x).eval()
        errors.append(float((analog(x).double() - torch.from_numpy(exact)).square().mean()))
    assert errors[1] < errors[0]
