"""XMA and KSM in training: bits, levels, partial sums, and what the trace holds of them."""

import copy

import numpy as np
import pytest
import torch

from imcsim.core.errors import ConfigError
from imcsim.learn.adapt.adaptor import adaptors
from imcsim.learn.adapt.column_shifts import ShiftColumns, ShiftConfig
from imcsim.learn.api import learn_on
from imcsim.learn.method import make_method
from imcsim.learn.methods.ksm import KernelMask, KsmConfig
from imcsim.learn.shapes import trace_layers
from imcsim.mapping.layer import LayerSpec
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream

SHAPE, TILE = (1, 4, 4), (4, 2)


@pytest.mark.parametrize(
    ("shifts", "zero", "levels", "bits"),
    [
        ((-1, 1), True, (0, 0.5, 1, 2), 2),
        ((-1, 1), False, (0.5, 1, 2), 2),
        ((0, 0), True, (0, 1), 1),
        ((0, 0), False, (1,), 0),
        ((-2, 2), False, (0.25, 0.5, 1, 2, 4), 3),
    ],
)
def test_levels_and_their_bits(shifts: tuple[int, int], zero: bool, levels: tuple[float, ...], bits: int) -> None:
    config = ShiftConfig(lowest_shift=shifts[0], highest_shift=shifts[1], zero_level=zero)
    assert config.levels == levels
    assert config.level_bits == bits


def test_one_is_always_a_level() -> None:
    with pytest.raises(ConfigError, match="lowest_shift"):
        make_method("xma", {"lowest_shift": 1})


def test_mask_bits_are_bits_of_a_level_times_column_segments() -> None:
    trace = learn_on(tiny_config(method="xma", method_config={"norm": "frozen"}), tiny_net(norm=True), tiny_stream())
    segments = 3 * 3 + 7 * 2  # ceil(9 / 4) rows of PEs, 3 outputs; ceil(27 / 4), 2 outputs
    assert trace.task_counts["mask_bits"].tolist() == [2 * segments, 2 * segments]


def test_two_bits_a_segment_of_64_rows_are_3_percent_of_a_bit_a_weight() -> None:
    spec = LayerSpec(
        name="l", kind="linear", in_features=512, out_features=64, positions=1, input_elements=512, output_elements=64
    )
    assert ShiftColumns(spec, 64, ShiftConfig()).bits() / spec.weight_count == 2 / 64


@pytest.mark.parametrize(("rows", "percent"), [(64, 1.56), (72, 1.39), (128, 0.78)])
def test_xbms_mask_is_one_in_r_of_piggybacks(rows: int, percent: float) -> None:
    """The published 1.4 % is what PEs of 72 rows give, or nearly 64; geometry alone."""
    fan_in, outputs = rows * 4, 16
    network = torch.nn.Sequential(torch.nn.Linear(fan_in, outputs), torch.nn.Linear(outputs, 2))
    network = torch.nn.Sequential(torch.nn.Flatten(), *network)
    bits = {}
    for name in ("xbm", "piggyback"):
        (adaptor,) = adaptors(make_method(name).prepare(copy.deepcopy(network), (1, 1, fan_in), (rows, 8))).values()
        bits[name] = adaptor.bits()
    assert round(100 * bits["xbm"] / bits["piggyback"], 2) == percent


def test_a_shift_scales_the_partial_sum_of_its_segment() -> None:
    spec = LayerSpec(
        name="l", kind="linear", in_features=5, out_features=2, positions=1, input_elements=5, output_elements=2
    )
    adaptor = ShiftColumns(spec, 2, ShiftConfig())
    with torch.no_grad():
        adaptor.latent.copy_(torch.tensor([[[0.1, 1.0], [0.5, 2.0], [3.0, 0.0]]]))
    weight, x = torch.arange(10.0).view(2, 5) - 4, torch.tensor([1.0, -2.0, 3.0, 4.0, 5.0])
    partial = [x[rows] @ weight[:, rows].T for rows in (slice(0, 2), slice(2, 4), slice(4, 5))]
    scales = ([0.0, 1.0], [0.5, 2.0], [2.0, 0.0])
    by_hand = torch.stack([torch.tensor(s) * p for s, p in zip(scales, partial, strict=True)]).sum(0)
    assert torch.equal(x @ adaptor(weight).T, by_hand)


def test_every_scale_a_task_trained_is_a_level() -> None:
    config = tiny_config(method="xma", epochs=6, method_config={"learning_rate": 0.2})
    trace = learn_on(config, tiny_net(norm=True), tiny_stream())
    latent = torch.tensor(trace.digital["first.adaptor.latent"][2])
    assert latent.shape == (1, 3, 3)
    assert not latent.eq(1).all()
    adaptor = ShiftColumns(trace.meta.layers[0], 4, ShiftConfig())
    adaptor.load_state_dict({"latent": latent})
    values = set(adaptor.scales().flatten().tolist())
    assert len(values) > 1
    assert values <= {0, 0.5, 1, 2}


def test_ksm_has_one_latent_for_each_kernel() -> None:
    found = adaptors(make_method("ksm").prepare(tiny_net(norm=True), SHAPE, TILE))
    assert {name: tuple(a.get_parameter("latent").shape) for name, a in found.items()} == {
        "first": (3, 1, 1, 1),
        "second": (2, 3, 1, 1),
    }


def test_ksm_stores_a_bit_a_kernel_and_a_scale_for_each_that_is_off() -> None:
    spec = make_method("ksm").prepare(tiny_net(), SHAPE, TILE).get_submodule("second")
    mask = spec.adaptor
    assert isinstance(mask, KernelMask)
    assert mask.bits() == 6
    with torch.no_grad():
        mask.latent[0, 1], mask.latent[1, 2], mask.latent[1, 0] = 0.001, -0.2, 0.005
    assert mask.bits() == 6 + 2 * 32
    short = KernelMask(mask.spec, torch.ones(2, 3, 3, 3), KsmConfig(scale_bits=8, initial=0.0))
    assert short.bits() == 6 + 6 * 8


def test_ksms_groups_and_channels_are_column_segments_and_columns() -> None:
    spec = trace_layers(tiny_net(), SHAPE)[1]
    weight = torch.rand(2, 20, 3, 3) + 0.1
    for unit, values, segments in (("group", 2 * 3, [8, 8, 4]), ("channel", 2, [20])):
        mask = KernelMask(spec, weight, KsmConfig.model_validate({"unit": unit}))
        assert mask.bits() == values
        assert torch.equal(mask(weight), weight)
        with torch.no_grad():
            mask.latent[1, -1] = -1.0  # the only one that is off: its scale is 0
        assert mask.bits() == values + 32
        masked = mask(weight)
        assert torch.equal(masked[0], weight[0])
        assert torch.equal(masked[1, : 20 - segments[-1]], weight[1, : 20 - segments[-1]])
        assert not masked[1, 20 - segments[-1] :].any()
        mask(weight).sum().backward()
        assert mask.latent.grad is not None
        assert mask.latent.grad.ne(0).all()
    bits = KernelMask(spec, torch.ones(4, 64, 3, 3), KsmConfig(unit="group")).bits()
    assert 4 * 64 * 9 / bits == 72  # 1 / 72 is XBM's published 1.4 %


def test_ksm_writes_cells_and_counts_the_norm_layers_of_each_task() -> None:
    config = tiny_config(method="ksm", epochs=6, method_config={"learning_rate": 0.01})
    trace = learn_on(config, tiny_net(norm=True), tiny_stream())
    kernels, norm = 3 + 6, 3 * 4 * 32
    latents = [trace.digital[f"{name}.adaptor.latent"][2] for name in ("first", "second")]
    off = sum(int((latent < np.float32(0.005)).sum()) for latent in latents)
    assert off > 0
    assert trace.task_counts["mask_bits"][1] == kernels + 32 * off + norm
    assert trace.meta.switched_layers == ("first", "second")
    assert trace.changes["step", trace.meta.encodings[0].name, "second"][1].sum() > 0
