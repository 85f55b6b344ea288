"""What is converted, what it keeps of the plain network, and what is refused."""

import copy
import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import imcsim
from imcsim.analog import AnalogConv2d, AnalogLinear, AnalogNetwork
from imcsim.core.errors import ConfigError, MappingError
from tests.analog.hand import ALL_OFF, TwoLayers, all_rram, chip, images, linear, two_layers


def test_the_result_is_a_copy_of_the_same_class_and_the_model_stays_as_it_was() -> None:
    model = two_layers()
    before, kinds = copy.deepcopy(model.state_dict()), {type(m) for m in model.modules()}
    analog = imcsim.convert(model, chip())
    with torch.no_grad():
        for parameter in analog.parameters():
            parameter.zero_()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert {type(m) for m in model.modules()} == kinds
    assert isinstance(analog, TwoLayers)
    assert isinstance(analog, AnalogNetwork)
    assert isinstance(analog.first, AnalogConv2d)
    assert isinstance(analog.head, AnalogLinear)
    assert isinstance(analog.norm, nn.BatchNorm2d)


def test_state_goes_to_the_plain_model_and_back_and_brings_no_chip() -> None:
    model, x = two_layers(0), images(2, 3, 12, 12)
    analog = imcsim.convert(two_layers(1), chip())
    analog.program(0)
    analog.calibrate(x)
    model.load_state_dict(analog.state_dict())  # strict: the same names
    assert torch.equal(model(x), two_layers(1)(x))
    other = imcsim.convert(two_layers(2), all_rram(rram__adc_bits=4), "rram", config=ALL_OFF)
    other.load_state_dict(analog.state_dict())
    assert other.first.arrays.pes.analog.adc_bits == 4
    assert other.eval()(x).shape == (2, 5)


def test_a_copy_of_a_converted_network_is_a_chip_of_its_own() -> None:
    x = images(2, 3, 12, 12)
    analog = imcsim.convert(two_layers(), chip())
    analog.program(0)
    analog.calibrate(x)
    twin = copy.deepcopy(analog)
    twin.program(1)
    twin.drift(1e5)
    assert analog.analog_clock.now_s == 0.0
    assert twin.analog_clock.now_s == 1e5


def test_a_single_layer_is_a_network() -> None:
    analog = imcsim.convert(linear(), chip())
    assert isinstance(analog, AnalogLinear)
    assert isinstance(analog, AnalogNetwork)
    assert [name for name, _ in analog.analog_layers()] == [""]


def test_a_trained_network_keeps_the_codes_that_its_trace_has() -> None:
    stream = imcsim.split("digits", tasks=2, classes_per_task=2, train_limit=40)
    network = imcsim.load("network", "convnet", like=stream, channels=(4, 6))
    trace = imcsim.learn(network, stream, method="hyb-learn", epochs=1)
    analog = imcsim.convert(network, chip(), trace.placement(task=1), config=ALL_OFF)
    analog.program(0)
    for name, layer in analog.analog_layers():
        cells = layer.arrays.state
        in_rram = ~layer.arrays.sram_weights
        assert cells is not None or not in_rram.any()
        if cells is not None:
            encoding = chip().config.geometry.encoding
            held = encoding.codes(np.moveaxis(cells.levels, -1, 0))
            assert np.array_equal(held[in_rram], trace.codes[name][-1][in_rram])
    x = stream.tasks[0].x_test
    torch.testing.assert_close(analog.eval()(x), network.eval()(x), rtol=0.05, atol=0.05)  # 8-bit inputs


def test_excluded_layers_stay_as_they_are() -> None:
    analog = imcsim.convert(two_layers(), chip(), exclude=["first", "h*"])
    assert [name for name, _ in analog.analog_layers()] == ["second"]
    assert type(analog.first) is nn.Conv2d


def test_a_setting_that_only_rram_has_needs_no_path() -> None:
    analog = imcsim.convert(two_layers(), chip(), overrides={"head": {"adc_bits": 5}})
    assert analog.head.arrays.pes.analog.adc_bits == 5


def test_overrides_reach_the_layers_that_match_and_later_ones_win() -> None:
    overrides: dict[str, dict[str, Any]] = {
        "*": {"rram.adc_bits": 6, "read_noise": False},
        "head": {"rram.adc_bits": 7, "rram.cell.read_noise_fraction": 0.5},
    }
    analog = imcsim.convert(two_layers(), chip(), overrides=overrides)
    bits = {name: layer.arrays.pes.analog.adc_bits for name, layer in analog.analog_layers()}
    assert bits == {"first": 6, "second": 6, "head": 7}
    assert not analog.head.arrays.config.read_noise
    assert analog.head.arrays.pes.analog.cell.read_noise_fraction == 0.5
    assert analog.first.arrays.pes.analog.cell.read_noise_fraction == 0.01


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"exclude": ["heed"]}, "exclude: no layer matches 'heed'; did you mean 'head'?"),
        ({"exclude": "head"}, "exclude must be a list of patterns, got the text 'head'"),
        ({"overrides": {"fist": {}}}, "overrides: no layer matches 'fist'; did you mean 'first'?"),
        (
            {"overrides": {"head": {"rram.adc_bit": 4}}},
            r"overrides\['head'\]: unknown setting 'rram.adc_bit'; did you mean 'rram.adc_bits'?",
        ),
        (
            {"overrides": {"head": {"rram.adc_bits": 0}}},
            r"overrides\['head'\]: 'rram.adc_bits': .*greater than or equal to 1",
        ),
        ({"overrides": {"head": {"weight_bits": 4}}}, "overrides of layer 'head' change weight_bits, which is one"),
        ({"config": {"noise": False}}, "imcsim.convert config: unknown key 'noise'"),
        ({"placement": {"haed": np.ones((1, 2, 1), bool)}}, "placement names no converted layer: 'haed'"),
        ({"placement": {"head": np.ones((1, 2, 2), bool)}}, r"placement of layer 'head' must have shape \(1, 2, 1\)"),
        ({"placement": {"head": np.ones((1, 2, 1))}}, "placement of layer 'head' must be boolean, got float64"),
        ({"placement": "ram"}, "placement must be 'rram', 'sram' or one mask for each layer, got 'ram'"),
    ],
)
def test_wrong_settings_get_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises((ConfigError, MappingError), match=sentence):
        imcsim.convert(two_layers(), chip(), **options)


def test_a_memory_that_the_chip_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"placement = 'sram', but chip 'all-rram-28nm' has no \[sram\]"):
        imcsim.convert(linear(), all_rram(), "sram")


def test_a_network_larger_than_the_chip_is_refused() -> None:
    with pytest.raises(MappingError, match=r"needs 5 PEs in RRAM but 'hybrid-28nm' has rram.pe_count = 4"):
        imcsim.convert(two_layers(), chip(rram__pe_count=4))
    with pytest.raises(MappingError, match=r"needs 5 PEs in SRAM but 'hybrid-28nm' has sram.pe_count = 4"):
        imcsim.convert(two_layers(), chip(sram__pe_count=4), "sram")


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            nn.Sequential(nn.Conv1d(2, 2, 3), nn.Linear(4, 4)),
            "layer '0' is a Conv1d: .*; exclude it",
        ),
        (nn.Sequential(nn.MultiheadAttention(4, 2)), "layer '0' is a MultiheadAttention: only"),
        (nn.Sequential(nn.ReLU()), "no Linear or Conv2d layer to map"),
    ],
)
def test_what_has_no_arrays_is_refused_unless_excluded(model: nn.Module, sentence: str) -> None:
    with pytest.raises(MappingError, match=sentence):
        imcsim.convert(model, chip())


def test_attention_that_is_excluded_keeps_its_projections() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.out = nn.MultiheadAttention(4, 2), nn.Linear(4, 4)

    analog = imcsim.convert(Block(), chip(), exclude=["attention"])
    assert [name for name, _ in analog.analog_layers()] == ["out"]


def test_shared_weights_are_refused() -> None:
    layer = nn.Linear(4, 4)
    twin = nn.Linear(4, 4)
    twin.weight = layer.weight
    with pytest.raises(MappingError, match=r"layers '0' and '1' share one weight: .*; exclude one of them"):
        imcsim.convert(nn.Sequential(layer, twin), chip())


def test_pes_that_move_to_sram_become_exact_and_keep_their_cells() -> None:
    model, x = nn.Sequential(linear(128, 8, seed=1)), images(3, 128)
    analog = imcsim.convert(model, chip()).eval()
    analog.program(0)
    analog.calibrate(x)
    exact = imcsim.convert(model, chip(), "sram").eval()
    analog.place("sram")
    exact.calibrate(x)
    assert torch.equal(analog(x), exact(x))
    analog.place({"0": np.array([[[True], [False]]])})
    assert analog.program(1).events == 0  # nothing changed in RRAM meanwhile
    assert not torch.equal(analog(x), exact(x))


def test_the_summary_is_a_table_of_at_most_100_columns() -> None:
    model, x = two_layers(), images(8, 3, 12, 12)
    masks = {"head": np.array([[[True], [False]]])}
    analog = imcsim.convert(model, chip(), masks)
    paper = io.StringIO()
    table = analog.summary(paper)
    assert "not programmed" in paper.getvalue()
    assert [row.kind for row in table.rows] == ["rram", "rram", "mixed"]
    assert table.rows[0].clipped_share is None
    analog.calibrate(x)
    analog.program(0)
    analog.drift(60.0)
    with torch.no_grad():
        analog.second.weight.neg_()
    table = analog.summary(paper := io.StringIO())
    text = paper.getvalue()
    assert text.split("\n", 1)[0].split() == [
        "layer",
        "weights",
        "PEs",
        "kind",
        "RRAM",
        "SRAM",
        "ADC",
        "bits",
        "step",
        "clipped",
        "input",
        "range",
        "beyond",
    ]
    assert max(map(len, text.splitlines())) <= 100
    assert "programmed 60 s ago" in text
    assert "weights changed since they were programmed: second; call program(generator)" in text
    assert [(row.pes, row.rram_pes, row.sram_pes) for row in table.rows] == [(1, 1, 0), (2, 2, 0), (2, 1, 1)]
    assert all(row.clipped_share == 0.0 and row.adc_bits == 9 for row in table.rows)


def test_the_summary_goes_to_the_screen_unless_told_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    imcsim.convert(linear(), chip()).summary()
    assert capsys.readouterr().out.startswith("layer")
