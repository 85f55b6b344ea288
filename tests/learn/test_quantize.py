import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from imcsim.crossbar.quantise import code_max, weight_codes
from imcsim.learn.api import learn
from imcsim.learn.config import LearnConfig
from imcsim.learn.quantize import Quantiser, mapped_module
from imcsim.learn.shapes import trace_layers
from tests.learn.helpers import TinyNet, tiny_net


def quantiser(network: TinyNet, bits: int = 8, weight_range: float = 3.0, quantise: bool = True) -> Quantiser:
    return Quantiser(network, trace_layers(network, (1, 4, 4)), bits, weight_range, quantise)


def test_codes_are_symmetric_and_clip() -> None:
    assert code_max(8) == 127
    assert weight_codes(torch.tensor([-9.0, -0.26, 0.24, 9.0]), 2.0, 3).tolist() == [-3.0, -1.0, 0.0, 3.0]


@given(st.integers(2, 16), st.floats(1.0, 8.0))
def test_largest_initial_weight_sits_at_its_share_of_the_range(bits: int, weight_range: float) -> None:
    network = tiny_net()
    found = quantiser(network, bits, weight_range)
    expected = code_max(bits) / weight_range
    for codes in torch.split(found.codes().float(), [27, 54, 128]):
        assert abs(codes.abs().max() - expected) <= 0.51


def test_forward_uses_code_times_scale_exactly() -> None:
    network = tiny_net()
    found = quantiser(network, bits=4)
    codes = torch.split(found.codes().float(), [27, 54, 128])
    plain = tiny_net()
    for name, scale, part in zip(("first", "second", "head"), found.scales, codes, strict=True):
        weight = mapped_module(plain, name).weight
        weight.data = (part * scale).view_as(weight)
    x = torch.rand(3, 1, 4, 4)
    assert torch.equal(network(x), plain(x))


def test_gradient_passes_straight_through() -> None:
    network, plain = tiny_net(), tiny_net()
    quantiser(network, bits=16, weight_range=1.0)
    x = torch.rand(3, 1, 4, 4)
    network(x).sum().backward()
    plain(x).sum().backward()
    for mine, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        assert mine.grad is not None and theirs.grad is not None
        torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-2, rtol=1e-2)


def test_float_training_still_gives_codes() -> None:
    network, plain = tiny_net(), tiny_net()
    found = quantiser(network, bits=4, quantise=False)
    x = torch.rand(2, 1, 4, 4)
    assert torch.equal(network(x), plain(x))
    assert found.codes().abs().max() == 2  # 7 / 3, rounded


def test_master_copy_saturates_only_where_it_may_change() -> None:
    network = tiny_net()
    found = quantiser(network, weight_range=1.0)
    network.second.weight.requires_grad_(False)
    with torch.no_grad():
        network.first.weight.fill_(100.0)
        network.second.weight.fill_(100.0)
    found.saturate()
    assert float(network.first.weight.detach().max()) == pytest.approx(found.scales[0] * 127)
    assert float(network.second.weight.detach().max()) == 100.0


def test_clipped_share_counts_weights_at_the_ends() -> None:
    network = tiny_net()
    found = quantiser(network)
    assert found.clipped_share() == 0.0
    with torch.no_grad():
        network.first.weight.fill_(-100.0)
    assert found.clipped_share() == pytest.approx(27 / 209)


def test_restored_scales_are_used() -> None:
    network = tiny_net()
    found = quantiser(network)
    doubled = [2 * scale for scale in found.scales]
    before = found.codes()
    found.restore_scales(doubled)
    assert found.scales == doubled
    assert (found.codes() - (before.float() / 2).round()).abs().max() <= 1


def test_an_all_zero_layer_has_a_scale() -> None:
    network = tiny_net()
    nn.init.zeros_(network.head.weight)
    assert min(quantiser(network).scales) > 0


def test_only_linear_and_conv_are_mapped() -> None:
    with pytest.raises(TypeError, match="relu is a ReLU"):
        mapped_module(tiny_net(), "relu")


def test_quantised_training_is_as_good_as_float_on_digits() -> None:
    def joint(quantise: bool) -> float:
        config = LearnConfig(
            method="joint", network="mlp", epochs=10, batch_size=16, learning_rate=0.1, quantise=quantise
        )
        return float(learn(config).class_il[-1].mean())

    quantised, floating = joint(True), joint(False)
    assert floating > 0.95
    assert quantised > floating - 0.02
