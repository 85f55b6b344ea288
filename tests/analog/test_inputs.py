"""What comes into layers on PEs: refused, cast, counted where it lies beyond the range."""

import io
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import imcsim
from imcsim.core.errors import ConfigError, CrossbarError, MappingError
from imcsim.crossbar.slicing.calibrate import ClippingWarning
from tests.analog.hand import ALL_OFF, IDEAL_CELLS, TwoLayers, chip, images, linear, two_layers


def converted(**options: Any) -> Any:
    """A linear layer of 70 inputs between others, its range 0 to 1."""
    made = imcsim.convert(nn.Sequential(nn.Identity(), linear()), chip(), config=IDEAL_CELLS, **options)
    made.calibrate(images(8, 70))
    return made.eval()


@pytest.mark.parametrize("mode", ["eval", "train", "explicit"])
@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_inputs_that_are_no_numbers_are_refused_by_layer_and_place(mode: str, value: float, shown: str) -> None:
    config = IDEAL_CELLS | {"explicit_training": mode == "explicit"}
    made = imcsim.convert(nn.Sequential(nn.Identity(), linear()), chip(), config=config, calibration=images(8, 70))
    before = made[1].inputs
    x = images(3, 70)
    x[2, 5] = x[2, 6] = value
    sentence = rf"layer '1' got an input of {shown} at \(2, 5\) of \(3, 70\), and 1 more: only finite inputs have codes"
    with pytest.raises(CrossbarError, match=sentence):
        made.train(mode != "eval")(x)
    assert made[1].inputs == before
    with pytest.raises(CrossbarError, match=sentence):
        made.calibrate(x)


def test_inputs_that_overflow_inside_name_the_layer_that_gets_them() -> None:
    made = imcsim.convert(two_layers(), chip(), config=ALL_OFF)
    with torch.no_grad():
        made.norm.bias[0] = float("nan")
    with pytest.raises(CrossbarError, match="layer 'second' got an input of nan"):
        made.eval()(images(2, 3, 12, 12))


def test_inputs_beyond_the_range_are_counted_by_layer_and_told_once() -> None:
    made, x = converted(), images(10, 70, seed=2)
    made(x)
    assert made[1].clipped_inputs.seen == 700
    assert made[1].clipped_inputs.share == 0
    x[:, :7] = 3.0  # a tenth above
    x[:, 7:14] = -0.5  # a tenth below: the range is unsigned
    sentence = r"^20.0% of the inputs are clipped \(layer '1', range 0 to 1\): calibrate on inputs like these$"
    with pytest.warns(ClippingWarning, match=sentence):
        made(x)
    made(x)  # told once
    row = made.summary(paper := io.StringIO()).rows[0]
    assert row.beyond_share == pytest.approx((140 + 140) / (3 * 700))
    assert "13.33%" in paper.getvalue()
    made.calibrate(x)
    assert made.summary(io.StringIO()).rows[0].beyond_share == 0
    with pytest.warns(ClippingWarning, match="range -3 to 3"):
        made(4 * x)


def test_inputs_that_round_to_the_last_code_are_not_clipped() -> None:
    made, x = converted(), torch.full((1, 70), 1 + 0.4 / 255)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(x)
    assert made[1].clipped_inputs.beyond == 0
    with pytest.warns(ClippingWarning):
        made(torch.full((1, 70), 1 + 0.6 / 255))
    assert made[1].clipped_inputs.beyond == 70


def test_what_a_quantile_leaves_out_is_no_surprise() -> None:
    x = images(100, 70)
    made = imcsim.convert(linear(), chip(), config=IDEAL_CELLS | {"input_quantile": 0.95}, calibration=x).eval()
    made(x)  # no warning: 5 % are cut on purpose
    assert made.clipped_inputs.share == pytest.approx(0.05, abs=0.003)


def test_weights_that_grow_drive_the_next_layer_beyond_its_range_which_is_told() -> None:
    made, x = imcsim.convert(two_layers(), chip(), config=IDEAL_CELLS), images(6, 3, 12, 12)
    made.calibrate(x)
    with torch.no_grad():
        made.second.weight.mul_(10)
    with pytest.warns(ClippingWarning, match="layer 'head'"):
        made.eval()(x)


def test_one_image_and_one_vector_are_batches_of_one() -> None:
    x = images(2, 3, 12, 12)
    made = imcsim.convert(two_layers().first, chip(), config=IDEAL_CELLS, calibration=x)
    for network in (made.eval(), made.train()):
        one = network(x[0])
        assert one.shape == (8, 6, 6)
    assert torch.equal(made.eval()(x[0]), made(x)[0])
    flat = imcsim.convert(linear(), chip(), config=IDEAL_CELLS, calibration=images(4, 70)).eval()
    assert torch.equal(flat(images(4, 70)[1]), flat(images(4, 70))[1])
    assert flat(images(4, 2, 70)).shape == (4, 2, 10)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_floats_of_another_type_are_cast(kind: torch.dtype) -> None:
    made, x = converted(), images(4, 70).to(kind)
    assert torch.equal(made(x), made(x.float()))
    assert made.train()(x).dtype == torch.float32


def test_a_network_of_half_precision_stays_one() -> None:
    made = imcsim.convert(linear().half(), chip(), config=IDEAL_CELLS).eval()
    assert made(images(4, 70).half()).dtype == torch.float16
    assert made(images(4, 70)).dtype == torch.float16


def test_views_that_are_not_contiguous_give_the_same() -> None:
    made, x = converted(), images(70, 8)
    assert torch.equal(made(x.T), made(x.T.contiguous()))
    conv = imcsim.convert(two_layers(), chip(), config=IDEAL_CELLS, calibration=images(2, 3, 12, 12)).eval()
    y = images(2, 3, 12, 12).flip(3)
    assert torch.equal(conv(y.to(memory_format=torch.channels_last)), conv(y))


def test_no_sample_gives_no_output_and_sets_no_range() -> None:
    made = imcsim.convert(two_layers(), chip(), config=IDEAL_CELLS)
    for network in (made.eval(), made.train()):
        with torch.no_grad():
            network.norm.eval()  # batch-norm has no statistics of nothing
            assert network(torch.zeros(0, 3, 12, 12)).shape == (0, 5)
        assert made.first.inputs is None
    with pytest.raises(
        CrossbarError, match=r"layer 'first' got no sample to calibrate on: its input is \(0, 3, 12, 12\)"
    ):
        made.calibrate(torch.zeros(0, 3, 12, 12))


def test_inputs_too_small_for_codes_count_as_none() -> None:
    made = imcsim.convert(linear(), chip(), config=IDEAL_CELLS).eval()
    assert torch.equal(made(torch.full((2, 70), 1e-40)), torch.zeros(2, 10))
    assert made.inputs.largest == 1.0


def conv() -> TwoLayers:
    return imcsim.convert(two_layers(), chip(), config=ALL_OFF).eval()  # type: ignore[no-any-return]


BAD_INPUTS: list[tuple[Any, Any, str]] = [
    (converted, torch.ones(2, 71), r"layer '1' needs inputs \(..., 70\), got \(2, 71\)"),
    (converted, torch.tensor(1.0), r"layer '1' needs inputs \(..., 70\), got \(\)"),
    (converted, torch.ones(2, 70, dtype=torch.int64), "layer '1' needs inputs of floats, got a tensor of torch.int64"),
    (converted, torch.ones(2, 70, dtype=torch.bool), "layer '1' needs inputs of floats, got a tensor of torch.bool"),
    (converted, torch.ones(2, 70, dtype=torch.complex64), "needs inputs of floats, got a tensor of torch.complex64"),
    (converted, np.ones((2, 70)), "layer '1' needs inputs of floats, got a ndarray"),
    (converted, "images", "layer '1' needs inputs of floats, got a str"),
    (converted, None, "layer '1' needs inputs of floats, got a NoneType"),
    (converted, torch.ones(2, 70, device="meta"), "layer '1' is on cpu, its input on meta; move one of them"),
    (conv, torch.ones(2, 4, 12, 12), r"layer 'first' needs images \(B, 3, H, W\) or \(3, H, W\), got \(2, 4, 12, 12\)"),
    (conv, torch.ones(1, 2, 3, 12, 12), r"layer 'first' needs images .* got \(1, 2, 3, 12, 12\)"),
    (conv, torch.ones(2, 3, 2, 12), r"layer 'second' has a kernel over 3 x 3 pixels, .* images of 1 x 6"),
]


@pytest.mark.parametrize(("make", "x", "sentence"), BAD_INPUTS)
def test_inputs_that_do_not_fit_get_one_sentence(make: Any, x: Any, sentence: str) -> None:
    made = make()
    for mode in (made.eval, made.train):
        with pytest.raises(CrossbarError, match=sentence) as refused:
            mode()(x)
        assert "\n" not in str(refused.value)


def programmed() -> Any:
    made = converted()
    made.program(0)
    return made


BAD_CALLS: list[tuple[str, tuple[Any, ...], str]] = [
    ("drift", ("1d",), "time_s must be a number >= 0, got '1d'"),
    ("drift", (-1,), "time_s must be finite and >= 0, got -1"),
    ("drift", (float("nan"),), "time_s must be finite and >= 0, got nan"),
    ("drift", (float("inf"),), "time_s must be finite and >= 0, got inf"),
    ("drift", (True,), "time_s must be a number >= 0, got True"),
    ("drift", (None,), "time_s must be a number >= 0, got NoneType"),
    ("drift", ([1.0],), "time_s must be a number >= 0, got list"),
    ("drift", (1j,), "time_s must be a number >= 0, got complex"),
    ("drift", (torch.tensor([1.0, 2.0]),), "time_s must be a number >= 0, got Tensor"),
    ("program", ("0",), "generator must be a seed, a numpy or a torch generator, got str"),
    ("program", (None,), "generator must be a seed, a numpy or a torch generator, got NoneType"),
    ("program", (1.5,), "generator must be a seed, a numpy or a torch generator, got float"),
    ("program", (True,), "generator must be a seed, a numpy or a torch generator, got bool"),
    ("place", ("flash",), "placement must be 'rram', 'sram' or one mask for each layer, got 'flash'"),
    ("place", (7,), "placement must be 'rram', 'sram' or one mask for each layer, got int"),
    ("place", ({"1": "flash"},), "placement must be 'rram', 'sram' or one mask for each layer, got 'flash'"),
    ("place", ({"1": [[[True]]]},), r"placement of layer '1' must have shape \(1, 2, 2\)"),
    ("calibrate", (images(2, 71),), r"layer '1' needs inputs \(..., 70\), got \(2, 71\)"),
    ("calibrate", (None,), "needs inputs of floats, got a NoneType"),
]


@pytest.mark.parametrize(("verb", "given", "sentence"), BAD_CALLS)
def test_verbs_refuse_what_they_cannot_take_in_one_sentence(verb: str, given: tuple[Any, ...], sentence: str) -> None:
    made = programmed()
    with pytest.raises((ConfigError, MappingError, CrossbarError), match=sentence) as refused:
        getattr(made, verb)(*given)
    assert "\n" not in str(refused.value)
    made(images(2, 70))  # and goes on as before


def test_numbers_of_every_kind_are_times() -> None:
    made = programmed()
    for time in (60, 60.0, np.float32(60), np.int64(60)):
        made.drift(time)
        assert made.analog_clock.now_s == 60.0


BAD_CONVERSIONS: list[tuple[dict[str, Any], str]] = [
    ({"generator": "a"}, "generator must be a seed, a numpy or a torch generator, got str"),
    ({"calibration": [1.0]}, "needs inputs of floats, got a list"),
    ({"calibration": torch.ones(0, 70)}, "got no sample to calibrate on"),
    ({"exclude": None}, "exclude must be a list of patterns, got NoneType"),
    ({"exclude": [3]}, "exclude must be a list of patterns, got a list with int"),
    ({"overrides": ["1"]}, "overrides must be a table of patterns, got list"),
    ({"overrides": {"1": 6}}, r"overrides\['1'\] must be a table of settings, got int"),
    ({"overrides": {"1": {"rram.adc_bits": "many"}}}, r"overrides\['1'\]: 'rram.adc_bits'"),
    ({"overrides": {"1": {3: 4}}}, r"overrides\['1'\]: unknown setting '3'"),
    ({"config": "ideal"}, "imcsim.convert config must be an AnalogConfig or a table, got str"),
    ({"config": {"training_age_s": "1d"}}, "imcsim.convert config: 'training_age_s': .*valid number"),
    ({"config": {"training_age_s": -1}}, "imcsim.convert config: 'training_age_s': .*greater than or equal to 0"),
    ({"config": {"input_quantile": float("nan")}}, "imcsim.convert config: 'input_quantile'"),
    ({"placement": 3}, "placement must be 'rram', 'sram' or one mask for each layer, got int"),
]


@pytest.mark.parametrize(("options", "sentence"), BAD_CONVERSIONS)
def test_convert_refuses_what_it_cannot_take_in_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises((ConfigError, MappingError, CrossbarError), match=sentence) as refused:
        imcsim.convert(nn.Sequential(nn.Identity(), linear()), chip(), **options)
    assert "\n" not in str(refused.value)
