"""Column scales stand behind the converter: each row of PEs is converted as it is, and its sum is scaled then."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import imcsim
from imcsim.core.errors import MappingError
from imcsim.crossbar.slicing.calibrate import ClippingWarning
from imcsim.learn.api import learn_on
from imcsim.learn.rebuild import network_after
from tests.analog.hand import (
    ALL_OFF,
    IDEAL_CELLS,
    all_rram,
    chip,
    codes_of,
    images,
    input_codes,
    linear,
    sliced_product,
)
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream

ROWS = 64  # weight rows of a PE on the chips used here


def scaled(layer: nn.Module, scales: torch.Tensor, rows: int = ROWS) -> Any:
    """The layer as a method with column masks leaves it."""
    layer.register_buffer("column_scale", scales)
    layer.column_rows = rows  # type: ignore[assignment]
    return layer


def two_rows_of_pes(seed: int = 3) -> tuple[nn.Linear, torch.Tensor]:
    """70 x 4 weights on two rows of PEs: a half, as it is, closed, twice; and other scales in the second row."""
    scales = torch.tensor([[[0.5, 1.0, 0.0, 2.0], [2.0, 0.0, 0.0, 1.0]]])
    return scaled(linear(70, 4, seed=seed), scales), scales


def masked(layer: nn.Linear, scales: torch.Tensor) -> torch.Tensor:
    """Weights (N, D) with every segment scaled, weight by weight."""
    weight = layer.weight.detach().clone()
    for n in range(weight.shape[0]):
        for d in range(weight.shape[1]):
            weight[n, d] *= scales[0, d // ROWS, n]
    return weight


@pytest.mark.parametrize("sign", ["differential", "offset"])
@pytest.mark.parametrize("signed_input", [False, True])
def test_with_ideal_converters_it_is_the_masked_weight(sign: str, signed_input: bool) -> None:
    layer, scales = two_rows_of_pes()
    x = images(6, 70) - (0.4 if signed_input else 0.0)
    made = all_rram(rram__sign=sign, dac_bits=2)
    largest = 127 if signed_input else 255
    step = x.abs().max() / largest
    wanted = functional.linear(torch.round(x / step) * step, masked(layer, scales))
    found = imcsim.convert(layer, made, config=ALL_OFF).eval()(x)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_sram_scales_its_sums_too_and_agrees_with_rram_to_the_last_bit() -> None:
    layer, _ = two_rows_of_pes()
    x = images(6, 70)
    in_rram = imcsim.convert(layer, chip(), config=IDEAL_CELLS).eval()(x)  # 64 rows x level 3 fit 8 bits
    assert torch.equal(in_rram, imcsim.convert(layer, chip(), "sram").eval()(x))


def test_rows_of_pes_in_both_memories() -> None:
    layer, _ = two_rows_of_pes()
    x = images(6, 70)
    analog = imcsim.convert(layer, chip(), config=IDEAL_CELLS).eval()
    everything = analog(x)
    analog.place({"": np.array([[[True], [False]]])})
    assert torch.equal(analog(x), everything)
    assert not torch.equal(everything, imcsim.convert(linear(70, 4, seed=3), chip(), config=IDEAL_CELLS).eval()(x))


def test_the_converter_sees_the_unscaled_sum() -> None:
    """A converter that clips: each row of PEs is converted by the integer loop, and scaled afterwards."""
    layer, scales = two_rows_of_pes()
    x = images(40, 70, seed=1)
    rule = {"adc_range": "percentile", "adc_percentile": 80.0}
    analog = imcsim.convert(layer, all_rram(rram__adc_bits=4), config=IDEAL_CELLS | rule)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClippingWarning)
        analog.calibrate(x)
    (step,) = set(analog.adc.steps)
    inputs, weights = input_codes(x), codes_of(layer.weight)
    wanted = np.zeros((40, 4))
    for tile, rows in enumerate((slice(0, 64), slice(64, 70))):
        part = sliced_product(inputs, weights, [rows], 2, 4, step, -8, "subtracted")
        wanted += part * scales[0, tile].numpy()
    found = analog.eval()(x).double() * 255 * 127
    torch.testing.assert_close(found, torch.from_numpy(wanted), rtol=1e-5, atol=1e-1)
    ideal = inputs @ (weights * scales[0].repeat_interleave(ROWS, 0)[:70].numpy())
    assert np.abs(wanted - ideal).max() > 1000  # the same masked weights, were nothing clipped


def test_a_closed_column_contributes_nothing_whatever_its_cells_do() -> None:
    layer = scaled(linear(70, 4, bias=True), torch.tensor([[[1.0, 0, 0, 1], [1, 0, 1, 0]]]))
    analog = imcsim.convert(layer, all_rram())
    analog.program(0)
    analog.drift(3600.0)
    found = analog.eval()(images(5, 70))
    assert torch.equal(found[:, 1], layer.bias.detach()[1].expand(5))
    assert not torch.equal(found[:, 2], layer.bias.detach()[2].expand(5))


def test_a_grouped_convolution_has_scales_of_its_own_in_each_group() -> None:
    layer = nn.Conv2d(16, 6, 3, groups=2, padding=1, bias=False)  # fan-in 72: two rows of PEs
    generator = torch.Generator().manual_seed(0)
    scales = torch.randint(0, 3, (2, 2, 3), generator=generator).float()
    codes = torch.randint(-127, 128, (6, 72), generator=generator).float()
    codes[0, 0] = 127
    by_hand = codes.clone()
    for o in range(6):
        by_hand[o, :64] *= scales[o // 3, 0, o % 3]
        by_hand[o, 64:] *= scales[o // 3, 1, o % 3]
    with torch.no_grad():
        layer.weight.copy_((codes / 127).view(6, 8, 3, 3))
    x = images(2, 16, 5, 5)
    found = imcsim.convert(scaled(layer, scales), chip(), config=ALL_OFF).eval()(x)
    wanted = functional.conv2d(torch.round(x * 255) / 255, by_hand.view(6, 8, 3, 3) / 127, padding=1, groups=2)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_hardware_aware_training_scales_too_and_its_gradient_follows() -> None:
    layer, scales = two_rows_of_pes()
    x = images(6, 70)
    analog = imcsim.convert(layer, all_rram(), config=ALL_OFF).train()
    analog(x).sum().backward()
    rounded = torch.round(x * 255) / 255
    wanted = rounded.sum(0)[None] * scales[0].repeat_interleave(ROWS, 0)[:70].T
    torch.testing.assert_close(analog.weight.grad, wanted, rtol=1e-5, atol=1e-5)


def test_the_scales_of_another_task_are_loaded_with_its_network() -> None:
    made = chip()
    tile = (made.config.geometry.weight_rows, made.config.geometry.weight_cols)
    config = tiny_config(method="xma", epochs=6, pe_tile=tile, method_config={"learning_rate": 0.2})
    trace = learn_on(config, tiny_net(norm=True, classes=6), tiny_stream(tasks=3))
    networks = [network_after(trace, task, tiny_net(norm=True, classes=6)) for task in range(3)]
    assert not torch.equal(networks[1].first.column_scale, networks[2].first.column_scale)  # type: ignore[union-attr, arg-type]
    x = tiny_stream(tasks=3).tasks[2].x_test
    analog = imcsim.convert(networks[1], made, config=IDEAL_CELLS).eval()
    before = analog(x)
    analog.load_state_dict(networks[2].state_dict())
    analog.calibrate(x)
    fresh = imcsim.convert(networks[2], made, config=IDEAL_CELLS, calibration=x).eval()
    assert torch.equal(analog(x), fresh(x))
    assert not torch.equal(analog(x), before)


def test_scales_for_other_pes_are_refused_in_one_sentence() -> None:
    layer = scaled(linear(70, 4), torch.ones(1, 3, 4), rows=32)
    with pytest.raises(MappingError, match=r"learned column scales for PEs of 32 weight rows.*PEs of 64.*pe_tile"):
        imcsim.convert(layer, chip())
