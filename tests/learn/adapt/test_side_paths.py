"""Side paths: what they add, what they keep for the backward pass, and what they store, by hand."""

from typing import Any

import pytest
import torch
from torch.nn import functional

from imcsim.learn.adapt.side import side_paths
from imcsim.learn.adapt.standardise import standardised
from imcsim.learn.api import learn_on
from imcsim.learn.method import make_method
from imcsim.learn.methods.repnet import evenly_spaced
from imcsim.trace.trace import Trace
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream

SIDES = ["da3", "lora", "repnet", "vera"]


def _trace(name: str, **config: Any) -> Trace:
    made = tiny_config(method=name, method_config=config, epochs=2)
    return learn_on(made, tiny_net(norm=True), tiny_stream(tasks=2))


@pytest.mark.parametrize("name", SIDES)
def test_no_cell_of_the_backbone_is_written_after_the_first_task(name: str) -> None:
    trace = _trace(name)
    encoding = trace.meta.encodings[0].name
    for layer in ("first", "second"):
        known = layer if layer in trace.layer_index else f"{layer}.base"
        assert trace.changes["step", encoding, known][0].sum() > 0
        assert trace.changes["step", encoding, known][1].sum() == 0
        assert not trace.placement[known][1].any()


@pytest.mark.parametrize("name", SIDES)
def test_side_paths_rest_while_the_backbone_trains(name: str) -> None:
    trace = _trace(name)
    paths = [i for i, spec in enumerate(trace.meta.layers) if "." in spec.name and not spec.name.endswith(".base")]
    assert paths
    assert trace.counts["forward_vectors"][0, paths].sum() == 0
    assert (trace.counts["forward_vectors"][1, paths] > 0).all()


def test_loras_weights_by_hand() -> None:
    trace = _trace("lora", rank=2)
    sizes = {spec.name: spec.weight_count for spec in trace.meta.layers}
    assert sizes["first.down"] == 1 * 9  # rank 2, but the layer has one input channel
    assert sizes["first.up"] == 1 * 3
    assert sizes["second.down"] == 2 * 27
    assert sizes["second.up"] == 2 * 2
    norm = 4 * 3 * 32
    assert trace.task_counts["mask_bits"][1] == 8 * (9 + 3 + 54 + 4) + norm


def test_lora_is_the_scaled_product_of_its_two_layers() -> None:
    network = tiny_net()
    make_method("lora", {"rank": 2, "alpha": 6.0}).prepare(network, (1, 4, 4), (4, 2))
    path: Any = side_paths(network)["second"]
    with torch.no_grad():
        path.down.weight.copy_(torch.rand(path.down.weight.shape))
        path.up.weight.copy_(torch.rand(path.up.weight.shape))
    merged = torch.einsum("or,rcij->ocij", path.up.weight[:, :, 0, 0], path.down.weight)
    x = torch.rand(5, 3, 4, 4)
    expected = torch.nn.functional.conv2d(x, path.base.weight + 6.0 / 2 * merged, path.base.bias, padding=1)
    assert torch.allclose(path(x), expected, atol=1e-5)


def test_vera_stores_two_vectors_a_layer_and_writes_no_cell() -> None:
    trace = _trace("vera", rank=4, norm="frozen")
    assert trace.task_counts["mask_bits"][1] == 32 * ((4 + 3) + (4 + 2))
    for spec in trace.meta.layers[:-1]:
        assert (trace.codes[spec.name][1] == trace.codes[spec.name][2]).all()


def _path(name: str, **config: Any) -> Any:
    network = make_method(name, config).prepare(tiny_net(), (1, 4, 4), (4, 2))
    path = side_paths(network)["second"].eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in path.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator) - 0.3)
    return path


def test_veras_output_by_hand() -> None:
    path, x = _path("vera", rank=4), torch.rand(2, 3, 4, 4)
    d, b = path.d.value, path.b.value
    # W + b B d A is one convolution: B and A fold into it
    merged = torch.einsum("o,or,r,rcij->ocij", b, path.up.weight[:, :, 0, 0], d, path.down.weight)
    expected = functional.conv2d(x, path.base.weight + merged, path.base.bias, padding=1)
    assert torch.allclose(path(x), expected, atol=1e-5)


def test_veras_vectors_start_at_the_papers_values_and_its_layers_are_those_of_the_seed() -> None:
    first, again, other = (
        side_paths(make_method("vera", {"seed": seed}).prepare(tiny_net(), (1, 4, 4), (4, 2)))["second"]
        for seed in (0, 0, 1)
    )
    start: Any = first
    assert set(start.d.value.tolist()) == {float(torch.tensor(0.1))}
    assert not start.b.value.any()
    assert torch.equal(first.get_parameter("down.weight"), again.get_parameter("down.weight"))
    assert not torch.equal(first.get_parameter("down.weight"), other.get_parameter("down.weight"))


def test_veras_layers_of_one_shape_are_alike_only_if_shared() -> None:
    for shared in (False, True):
        network = torch.nn.Sequential(torch.nn.Flatten(), *[torch.nn.Linear(16, 16) for _ in range(3)])
        paths = side_paths(make_method("vera", {"shared": shared}).prepare(network, (1, 4, 4), (4, 2)))
        first, second = (path.get_parameter("down.weight") for path in paths.values())
        assert torch.equal(first, second) == shared
        assert not torch.equal(first, paths["1"].get_parameter("up.weight").T)


@pytest.mark.parametrize("form", ["additive", "multiplicative"])
def test_da3s_output_by_hand(form: str) -> None:
    path, x = _path("da3", form=form, pool=2, squeeze=1), torch.rand(2, 3, 4, 4)
    f = functional.conv2d(x, path.base.weight, path.base.bias, padding=1)
    pooled = x.view(2, 3, 2, 2, 2, 2).mean((3, 5))
    hidden = torch.einsum("oc,bcij->boij", path.first.weight[:, :, 0, 0], pooled) + path.first.bias.view(-1, 1, 1)
    a = torch.einsum("oc,bcij->boij", path.last.weight[:, :, 0, 0], hidden.clamp(min=0)) + path.last.bias.view(-1, 1, 1)
    a = a.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.allclose(path(x), f + a if form == "additive" else f * (1 + a), atol=1e-5)


def test_a_side_module_by_hand() -> None:
    path, x = _path("repnet", kernel=3, groups=2, standardise=False), torch.rand(2, 3, 4, 4)
    f = functional.conv2d(x, path.base.weight, path.base.bias, padding=1)
    pooled = x.view(2, 3, 2, 2, 2, 2).mean((3, 5))  # 3 channels do not divide into 2 groups: one group
    scale = (1 + 1e-5) ** -0.5  # running statistics are still 0 and 1
    side = functional.conv2d(pooled, path.first.weight, padding=1) * scale
    side = (side * path.norm.weight.view(-1, 1, 1) + path.norm.bias.view(-1, 1, 1)).clamp(min=0)
    side = functional.conv2d(side, path.last.weight) * scale
    side = side * path.last_norm.weight.view(-1, 1, 1) + path.last_norm.bias.view(-1, 1, 1)
    # bilinear from 2 to 4 positions, half-pixel centres: 1, 3/4 + 1/4, 1/4 + 3/4, 1
    up = torch.tensor([[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]])
    assert torch.allclose(path(x), f + torch.einsum("pi,bcij,qj->bcpq", up, side, up), atol=1e-5)


def test_an_additive_adaptor_keeps_nothing_of_the_backbone_and_its_twin_all() -> None:
    adding, twin = (_trace("da3", form=form, norm="frozen") for form in ("additive", "multiplicative"))
    backbone = [adding.layer_index[name] for name in ("first.base", "second.base")]
    for trace in (adding, twin):
        assert trace.counts["kept_elements"][1, backbone].sum() == 0
    samples = adding.task_counts["samples"][1]
    # the twin keeps what both layers put out, 3 and 2 channels of 4 x 4: the multiplier of each; and the multiplier of
    # the errors that the second layer passes back, 2 channels: none get to the layer in front
    more = twin.task_counts["other_kept_elements"][1] - adding.task_counts["other_kept_elements"][1]
    assert adding.task_counts["other_kept_elements"][1] == 0
    assert more == samples * (3 + 2 + 2) * 16


def test_the_twins_start_from_the_same_backbone() -> None:
    x = torch.rand(2, 1, 4, 4)
    for form in ("additive", "multiplicative"):
        network = make_method("da3", {"form": form}).prepare(tiny_net(), (1, 4, 4), (4, 2)).eval()
        assert torch.equal(network(x), tiny_net().eval()(x))


def test_standardised_weights_against_the_equation() -> None:
    weight = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]], [[[5.0, 5.0], [5.0, 5.0]]]])
    mean, sd = 3.0, ((4 + 1 + 0 + 9) / 3) ** 0.5
    expected = torch.tensor([[1.0, 2.0], [3.0, 6.0]]).sub(mean).div(sd + 1e-5)
    found = standardised(weight)
    assert torch.allclose(found[0, 0], expected)
    assert (found[1] == 0).all()


def test_a_constant_or_lonely_weight_has_a_finite_gradient() -> None:
    for weight in (torch.full((2, 1, 2, 2), 5.0), torch.ones(3, 1, 1, 1)):
        weight.requires_grad_()
        standardised(weight).sum().backward()  # type: ignore[no-untyped-call]
        assert weight.grad is not None
        assert torch.isfinite(weight.grad).all()


def test_side_modules_are_evenly_spaced_and_include_the_last() -> None:
    names = [f"l{i}" for i in range(6)]
    assert evenly_spaced(names, 3) == {"l1", "l3", "l5"}
    assert evenly_spaced(names, 10) == set(names)
    assert evenly_spaced([], 3) == set()


def test_repnets_cells_hold_standardised_codes() -> None:
    trace = _trace("repnet", modules=1)
    assert "second.first" in trace.layer_index
    assert "first.base" not in trace.layer_index
    codes = trace.codes["second.last"][2][0].astype(float)  # (D, N)
    assert abs(codes.mean(axis=0)).max() <= 1.0  # every output channel is centred, but for rounding
