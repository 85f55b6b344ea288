"""What is kept for backward depends on the arithmetic, not on how it is written; hand counts and a second oracle.

Shape letters: B batch, C channels.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as f

from imcsim.learn.api import learn_on
from imcsim.learn.method import Context, Method, MethodConfig
from imcsim.learn.quantize import Quantiser
from imcsim.learn.recording import kept as kept_module
from imcsim.learn.recording import passes
from imcsim.learn.recording.activity import Activity
from imcsim.learn.recording.passes import PassCounter, StepCounts
from imcsim.learn.shapes import trace_layers
from imcsim.learn.stream import Task
from imcsim.trace.trace import Trace
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream

B, C, SIDE = 4, 3, 8
MAP = B * C * SIDE * SIDE
Form = Callable[[Tensor], Tensor]


class Between(nn.Module):
    """Convolution, something written somehow, and a convolution (or a mean, which keeps nothing) behind it."""

    def __init__(self, form: Form, convolution: bool = True) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, C, 3, padding=1)
        self.form = form  # a module or a function
        self.last: nn.Module = nn.Conv2d(C, 2, 1) if convolution else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.last(self.form(self.first(x))).mean((2, 3))
        return y


def counter_of(network: nn.Module) -> PassCounter:
    layers = trace_layers(network, (1, SIDE, SIDE))
    return PassCounter(network, layers, Activity(len(layers), 8), Activity(len(layers), 8))


def images(seed: int = 0) -> Tensor:
    return torch.rand(B, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)) - 0.5


def step_of(network: nn.Module) -> StepCounts:
    counter = counter_of(network)
    with counter.watching(sample_activity=False):
        network(images())
    counter.remove()
    return counter.step


def between(form: Form, convolution: bool = True) -> tuple[int, int, int]:
    """Return (elements of mapped inputs behind the first layer's, other elements, bits) that are kept."""
    step = step_of(Between(form, convolution))
    assert step.kept[0] == B * SIDE * SIDE
    return sum(step.kept[1:]), step.other, step.relu


RELU: list[Form] = [
    nn.ReLU(),
    nn.ReLU(inplace=True),
    f.relu,
    lambda x: f.relu(x, inplace=True),
    torch.relu,
    lambda x: x.relu(),
    lambda x: x.relu_(),
    lambda x: x.clamp(min=0),
    lambda x: x.clamp_(min=0),
    lambda x: torch.clamp_min(x, 0),
    lambda x: torch.maximum(x, torch.zeros(())),
    lambda x: torch.maximum(x, torch.zeros_like(x)),
    lambda x: f.threshold(x, 0.0, 0.0),
    nn.Threshold(0.0, 0.0, inplace=True),
]
CLIPPED: list[Form] = [
    nn.ReLU6(),
    nn.ReLU6(inplace=True),
    f.relu6,
    lambda x: f.relu6(x, inplace=True),
    nn.Hardtanh(0.0, 6.0),
    lambda x: f.hardtanh(x, 0.0, 6.0),
    lambda x: x.clamp(0, 6),
    lambda x: x.clamp_(0, 6),
    nn.Hardtanh(),
    nn.Hardtanh(inplace=True),
    nn.Hardsigmoid(),
    lambda x: f.hardsigmoid(x, inplace=True),
    nn.LeakyReLU(),
    nn.LeakyReLU(inplace=True),
    f.leaky_relu,
    lambda x: f.leaky_relu_(x, 0.2),
    nn.RReLU().eval(),
]


@pytest.mark.parametrize("form", [*RELU, *CLIPPED])
def test_piecewise_linear_activations_add_a_bit_where_nothing_tells_it(form: Form) -> None:
    assert between(form) == (MAP, 0, 0)  # the next layer keeps the output
    assert between(form, convolution=False) == (0, 0, MAP)
    assert between(lambda x: f.avg_pool2d(form(x), 2)) == (MAP // 4, 0, MAP)
    assert between(lambda x: form(x + 0).flatten(2).view(-1, C, SIDE, SIDE)) == (MAP, 0, 0)


@pytest.mark.parametrize("form", [torch.abs, lambda x: x.abs(), lambda x: x.abs_()])
def test_a_sign_is_not_told_by_a_magnitude(form: Form) -> None:
    assert between(form) == (MAP, 0, MAP)


SAME: dict[str, tuple[list[Form], tuple[int, int, int]]] = {
    "gelu": ([nn.GELU(), f.gelu], (MAP, MAP, 0)),
    "silu": ([nn.SiLU(), f.silu, nn.SiLU(inplace=True)], (MAP, MAP, 0)),
    "hardswish": ([nn.Hardswish(), f.hardswish, nn.Hardswish(inplace=True)], (MAP, MAP, 0)),
    "softplus": ([nn.Softplus(), f.softplus], (MAP, MAP, 0)),
    "log-sigmoid": ([nn.LogSigmoid(), f.logsigmoid], (MAP, MAP, 0)),
    # their derivatives follow from their outputs, which the next layer keeps
    "sigmoid": ([nn.Sigmoid(), torch.sigmoid, lambda x: x.sigmoid(), lambda x: x.sigmoid_()], (MAP, 0, 0)),
    "tanh": ([nn.Tanh(), torch.tanh, lambda x: x.tanh(), lambda x: x.tanh_()], (MAP, 0, 0)),
    "elu": ([nn.ELU(), f.elu, nn.ELU(inplace=True), nn.SELU(), f.selu, nn.CELU(), nn.CELU(inplace=True)], (MAP, 0, 0)),
    "softmax": ([nn.Softmax(1), lambda x: f.softmax(x, 1), lambda x: x.softmax(1)], (MAP, 0, 0)),
    # a bit an element, or a channel
    "dropout": ([nn.Dropout(), f.dropout, nn.Dropout(inplace=True)], (MAP, 0, MAP)),
    "channel dropout": ([nn.Dropout2d(), lambda x: f.dropout2d(x, training=True)], (MAP, 0, B * C)),
    "drawn mask": (
        [lambda x: x * (torch.rand_like(x) > 0.5), lambda x: x.where(torch.rand_like(x) > 0.5, 0)],
        (MAP, 0, MAP),
    ),
    "no dropout": ([nn.Dropout(0.0), nn.Dropout().eval(), lambda x: f.dropout(x, training=False)], (MAP, 0, 0)),
    # an index for each output element; a mean keeps nothing
    "max-pool": ([nn.MaxPool2d(2), lambda x: f.max_pool2d(x, 2)], (MAP // 4, MAP // 4, 0)),
    "global max": ([nn.AdaptiveMaxPool2d(1), lambda x: x.amax((2, 3), keepdim=True)], (B * C, B * C, 0)),
    "mean": ([nn.AvgPool2d(2), lambda x: f.avg_pool2d(x, 2), nn.AdaptiveAvgPool2d(4)], (MAP // 4, 0, 0)),
    "global mean": ([nn.AdaptiveAvgPool2d(1), lambda x: x.mean((2, 3), keepdim=True)], (B * C, 0, 0)),
    # norms keep their input; means and deviations follow from it
    "batch-norm": ([nn.BatchNorm2d(C), lambda x: f.batch_norm(x, None, None, training=True)], (MAP, MAP, 0)),
    "group-norm": ([nn.GroupNorm(1, C), lambda x: f.group_norm(x, 1)], (MAP, MAP, 0)),
    "layer-norm": ([nn.LayerNorm([C, SIDE, SIDE]), lambda x: f.layer_norm(x, (C, SIDE, SIDE))], (MAP, MAP, 0)),
    "instance-norm": ([nn.InstanceNorm2d(C), f.instance_norm], (MAP, MAP, 0)),
    "held batch-norm": (
        [
            nn.BatchNorm2d(C).eval().requires_grad_(requires_grad=False),
            lambda x: f.batch_norm(x, torch.zeros(C), torch.ones(C), torch.ones(C), torch.zeros(C)),
        ],
        (MAP, 0, 0),
    ),
    # sums, shapes, copies
    "nothing": (
        [nn.Identity(), nn.Sequential(), lambda x: x + x, lambda x: 2 * x, lambda x: x.contiguous(), torch.clone],
        (MAP, 0, 0),
    ),
    "joined": ([lambda x: torch.cat([x, 2 * x], 1)[:, ::2], lambda x: torch.stack([x, x])[0]], (MAP, 0, 0)),
    "square": ([torch.square, lambda x: x * x, lambda x: x**2], (MAP, MAP, 0)),
    "other layout": (
        [lambda x: f.gelu(x.transpose(2, 3).contiguous()), lambda x: f.gelu(x).transpose(2, 3)],
        (MAP, MAP, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_the_same_arithmetic_keeps_the_same(name: str) -> None:
    forms, expected = SAME[name]
    for form in forms:
        assert between(form) == expected, form


def test_weights_are_no_activations() -> None:
    gain, temperature = nn.Parameter(torch.ones(C, 1, 1)), torch.ones(())
    assert between(lambda x: x * gain.detach()) == (MAP, 0, 0)
    assert between(lambda x: x * gain.exp()) == (MAP, MAP, 0)  # the gain's gradient needs what it multiplies
    assert between(lambda x: x / temperature.exp()) == (MAP, 0, 0)


def test_a_norm_layer_whose_gain_alone_trains_keeps_its_input_and_whose_shift_alone_trains_nothing() -> None:
    norm = nn.BatchNorm2d(C).eval()
    norm.bias.requires_grad = False
    assert between(norm) == (MAP, MAP, 0)
    norm.bias.requires_grad = True
    norm.weight.requires_grad = False
    assert between(norm) == (MAP, 0, 0)


def test_an_activation_whose_input_is_kept_adds_nothing() -> None:
    """Pre-activation: a shortcut keeps what the ReLU reads, so that its signs are known."""
    assert between(lambda x: f.gelu(x) + f.relu(x)) == (MAP, MAP, 0)
    assert between(lambda x: f.gelu(x) + f.relu6(x)) == (MAP, MAP, 0)


def test_a_function_of_ones_own_keeps_what_it_saves() -> None:
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, *errors: Tensor) -> Tensor:
            x: Tensor = ctx.saved_tensors[0]
            return 3 * x**2 * errors[0]

    assert between(Cube.apply) == (MAP, MAP, 0)


def saved_elements(network: nn.Module, x: Tensor) -> int:
    """Return the elements that autograd saves but for parameters, each memory once: PyTorch's hooks, no graph."""
    own = {p.untyped_storage().data_ptr() for p in network.parameters()}
    found: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        found[tensor.untyped_storage().data_ptr()] = tensor  # held, so that its address is not used again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(x)
    return sum(t.untyped_storage().nbytes() // t.element_size() for address, t in found.items() if address not in own)


class Woven(nn.Module):
    """Random chains of operations that use all that autograd saves for them, with shortcuts, joins and products."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.choice = torch.randint(0, 7, (6,), generator=torch.Generator().manual_seed(seed)).tolist()
        self.layers = nn.ModuleList(nn.Conv2d(C if i else 1, C, 3, padding=1) for i in range(len(self.choice) + 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers[0](x)
        for layer, kind in zip(self.layers[1:], self.choice, strict=True):
            forms: list[Form] = [
                f.gelu,
                torch.tanh,
                f.silu,
                f.hardswish,
                lambda y: y.softmax(1),
                torch.sigmoid,
                torch.exp,
            ]
            y = forms[kind](x)
            x = layer(y) * y + x if kind % 2 else torch.maximum(layer(y), y * 0.5).sigmoid() + x.mean()
        return x.mean((2, 3))


@pytest.mark.parametrize("seed", range(6))
def test_whole_tensors_against_pytorchs_own_hooks(seed: int) -> None:
    network = Woven(seed)
    step, pairs = step_of(network), sum(kind % 2 == 0 for kind in network.choice)
    # of a maximum autograd saves both sides, made for it alone, of which one bit is needed
    assert sum(step.kept) + step.other == saved_elements(network, images()) - pairs * 2 * MAP
    assert step.relu == pairs * MAP


def test_attention_by_hand() -> None:
    """Tokens of width 6 in 2 heads: queries, keys, values and shares are kept once, whatever layout they take."""

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.qkv, self.out = nn.Linear(SIDE, 6), nn.Linear(6, 18), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.embed(x.squeeze(1))
            q, k, v = (y.unflatten(-1, (2, 3)).transpose(1, 2) for y in self.qkv(tokens).chunk(3, -1))
            shares = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(3), dim=-1)
            y: Tensor = self.out((shares @ v).transpose(1, 2).flatten(2)).mean(1)
            return y

    step = step_of(Attention())
    assert step.kept == [B * SIDE * SIDE, B * SIDE * 6, B * SIDE * 6]
    assert step.other == B * SIDE * 18 + B * 2 * SIDE * SIDE
    assert step.relu == 0


def test_codes_are_no_activations_and_a_frozen_layer_keeps_no_input() -> None:
    network = Between(f.relu)
    layers = trace_layers(network, (1, SIDE, SIDE))
    Quantiser(network, layers, 8)
    assert (sum(step_of(network).kept), step_of(network).other) == (B * SIDE * SIDE + MAP, 0)
    network.last.requires_grad_(requires_grad=False)
    step = step_of(network)
    assert (step.kept, step.other, step.relu) == ([B * SIDE * SIDE, 0], 0, MAP)


def test_half_kept_inputs_leave_half_of_the_signs() -> None:
    network = Between(f.relu6)
    counter = counter_of(network)
    counter.begin_phase([1.0, 0.25])
    with counter.watching(sample_activity=False):
        network(images())
    assert counter.step.kept[1] == MAP // 4
    assert counter.step.relu == MAP - MAP // 4


@pytest.mark.parametrize(
    ("second", "passes"),
    [("together", 2), ("after", 1), ("dropped", 1), ("retained", 2), ("retained, then used up", 1)],
)
def test_the_peak_holds_what_lives_at_once(second: str, passes: int) -> None:
    network = Between(f.gelu)
    counter, one = counter_of(network), step_of(network)
    with counter.watching(sample_activity=False):
        loss = network(images(1)).sum()
        if second == "after":
            loss.backward()
        elif second == "dropped":
            del loss
        elif second.startswith("retained"):
            loss.backward(retain_graph=True)
            if second != "retained":
                loss.backward()
        network(images(2)).sum()
    step = counter.step
    assert step.kept == [2 * kept for kept in one.kept]
    assert step.other == 2 * one.other
    assert step.peak_kept == passes * one.peak_kept == passes * (sum(one.kept) + one.other)


def test_two_passes_of_one_batch_keep_it_once() -> None:
    network, x = Between(f.gelu), images()
    counter = counter_of(network)
    with counter.watching(sample_activity=False):
        (network(x) + network(x)).sum()
    assert counter.step.kept == [B * SIDE * SIDE, 2 * MAP]
    assert counter.step.peak_kept == B * SIDE * SIDE + 4 * MAP


class OneAfterTheOther(Method):
    """Replays nothing; takes its loss in two halves, the first of which it passes back itself."""

    together = False

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        halves = [nn.functional.cross_entropy(context.network(x), y) / 2]
        if not self.together:
            halves.pop().backward()  # type: ignore[no-untyped-call]
        return sum(halves, nn.functional.cross_entropy(context.network(x + 1), y) / 2)


class BothTogether(OneAfterTheOther):
    together = True


def test_a_trace_has_the_peak_of_a_method_that_passes_back_twice() -> None:
    def trace_of(method: type[Method]) -> Trace:
        config = tiny_config(tasks=1, epochs=1, batch_size=5)
        return learn_on(config, tiny_net(), tiny_stream(10, tasks=1), method=method(MethodConfig()))

    after, together = trace_of(OneAfterTheOther), trace_of(BothTogether)
    assert after.counts["kept_elements"].tolist() == together.counts["kept_elements"].tolist()
    assert after.task_counts["peak_kept_elements"][0] == 5 * (16 + 48 + 32)
    assert together.task_counts["peak_kept_elements"][0] == 2 * 5 * (16 + 48 + 32)


def test_it_is_found_once_for_each_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    network, read = Between(nn.Dropout()), list[int]()
    counter, real = counter_of(network), kept_module.kept_of

    def reading(*args: Any) -> Any:
        read.append(1)
        return real(*args)

    monkeypatch.setattr(passes, "kept_of", reading)

    def run(x: Tensor) -> tuple[int, int, int]:
        with counter.watching(sample_activity=False):
            network(x).sum()
        return (len(read), sum(counter.step.kept), counter.step.relu)

    assert run(images()) == run(images(1)) == (1, B * SIDE * SIDE + MAP, MAP)
    assert run(images()[:2])[0] == 2
    network.first.requires_grad_(requires_grad=False)
    assert run(images()) == (3, MAP, 0)
    network.eval()
    assert run(images())[0] == 4
    counter.begin_phase([1.0, 1.0])
    assert run(images())[0] == 5


def test_a_network_that_runs_other_layers_in_the_same_pattern_is_read_each_time() -> None:
    class Depth(Between):
        through = True

        def forward(self, x: Tensor) -> Tensor:
            y = f.gelu(self.first(x))
            return (self.last(y) if self.through else y).mean((2, 3))

    network = Depth(f.gelu)
    counter = counter_of(network)
    found = []
    for network.through in (True, False, False, True):
        with counter.watching(sample_activity=False):
            network(images()).sum()
        found.append(counter.step.kept[1])
    assert found[2:] == [0, MAP]


def test_following_a_pass_changes_nothing() -> None:
    def run(watched: bool) -> tuple[Tensor, Tensor | None]:
        torch.manual_seed(0)
        network = Between(nn.Sequential(nn.BatchNorm2d(C), nn.Dropout(), nn.ReLU(inplace=True)))
        counter = counter_of(network)
        if not watched:
            counter.remove()
        with counter.watching(sample_activity=True):
            loss = network(images()).square().sum()
        loss.backward()
        return loss, network.first.weight.grad

    for seen, bare in zip(run(watched=True), run(watched=False), strict=True):
        assert seen is not None
        assert bare is not None
        assert torch.equal(seen, bare)


def test_a_pass_that_breaks_off_leaves_no_trace() -> None:
    network = Between(lambda x: x.reshape(7))
    counter = PassCounter(network, [], Activity(0, 8), Activity(0, 8))
    with pytest.raises(RuntimeError, match="shape"), counter.watching(sample_activity=False):
        network(images())
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None
    assert counter.step.other == 0
