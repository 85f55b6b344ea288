"""Which layers lie on arrays, and what is refused: the same sentences at every door."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize, prune

import imcsim
from imcsim.core.errors import ImcsimError, MappingError
from imcsim.crossbar.baked_in import copied
from imcsim.crossbar.layer_tags import stands_in
from imcsim.crossbar.mapped_layers import mapped_layers
from imcsim.learn.shapes import trace_layers
from tests.analog.hand import chip
from tests.learn.helpers import TinyNet, tiny_net, tiny_stream

Change = Callable[[nn.Module], Any]


class Twice(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


class LowRank(nn.Module):
    """As peft and loralib do: a product is added to the weight."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.full((3, 1), 0.1)), nn.Parameter(torch.full((1, 3), 0.1))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.b.T @ self.a.T).view(3, 1, 3, 1).expand_as(weight)


def plain_attribute(layer: nn.Module) -> None:
    weight = layer.get_parameter("weight")
    del layer._parameters["weight"]
    layer.weight = weight.detach() * 2


COMPUTED: list[tuple[Change, str]] = [
    (partial(prune.l1_unstructured, name="weight", amount=0.5), "torch.nn.utils.prune.remove({}, 'weight')"),
    (partial(prune.random_unstructured, name="bias", amount=0.5), "torch.nn.utils.prune.remove({}, 'bias')"),
    (parametrizations.weight_norm, "torch.nn.utils.parametrize.remove_parametrizations({}, 'weight')"),
    (parametrizations.spectral_norm, "torch.nn.utils.parametrize.remove_parametrizations({}, 'weight')"),
    (
        lambda m: parametrize.register_parametrization(m, "weight", LowRank()),
        "torch.nn.utils.parametrize.remove_parametrizations({}, 'weight')",
    ),
    (
        lambda m: parametrize.register_parametrization(m, "bias", Twice(), unsafe=True),
        "torch.nn.utils.parametrize.remove_parametrizations({}, 'bias')",
    ),
    (nn.utils.weight_norm, "torch.nn.utils.remove_weight_norm({}, 'weight')"),
    (nn.utils.spectral_norm, "torch.nn.utils.remove_spectral_norm({}, 'weight')"),
    (plain_attribute, "{0}.weight = torch.nn.Parameter({0}.weight.detach().clone())"),
]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(("change", "call"), COMPUTED)
def test_a_computed_parameter_is_refused_with_the_call_that_bakes_it_in(change: Change, call: str) -> None:
    network, x = tiny_net().eval(), torch.rand(2, 1, 4, 4)
    change(network.first)
    expected = network(x).detach()
    given = call.format("network.get_submodule('first')")
    for door in (
        lambda: mapped_layers(network),
        lambda: trace_layers(network, (1, 4, 4)),
        lambda: imcsim.learn(network, tiny_stream()),
        lambda: imcsim.convert(network, chip()),
    ):
        with pytest.raises(MappingError) as told:
            door()
        assert str(told.value).startswith("layer 'first' computes its ")
        assert str(told.value).endswith(f"instead of holding it: bake it in first with {given}")
    exec(given, {"network": network, "torch": torch})
    assert list(mapped_layers(network)) == ["first", "second", "head"]
    torch.testing.assert_close(network(x), expected)


def test_two_weight_normed_layers_are_not_said_to_share_a_weight() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    for layer in network:
        parametrizations.weight_norm(layer)
    with pytest.raises(MappingError, match=r"layer '0' computes its weight .*remove_parametrizations"):
        mapped_layers(network)


class Standardised(nn.Conv2d):
    """A weight-standardised convolution."""

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight - self.weight.mean()) / self.weight.std()
        y: Tensor = self._conv_forward(x, weight, self.bias)
        return y


class Doubled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class Padded(nn.Conv2d):
    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        y: Tensor = super()._conv_forward(x, weight.abs(), bias)
        return y


class Scaled(nn.Linear):
    """Its class computes the weight."""

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        held = self._parameters.get("weight")
        if held is None:
            raise AttributeError
        return 2 * held


class Named(nn.Linear):
    """A subclass that computes what its parent does."""

    def extra_repr(self) -> str:
        return "named"


def test_a_subclass_with_its_own_forward_is_refused_by_name() -> None:
    cases: list[tuple[nn.Module, str]] = [
        (Standardised(1, 2, 3), "class Standardised with its own forward: only what PyTorch's Conv2d computes"),
        (Doubled(4, 4), "class Doubled with its own forward: only what PyTorch's Linear computes"),
        (Padded(1, 2, 3), "class Padded with its own _conv_forward"),
        (Scaled(4, 4), "class Scaled with its own weight"),
    ]
    for layer, sentence in cases:
        network = nn.Sequential(layer)
        for door in (mapped_layers, partial(trace_layers, image_shape=(1, 4, 4)), lambda n: imcsim.convert(n, chip())):
            with pytest.raises(MappingError, match=f"layer '0' is of {sentence}"):
                door(network)
    assert list(mapped_layers(nn.Sequential(Named(4, 4)))) == ["0"]


def test_a_forward_that_was_set_on_a_layer_is_refused_unless_it_is_our_own() -> None:
    network = tiny_net()
    vars(network.head)["forward"] = lambda x: functional.linear(x, 2 * network.head.weight)
    with pytest.raises(MappingError, match="layer 'head' has a forward that was set on it"):
        mapped_layers(network)
    with pytest.raises(MappingError, match="layer 'head' has a forward that was set on it"):
        imcsim.convert(network, chip())
    vars(network.head)["forward"] = partial(stands_in(lambda layer, x: x), network.head)
    assert "head" in mapped_layers(network)
    learned = tiny_net()
    imcsim.learn(learned, tiny_stream())  # leaves a forward of ours
    imcsim.learn(learned, tiny_stream())
    imcsim.convert(learned, chip())


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyLinear(3))


def on_meta() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 3, device="meta"))


def overlapping() -> nn.Module:
    flat = torch.rand(12)
    network = nn.Sequential(nn.Linear(2, 4, bias=False), nn.Linear(4, 2, bias=False))
    network[0].weight, network[1].weight = nn.Parameter(flat[:8].view(4, 2)), nn.Parameter(flat[4:].view(2, 4))
    return network


def integers() -> nn.Module:
    network = nn.Sequential(nn.Linear(2, 2))
    network[0].weight = nn.Parameter(torch.ones(2, 2, dtype=torch.int64), requires_grad=False)
    return network


def no_weight() -> nn.Module:
    network = nn.Sequential(nn.Linear(2, 2))
    network[0].register_parameter("weight", None)
    return network


def sparse() -> nn.Module:
    network = nn.Sequential(nn.Linear(2, 2))
    network[0].weight = nn.Parameter(torch.eye(2).to_sparse())
    return network


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lazy, "layer '0' has no weights yet: run the network once"),
        (on_meta, "layer '0' lies on the meta device and has no values"),
        (overlapping, "layers '0' and '1' share one weight: a weight can lie in one place only"),
        (integers, "layer '0' has a weight of torch.int64: only real floating-point"),
        (lambda: nn.Sequential(nn.Linear(2, 2, dtype=torch.complex64)), "layer '0' has a weight of torch.complex64"),
        (no_weight, "layer '0' has no weight"),
        (sparse, "layer '0' has a weight of kind torch.sparse_coo"),
        (lambda: nn.Sequential(nn.ReLU()), "the network has no Linear or Conv2d layer to map"),
        (lambda: nn.Sequential(nn.Embedding(3, 3), nn.Linear(3, 3)), "layer '0' is a Embedding"),
    ],
)
@pytest.mark.filterwarnings("ignore:Complex modules", "ignore:Lazy modules")
def test_weights_without_plain_values_are_refused(build: Callable[[], nn.Module], sentence: str) -> None:
    with pytest.raises(MappingError, match=sentence):
        mapped_layers(build())
    if "Embedding" not in sentence:  # a table stays digital in a converted network
        with pytest.raises(MappingError, match=sentence):
            imcsim.convert(build(), chip())


def test_weights_beside_each_other_in_one_storage_are_not_shared() -> None:
    flat = torch.rand(16)
    network = nn.Sequential(nn.Linear(2, 4, bias=False), nn.Linear(4, 2, bias=False))
    network[0].weight, network[1].weight = nn.Parameter(flat[:8].view(4, 2)), nn.Parameter(flat[8:].view(2, 4))
    assert list(mapped_layers(network)) == ["0", "1"]


def test_what_is_excluded_is_not_looked_at_and_what_cannot_be_copied_is_named() -> None:
    network = tiny_net()
    prune.l1_unstructured(network.head, "weight", 0.5)  # type: ignore[no-untyped-call]
    assert list(mapped_layers(network, lambda name, _: name == "head")) == ["first", "second"]
    sentence = (
        r"^the network cannot be copied, for its layer 'head' computes 'weight': bake it in first with "
        r"torch.nn.utils.prune.remove\(network.get_submodule\('head'\), 'weight'\)$"
    )
    with pytest.raises(MappingError, match=sentence):
        imcsim.convert(network, chip(), exclude=["head"])
    with pytest.raises(MappingError, match="bake it in"):
        copied(network)
    twin = copied(tiny_net())
    assert isinstance(twin, TinyNet)


def test_learn_wants_one_precision_and_no_served_column_scales() -> None:
    with pytest.raises(MappingError, match=r"parameter 'first.weight' .* is torch.float64, .* call network.float\(\)"):
        imcsim.learn(tiny_net().double(), tiny_stream())
    stream = tiny_stream()
    network = tiny_net()
    trace = imcsim.learn(network, stream, method="xbm", epochs=1, pe_tile=(4, 2))
    served = imcsim.network_after(trace, 1, copy.deepcopy(network))
    with pytest.raises(MappingError, match="layer 'first' has the column scales of a task that was served"):
        imcsim.learn(served, stream)
    with pytest.raises(MappingError, match=r"layer 'first' has the adaptor of a method.*network_after"):
        imcsim.convert(network, chip())


def test_a_layer_called_by_name_gets_a_sentence_and_so_does_a_forward_that_fails() -> None:
    class ByName(TinyNet):
        def forward(self, x: Tensor) -> Tensor:
            return self.head(input=self.second(self.first(x)).flatten(1))  # type: ignore[no-any-return]

    class Broken(TinyNet):
        def forward(self, x: Tensor) -> Tensor:
            absent: dict[str, Tensor] = {}
            return self.head(absent["missing"])  # type: ignore[no-any-return]

    with pytest.raises(MappingError, match=r"layer 'head' is called with a named input: give it as layer\(x\)"):
        trace_layers(ByName(), (1, 4, 4))
    with pytest.raises(MappingError, match=r"does not take images of shape \(1, 4, 4\): KeyError: 'missing'"):
        trace_layers(Broken(), (1, 4, 4))


@pytest.mark.parametrize(
    ("mode", "module"),
    [("reflect", nn.ReflectionPad2d), ("replicate", nn.ReplicationPad2d), ("circular", nn.CircularPad2d)],
)
def test_other_padding_is_refused_at_every_door_and_its_way_out_computes_the_same(
    mode: Any, module: Callable[[int], nn.Module]
) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode=mode), nn.Flatten(), nn.Linear(32, 4))
    for door in (mapped_layers, partial(trace_layers, image_shape=(1, 4, 4)), lambda n: imcsim.convert(n, chip())):
        with pytest.raises(MappingError) as told:
            door(network)
        assert str(told.value) == (
            f"layer '0' has padding_mode '{mode}': only 'zeros' can be mapped; pad ahead of it with "
            f"nn.{module.__name__}"
        )
    out = nn.Sequential(module(1), nn.Conv2d(1, 2, 3))
    out[1].load_state_dict(network[0].state_dict())
    x = torch.rand(2, 1, 4, 4)
    assert torch.equal(out(x), network[0](x))
    assert list(mapped_layers(out)) == ["1"]


def test_padding_more_on_one_side_is_refused_at_every_door() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 2, padding="same"))
    for door in (mapped_layers, partial(trace_layers, image_shape=(1, 4, 4)), lambda n: imcsim.convert(n, chip())):
        with pytest.raises(MappingError) as told:
            door(network)
        assert str(told.value) == (
            "layer '0' has padding 'same' with a kernel of (2, 2) and so pads more on one side: only symmetric padding "
            "can be mapped; pad ahead of it with nn.ZeroPad2d"
        )


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(4)),
            "layer '1' has no weights yet: run the network once before it is mapped",
        ),
        (
            lambda: nn.Sequential(nn.LazyConv2d(2, 1), nn.Flatten(), nn.Linear(32, 4)),
            "layer '0' has no weights yet: run the network once before it is mapped",
        ),
        (
            lambda: nn.Sequential(nn.LazyBatchNorm2d(), nn.Flatten(), nn.Linear(16, 4)),
            "the network's '0.weight' has no values yet: run the network once before it is trained",
        ),
    ],
)
def test_learn_refuses_a_lazy_layer_and_takes_it_once_it_ran(build: Callable[[], nn.Module], sentence: str) -> None:
    network = build()
    with pytest.raises(ImcsimError) as told:
        imcsim.learn(network, tiny_stream())
    assert str(told.value) == sentence
    network(tiny_stream().tasks[0].x_train)
    imcsim.learn(network, tiny_stream(), epochs=1)


@pytest.mark.parametrize(("value", "shown"), [(float("nan"), "nan"), (-float("inf"), "-inf")])
def test_convert_refuses_a_bias_that_is_no_number(value: float, shown: str) -> None:
    network = tiny_net()
    with torch.no_grad():
        network.second.bias[1] = value  # type: ignore[index]
    with pytest.raises(MappingError) as told:
        imcsim.convert(network, chip())
    assert str(told.value) == (
        f"layer 'second' holds a bias of {shown} at (1,): only finite numbers can be added to what arrays give"
    )
    imcsim.convert(network, chip(), exclude=["second"])
