"""Which layers feed which, read from networks whose graphs are known."""

import pytest
import torch
from torch import Tensor, nn

from imcsim.core.errors import MappingError
from imcsim.learn.networks import build_network
from imcsim.learn.producers import layer_producers
from imcsim.learn.shapes import trace_layers

SHAPE = (2, 4, 4)


def producers_of(network: nn.Module, shape: tuple[int, int, int] = SHAPE) -> dict[str, tuple[str, ...]]:
    layers = trace_layers(network, shape)
    return dict(zip((spec.name for spec in layers), layer_producers(network, layers, shape), strict=True))


class Fork(nn.Module):
    """Two branches of the image, their concatenation, a sum with a shortcut changed in place."""

    def __init__(self, *, sever: bool = False) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(2, 3, 1), nn.Conv2d(2, 3, 1)
        self.both, self.last = nn.Conv2d(6, 6, 1), nn.Conv2d(6, 1, 1)
        self.sever = sever

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([torch.relu_(self.left(x)), self.right(x)], 1)
        y = self.both(joined)
        y += joined
        if self.sever:
            y = y.sign().round().detach()
        out: Tensor = self.last(y)
        return out


def test_branches_and_a_shortcut() -> None:
    expected = {"left": (), "right": (), "both": ("left", "right"), "last": ("left", "right", "both")}
    assert producers_of(Fork()) == expected


def test_where_the_way_back_breaks_off_the_layer_before_is_taken() -> None:
    assert producers_of(Fork(sever=True))["last"] == ("both",)


def test_resnet18_joins_at_the_end_of_each_block() -> None:
    found = producers_of(build_network("resnet18", 3, (3, 8, 8), {"width": 2}), (3, 8, 8))
    assert len(found) == 21
    assert found["stem.conv"] == ()
    assert found["stage1.1.residual.conv1"] == ("stem.conv", "stage1.0.residual.conv2")  # identity shortcut
    assert found["stage2.0.shortcut.conv"] == found["stage2.0.residual.conv1"]
    assert found["stage2.1.residual.conv1"] == ("stage2.0.residual.conv2", "stage2.0.shortcut.conv")


def test_attention_reads_queries_keys_and_values() -> None:
    found = producers_of(build_network("vit", 3, (1, 8, 8)), (1, 8, 8))
    query, key, value = (f"blocks.0.attention.{part}" for part in "qkv")
    assert found["blocks.0.attention.out"] == (query, key, value)
    assert found[query] == found[key] == found[value] == ("patches",)


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(training: bool) -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.Conv2d(3, 1, 1)).train(training)
    network[0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    random = torch.random.get_rng_state()
    assert producers_of(network) == {"0": (), "2": ("0",)}
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(random, torch.random.get_rng_state())
    assert network.training is training
    assert [p.requires_grad for p in network.parameters()] == [False, True, True, True, True, True]
    assert all(p.grad is None for p in network.parameters())
    assert network(torch.zeros(1, *SHAPE)).grad_fn is not None  # no hook is left


def test_an_image_of_the_wrong_shape_is_refused() -> None:
    network = Fork()
    with pytest.raises(MappingError, match=r"does not take images of shape \(5, 4, 4\)"):
        layer_producers(network, trace_layers(network, SHAPE), (5, 4, 4))
