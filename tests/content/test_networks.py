"""The networks' exact counts, shapes, seeds and parameters."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imcsim.core.errors import ConfigError, ContentError
from imcsim.crossbar.encoding import Encoding
from imcsim.learn.networks import NETWORKS, build_network, network_params
from imcsim.learn.shapes import trace_layers
from imcsim.mapping import LayerSpec, PeGeometry, map_network
from imcsim.testing import check_method

Shape = tuple[int, int, int]
CIFAR: Shape = (3, 32, 32)
IMAGENET: Shape = (3, 224, 224)
SMALL: dict[str, dict[str, Any]] = {
    "resnet18": {"width": 4},
    "resnet50": {"width": 4},
    "vgg": {"blocks": ((4,), (8, 8)), "hidden": (6,)},
    "vgg8": {"width": 4},
    "vgg16": {"width": 4, "hidden": (8, 8)},
}


@pytest.fixture(scope="module")
def resnet18() -> nn.Module:
    return build_network("resnet18", 10, CIFAR)


@pytest.fixture(scope="module")
def resnet50() -> nn.Module:
    return build_network("resnet50", 1000, IMAGENET)


def parameter_count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def convolutions(layers: Sequence[LayerSpec]) -> list[LayerSpec]:
    return [layer for layer in layers if layer.kind == "conv2d"]


def pes_and_segments(layers: Sequence[LayerSpec], side: int) -> tuple[int, int]:
    whole = Encoding(sign="offset", weight_bits=8, cell_bits=8)  # one cell per weight
    found = map_network(layers, PeGeometry(rows=side, cols=side, encoding=whole))
    return found.pe_count, found.column_segments


def test_resnet18_counts(resnet18: nn.Module) -> None:
    layers = trace_layers(resnet18, CIFAR)
    body = [layer for layer in layers if ".residual." in layer.name]
    assert parameter_count(resnet18) == 11_173_962
    # counted: weights times positions of every Conv2d and Linear layer, classifier included
    assert sum(layer.macs for layer in layers) == 555_422_720
    assert [layer.kernel for layer in body] == [(3, 3)] * 16
    assert sum(layer.weight_count for layer in body) == 10_985_472
    dense = sum(layer.macs for layer in layers if layer not in body) / sum(layer.macs for layer in layers)
    assert round(100 * dense, 3) == 1.452
    assert [layer.name for layer in layers][:2] == ["stem.conv", "stage1.0.residual.conv1"]
    assert layers[-1].name == "classifier"


@pytest.mark.parametrize(("side", "counts"), [(64, (2725, 174_400)), (128, (694, 87_488)), (256, (193, 44_480))])
def test_resnet18_tiles(resnet18: nn.Module, side: int, counts: tuple[int, int]) -> None:
    layers = convolutions(trace_layers(resnet18, CIFAR))
    assert sum(layer.weight_count for layer in layers) == 11_159_232
    assert pes_and_segments(layers, side) == counts


@pytest.mark.parametrize(("side", "counts"), [(64, (5727, 366_528)), (128, (1448, 183_936)), (256, (390, 93_888))])
def test_resnet50_tiles(resnet50: nn.Module, side: int, counts: tuple[int, int]) -> None:
    layers = convolutions(trace_layers(resnet50, IMAGENET))
    assert sum(layer.weight_count for layer in layers) == 23_454_912
    assert pes_and_segments(layers, side) == counts


def test_imagenet_stems_have_torchvisions_counts(resnet50: nn.Module) -> None:
    # parameters and GMACs as stated by pytorch/vision, models/resnet.py, num_params and _ops
    small = build_network("resnet18", 1000, IMAGENET, {"stem": "imagenet"})
    assert parameter_count(resnet50) == 25_557_032
    assert parameter_count(small) == 11_689_512
    assert round(sum(layer.macs for layer in trace_layers(resnet50, IMAGENET)) / 1e9, 3) == 4.089
    assert round(sum(layer.macs for layer in trace_layers(small, IMAGENET)) / 1e9, 3) == 1.814


def test_mlp_is_mammoths() -> None:
    network = build_network("mlp", 10, (1, 28, 28))
    assert parameter_count(network) == 784 * 100 + 100 + 100 * 100 + 100 + 100 * 10 + 10
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    for layer in linear:
        bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert not layer.bias.any()
        assert 0.9 * bound < layer.weight.abs().max() <= bound


def test_mlp_without_hidden_layers_is_linear() -> None:
    network = build_network("mlp", 3, (1, 4, 4), {"hidden": []})
    assert [(layer.fan_in, layer.outputs) for layer in trace_layers(network, (1, 4, 4))] == [(16, 3)]


@pytest.mark.parametrize(
    ("shape", "positions"), [((1, 8, 8), [64, 16, 4, 1]), ((1, 28, 28), [784, 196, 49, 1]), (CIFAR, [1024, 256, 64, 1])]
)
def test_convnet_halves_the_map_while_it_can(shape: Shape, positions: list[int]) -> None:
    layers = trace_layers(build_network("convnet", 10, shape), shape)
    assert [layer.positions for layer in layers] == positions
    assert [layer.outputs for layer in layers] == [32, 64, 64, 10]


@pytest.mark.parametrize("norm", [False, True])
def test_convnet_has_bias_or_norm(norm: bool) -> None:
    network = build_network("convnet", 10, CIFAR, {"norm": norm})
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    convs = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert len(norms) == (3 if norm else 0)
    assert all((conv.bias is None) == norm for conv in convs)


def test_convolutions_start_he_normal_by_fan_out(resnet18: nn.Module) -> None:
    weight = resnet18.get_parameter("stage4.1.residual.conv2.weight")
    assert weight.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)


@pytest.mark.parametrize("name", NETWORKS.names())
@pytest.mark.parametrize("shape", [(1, 8, 8), CIFAR])
def test_logits_for_all_classes_and_a_gradient_everywhere(name: str, shape: Shape) -> None:
    network = build_network(name, 7, shape, SMALL.get(name))
    logits = network(torch.rand((2, *shape), generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (2, 7)
    logits.square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize("name", sorted({*NETWORKS.names()} - {"vit"}))  # its activations are GELUs, two layers apart
def test_each_relu_is_a_module_of_its_own_used_once(name: str) -> None:
    network = build_network(name, 10, CIFAR, SMALL.get(name)).eval()
    relus = [module for module in network.modules() if isinstance(module, nn.ReLU)]
    uses: list[nn.Module] = []

    def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        uses.append(module)

    for relu in relus:
        relu.register_forward_hook(record)
    network(torch.zeros(1, *CIFAR))
    assert len(uses) == len(relus) == len(set(map(id, uses)))
    assert not any(relu.inplace for relu in relus)
    # one activation per mapped layer but the shortcuts, which are added before one, and the classifier
    plain = [layer for layer in trace_layers(network, CIFAR) if "shortcut" not in layer.name]
    assert len(relus) == len(plain) - 1


@pytest.mark.parametrize("name", NETWORKS.names())
def test_the_seed_decides_and_the_global_generator_is_left_alone(name: str) -> None:
    before = torch.get_rng_state()
    first, again, other = (build_network(name, 10, CIFAR, SMALL.get(name), seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    pairs = list(zip(first.parameters(), again.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert any(not torch.equal(a, c) for a, _, c in pairs)


def test_a_generator_gives_the_seed() -> None:
    drawn = [build_network("mlp", 10, (1, 8, 8), None, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    weights = [network.get_parameter("classifier.weight") for network in drawn]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_parameters_are_checked() -> None:
    assert network_params("resnet18", {"width": 16}) == {"width": 16, "stem": "cifar"}
    with pytest.raises(ConfigError, match=r"network 'resnet18': unknown key 'widht'; did you mean 'width'\?"):
        build_network("resnet18", 10, CIFAR, {"widht": 16})
    with pytest.raises(ConfigError, match=r"network 'resnet18': 'width': .*greater than or equal to 1 \(given: 0\)"):
        build_network("resnet18", 10, CIFAR, {"width": 0})
    with pytest.raises(ConfigError, match=r"network 'resnet50': 'stem': .*'cifar' or 'imagenet' \(given: 'mnist'\)"):
        build_network("resnet50", 10, CIFAR, {"stem": "mnist"})
    with pytest.raises(ConfigError, match="needs >= 1 classes and pixels, got 0"):
        build_network("mlp", 0, CIFAR)
    with pytest.raises(ContentError, match=r"unknown network 'resnet20'; did you mean 'resnet50'\?|'resnet18'\?"):
        build_network("resnet20", 10, CIFAR)


def test_vit_maps_its_attention_projections() -> None:
    layers = trace_layers(build_network("vit", 10, CIFAR, {"depth": 2}), CIFAR)
    block = ["attention.q", "attention.k", "attention.v", "attention.out", "fc1", "fc2"]
    assert [layer.name for layer in layers] == [
        "patches",
        *(f"blocks.{index}.{name}" for index in range(2) for name in block),
        "classifier",
    ]
    assert [layer.positions for layer in layers] == [64] * 13 + [1]  # 8 x 8 patches; the classifier sees their mean
    assert [layer.matrix_shape for layer in layers[:6]] == [(1, 48, 64), *[(1, 64, 64)] * 4, (1, 64, 256)]
    # patches 48*64+64; a block 4*(64*64+64) + (64*256+256) + (256*64+64) + 2 norms of 128; norm 128; head 64*10+10
    assert parameter_count(build_network("vit", 10, CIFAR, {"depth": 2})) == 3136 + 2 * 49_984 + 128 + 650


def test_vit_attends_as_torch_does() -> None:
    built = build_network("vit", 10, CIFAR, {"depth": 1, "heads": 4, "width": 16}).get_submodule("blocks.0.attention")
    theirs = nn.MultiheadAttention(16, 4, batch_first=True)
    layers = [built.get_submodule(name) for name in ("q", "k", "v")]
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([layer.get_parameter("weight") for layer in layers]))
        theirs.in_proj_bias.copy_(torch.cat([layer.get_parameter("bias") for layer in layers]))
        theirs.out_proj.load_state_dict(built.get_submodule("out").state_dict())
        x = torch.rand((2, 5, 16), generator=torch.Generator().manual_seed(0))
        assert torch.allclose(built(x), theirs(x, x, x, need_weights=False)[0], atol=1e-6)


def test_vit_knows_where_a_patch_lies() -> None:
    positions = build_network("vit", 10, CIFAR, {"width": 8}).get_buffer("positions")
    assert positions.shape == (64, 8)
    assert len({tuple(row.tolist()) for row in positions}) == 64
    assert positions[0].tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    column, row = 2.0, 1.0  # patch 10 of a grid 8 wide; frequencies 1 and 1/100
    expected = [f(place * w) for place in (column, row) for f in (math.sin, math.cos) for w in (1.0, 0.01)]
    assert torch.allclose(positions[10], torch.tensor(expected))


def test_vit_refuses_what_it_cannot_cut() -> None:
    with pytest.raises(ConfigError, match=r"patch = 5 does not divide an image of 32 x 32 pixels"):
        build_network("vit", 10, CIFAR, {"patch": 5})
    with pytest.raises(ConfigError, match=r"width = 6 must be a multiple of 4 and of heads = 4"):
        build_network("vit", 10, CIFAR, {"width": 6})


def test_a_method_that_freezes_pes_keeps_its_laws_on_vit() -> None:
    check_method("hyb-learn", network="vit", network_params={"depth": 1, "width": 8, "heads": 2})


def test_vgg8_is_neurosims() -> None:
    layers = trace_layers(build_network("vgg8", 10, CIFAR), CIFAR)
    assert [(layer.positions, layer.fan_in, layer.outputs) for layer in layers] == [
        (1024, 27, 128), (1024, 1152, 128), (256, 1152, 256), (256, 2304, 256), (64, 2304, 512), (64, 4608, 512),
        (1, 8192, 1024), (1, 1024, 10),
    ]  # fmt: skip
    assert sum(layer.macs for layer in layers) == 615_917_568
    assert [layer.name for layer in layers][-2:] == ["hidden.fc1", "classifier"]


def test_the_small_networks_of_simulators_are_vggs() -> None:
    small = {"blocks": [[32], [64]], "hidden": [128]}
    layers = trace_layers(build_network("vgg", 10, (1, 28, 28), small), (1, 28, 28))
    assert [(layer.positions, layer.fan_in, layer.outputs) for layer in layers] == [
        (784, 9, 32), (196, 288, 64), (1, 3136, 128), (1, 128, 10),
    ]  # fmt: skip


def test_vgg16_has_its_published_convolutions() -> None:
    # 14,714,688 parameters before the linear layers: pytorch/vision, models/vgg.py, configuration D
    network = build_network("vgg16", 10, CIFAR, {"hidden": []})
    convs = [layer for layer in trace_layers(network, CIFAR) if layer.kind == "conv2d"]
    assert len(convs) == 13
    assert parameter_count(network) == 14_714_688 + 512 * 10 + 10


def test_vgg_pools_while_the_map_allows_and_may_be_linear() -> None:
    layers = trace_layers(build_network("vgg", 3, (2, 4, 4), {"blocks": [[2], [2], [2], [2]]}), (2, 4, 4))
    assert [layer.positions for layer in layers] == [16, 4, 1, 1, 1]
    assert [layer.fan_in for layer in trace_layers(build_network("vgg", 3, (2, 4, 4), {"blocks": []}), (2, 4, 4))] == [
        32
    ]


@pytest.mark.parametrize("norm", [False, True])
def test_vgg_has_bias_or_norm_and_starts_as_torchvisions(norm: bool) -> None:
    network = build_network("vgg8", 10, CIFAR, {"width": 32, "norm": norm})
    convs = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert all((conv.bias is None) == norm for conv in convs)
    assert convs[-1].weight.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
    assert network.get_parameter("hidden.fc1.weight").std().item() == pytest.approx(0.01, rel=0.02)
