"""Ranges of inputs and converters, set on data and kept."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import imcsim
from imcsim.core.errors import CrossbarError, MappingError
from imcsim.crossbar import BitSliceConfig, calibrate_adc
from imcsim.crossbar.slicing.calibrate import ClippingWarning
from tests.analog.hand import IDEAL_CELLS, all_rram, chip, codes_of, images, input_codes, linear, two_layers


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


@pytest.mark.parametrize(("pair", "open_rows"), [("converted", 0), ("subtracted", 0), ("subtracted", 24)])
@pytest.mark.parametrize("per_slice", [False, True])
@pytest.mark.parametrize("method", ["max", "percentile", "sigma", "mse"])
def test_the_converters_range_is_that_of_calibrate_adc(method: str, per_slice: bool, pair: Any, open_rows: int) -> None:
    layer, x = linear(150, 9, seed=4), images(60, 150, seed=3)
    rule = {"adc_range": method, "adc_percentile": 99.0, "adc_sigmas": 3.0, "adc_per_slice": per_slice}
    slicing = BitSliceConfig(
        rows=64, cell_bits=2, w_map="diff", adc_bits=5, adc_round="half_even", pair=pair, open_rows=open_rows
    )
    made = all_rram(rram__adc_bits=5, rram__pair=pair, rram__open_rows=open_rows)
    given = {"percentile": 99.0, "sigmas": 3.0, "per_slice": per_slice}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClippingWarning)
        analog = imcsim.convert(layer, made, config=IDEAL_CELLS | rule, calibration=x)
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


def by_load(analog: nn.Module, other: nn.Module) -> None:
    analog.load_state_dict(other.state_dict())


def in_place(analog: nn.Module, other: nn.Module) -> None:
    with torch.no_grad():
        for mine, new in zip(analog.parameters(), other.parameters(), strict=True):
            mine.copy_(new)


def past_autograd(analog: nn.Module, other: nn.Module) -> None:
    for mine, new in zip(analog.parameters(), other.parameters(), strict=True):
        mine.data = new.data.clone()


def as_parameters(analog: nn.Module, other: nn.Module) -> None:
    for name, new in other.named_parameters():
        module, _, kind = name.rpartition(".")
        setattr(analog.get_submodule(module), kind, nn.Parameter(new.detach().clone()))


def programmed(config: dict[str, Any], x: torch.Tensor) -> Any:
    analog = imcsim.convert(two_layers(), chip(), config=config, calibration=x, generator=0).eval()
    analog.program(0)
    analog(x)
    return analog


def scaled(factor: float) -> nn.Module:
    other = two_layers(seed=1)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(factor)
    return other


REPLACED = [by_load, in_place, past_autograd, as_parameters]


@pytest.mark.parametrize("calibrate_first", [True, False])
@pytest.mark.parametrize("factor", [10.0, 0.1, 1.0])
@pytest.mark.parametrize("replace", REPLACED)
def test_other_weights_may_be_calibrated_before_or_after_they_are_programmed(
    replace: Callable[[nn.Module, nn.Module], None], factor: float, calibrate_first: bool
) -> None:
    """On ideal cells either order gives, bit for bit, what the other network gives that was converted afresh."""
    x, other = images(6, 3, 12, 12), scaled(factor)
    fresh = imcsim.convert(other, chip(), config=IDEAL_CELLS, calibration=x).eval()
    fresh.program(1)
    analog = programmed(IDEAL_CELLS, x)
    replace(analog, other)
    if calibrate_first:
        analog.calibrate(x)
    analog.program(1)
    if not calibrate_first:
        analog.calibrate(x)
    ranges = [(layer.inputs, layer.adc) for _, layer in analog.analog_layers()]
    assert ranges == [(layer.inputs, layer.adc) for _, layer in fresh.analog_layers()]
    assert torch.equal(analog(x), fresh(x))


def test_with_errors_of_cells_the_order_is_within_their_noise() -> None:
    x, other = images(6, 3, 12, 12), scaled(10.0)
    ranges = []
    for order in (("program", "calibrate"), ("calibrate", "program")):
        analog = programmed({}, x)
        by_load(analog, other)
        for verb in order:
            analog.program(1) if verb == "program" else analog.calibrate(x)
        ranges.append([layer.inputs.largest for _, layer in analog.analog_layers()])
    assert ranges[1] == pytest.approx(ranges[0], rel=0.1)


def test_calibration_leaves_cells_that_hold_other_weights_as_they_are() -> None:
    """One PE of two gets other weights: ranges are of the new ones, reads after it of what the cells hold."""
    layer, x = linear(128, 8), images(9, 128)
    analog = imcsim.convert(nn.Sequential(layer, nn.Linear(8, 4)), all_rram(), config=IDEAL_CELLS, calibration=x).eval()
    analog.program(0)
    held = analog[0].arrays.state.levels.copy()
    before = analog[0](x)
    with torch.no_grad():
        analog[0].weight[:, :64] *= -1
    analog.calibrate(x)
    assert np.array_equal(analog[0].arrays.state.levels, held)
    assert torch.equal(analog[0](x), before)
    wanted = (x @ analog[0].weight.detach().T).abs().max()
    assert analog[1].inputs.largest == pytest.approx(float(wanted), rel=0.03)
    assert float(before.abs().max()) != pytest.approx(float(wanted), rel=0.06)


class Bypassed(nn.Module):
    """A network that leaves out its layer ``a``."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(70, 8), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.b(x[:, :8])
        return logits


def test_a_layer_that_gets_no_input_is_refused_by_name() -> None:
    sentence = r"layer 'a' does not run in the network's forward pass, .*exclude=\['a'\]"
    with pytest.raises(MappingError, match=sentence):
        imcsim.convert(Bypassed(), chip(), calibration=images(4, 70))
    analog = imcsim.convert(Bypassed(), chip()).train()
    with pytest.raises(MappingError, match=sentence):
        analog.calibrate(images(4, 70))
    assert analog.training
    imcsim.convert(Bypassed(), chip(), exclude=["a"], calibration=images(4, 70))


def test_a_calibration_that_fails_leaves_no_range_to_the_next_batch() -> None:
    analog = imcsim.convert(linear(), chip(), calibration=images(4, 70)).eval()
    with pytest.raises(CrossbarError, match="no sample to calibrate on"):
        analog.calibrate(images(4, 70)[:0])
    analog(0.5 * images(4, 70))
    assert analog.inputs.largest == 1.0
