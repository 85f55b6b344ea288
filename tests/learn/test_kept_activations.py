"""What is kept for backward against the byte model of Rep-Net, an oracle written out here.

Rep-Net (L. Yang, A. S. Rakin, D. Fan, CVPR 2022, pp. 12277-12286; ASU-ESIC-FAN-Lab/RepNet@9173f69) counts, for a batch:

- parameters: 4 B for each trainable one, ``frozen_bits`` / 8 B for each frozen weight
- kept: 4 B an input element of each convolution, linear and norm layer whose weight trains, else 0; 1 bit an element of
  a ReLU; 4 B an element of a smooth activation
- peak: the largest, over layers, of what is kept so far + this layer's input + its output + a residual that waits

Where the two differ, the difference is one of five that are named in the tests, and is exact.
"""

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

from imcsim.learn.api import learn_on
from imcsim.learn.networks import build_network
from imcsim.learn.recording.activity import Activity
from imcsim.learn.recording.passes import PassCounter, StepCounts
from imcsim.learn.shapes import trace_layers
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream

BATCH, SHAPE = 4, (1, 8, 8)
WEIGHTED = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)


@dataclass
class RepNet:
    """Bytes kept by a pass, by kind, and the peak; ``told``: signs of tensors that are kept as inputs, too."""

    inputs: float = 0.0
    signs: float = 0.0
    smooth: float = 0.0
    peak: float = 0.0
    told: float = 0.0
    seen: list[str] = field(default_factory=list)

    @property
    def kept(self) -> float:
        return self.inputs + self.signs + self.smooth


def rep_net_bytes(network: nn.Module, x: Tensor, residual_bytes: float = 0.0) -> RepNet:
    """Run ``network`` once and count as Rep-Net does; it looks at types and shapes, not at autograd."""
    found, kept, rectified = RepNet(), list[Tensor](), list[Tensor]()

    def count(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        before = found.kept
        found.seen.append(type(module).__name__)
        found.peak = max(found.peak, before + 4 * args[0].numel() + 4 * output.numel() + residual_bytes)
        if isinstance(module, WEIGHTED) and module.weight.requires_grad:
            found.inputs += 4 * args[0].numel()
            kept.append(args[0])
        elif isinstance(module, nn.ReLU):
            found.signs += output.numel() / 8
            rectified.append(output)
        elif isinstance(module, nn.Sigmoid | nn.Hardswish | nn.GELU):
            found.smooth += 4 * output.numel()

    handles = [m.register_forward_hook(count) for m in network.modules() if not list(m.children())]
    network(x)
    for handle in handles:
        handle.remove()
    found.told = sum(y.numel() / 8 for y in rectified if any(x.data_ptr() == y.data_ptr() for x in kept))
    return found


def parameter_bytes(network: nn.Module, frozen_bits: int) -> float:
    return sum(p.numel() * (4.0 if p.requires_grad else frozen_bits / 8) for p in network.parameters())


def ours(network: nn.Module, x: Tensor) -> StepCounts:
    layers = trace_layers(network, (x.shape[1], x.shape[2], x.shape[3]))
    counter = PassCounter(network, layers, Activity(len(layers), 8), Activity(len(layers), 8))
    with counter.watching(sample_activity=False):
        network(x)
    counter.remove()
    return counter.step


def our_bytes(step: StepCounts) -> float:
    """Elements at 4 B, as Rep-Net has them; a chip has input_bits / 8 instead."""
    return 4 * (sum(step.kept) + step.other) + step.relu / 8


def images() -> Tensor:
    return torch.rand(BATCH, *SHAPE, generator=torch.Generator().manual_seed(0))


def freeze(network: nn.Module, *names: str) -> None:
    """Freeze whole modules, biases with them."""
    for name in names:
        network.get_submodule(name).requires_grad_(requires_grad=False)


class Smooth(nn.Module):
    """A smooth activation between two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.act = nn.Hardswish()
        self.head = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.act(self.first(x))).mean((2, 3))
        return logits


class Residual(nn.Module):
    """A block whose input two convolutions keep: one on the way through, one on the shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.through = nn.Conv2d(4, 4, 3, padding=1)
        self.shortcut = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        out: Tensor = (self.through(x) + self.shortcut(x)).mean((2, 3))
        return out


def test_an_mlp_keeps_what_rep_net_counts() -> None:
    network, x = build_network("mlp", 5, SHAPE, {"hidden": [12, 7]}), images()
    theirs = rep_net_bytes(network, x)
    # by hand: inputs of 64, 12 and 7 elements; 19 signs a sample, all of inputs that are kept (difference 5)
    assert theirs.kept == BATCH * (4 * (64 + 12 + 7) + 19 / 8)
    assert our_bytes(ours(network, x)) == theirs.kept - theirs.told == BATCH * 4 * (64 + 12 + 7)


def test_a_smooth_activation_keeps_4_bytes_an_element() -> None:
    network, x = Smooth(), images()
    theirs = rep_net_bytes(network, x)
    assert theirs.smooth == BATCH * 4 * 3 * 64
    assert our_bytes(ours(network, x)) == theirs.kept


def test_a_convnet_also_keeps_an_index_for_each_pooled_element() -> None:
    """Difference 1: max-pool must know which element won; Rep-Net's nets pool by mean, which keeps nothing."""
    network, x = build_network("convnet", 5, SHAPE, {"channels": [3, 6], "norm": False}), images()
    step, theirs = ours(network, x), rep_net_bytes(network, x)
    pooled = BATCH * (3 * 16 + 6 * 4)
    assert step.other == pooled
    assert our_bytes(step) == theirs.kept + 4 * pooled


def test_a_norm_layer_that_trains_keeps_its_input() -> None:
    network, x = tiny_net(norm=True), images()[:, :, :4, :4]
    step, theirs = ours(network, x), rep_net_bytes(network, x)
    assert "BatchNorm2d" in theirs.seen
    assert our_bytes(step) == theirs.kept - theirs.told


def test_a_frozen_prefix_keeps_nothing_not_even_signs() -> None:
    """Difference 2: no error reaches a ReLU before the first layer that trains, so that its signs are not kept."""
    network, x = build_network("mlp", 5, SHAPE, {"hidden": [12, 7]}), images()
    freeze(network, "features.0", "features.2")
    step, theirs = ours(network, x), rep_net_bytes(network, x)
    assert step.kept == [0, 0, BATCH * 7]
    assert step.relu == 0
    assert our_bytes(step) == theirs.kept - theirs.signs


@pytest.mark.parametrize("frozen", [("features.2",), ("features.2", "features.4"), ("classifier",)])
def test_scattered_frozen_layers_keep_signs_for_those_before_them(frozen: tuple[str, ...]) -> None:
    network, x = build_network("mlp", 5, SHAPE, {"hidden": [12, 7, 6]}), images()
    freeze(network, *frozen)
    step, theirs = ours(network, x), rep_net_bytes(network, x)
    assert our_bytes(step) == theirs.kept - theirs.told
    assert step.relu == 8 * (theirs.signs - theirs.told) > 0  # those in front of a frozen layer
    names = ("features.0", "features.2", "features.4", "classifier")
    assert [count > 0 for count in step.kept] == [name not in frozen for name in names]


def test_a_frozen_norm_layer_inside_still_keeps_its_input() -> None:
    """Difference 3: statistics of the batch depend on the input, so that errors need it even if the scale is frozen."""
    network, x = tiny_net(norm=True), images()[:, :, :4, :4]
    freeze(network, "norm")
    step, theirs = ours(network, x), rep_net_bytes(network, x)
    assert our_bytes(step) == theirs.kept - theirs.told + 4 * BATCH * 3 * 16


def test_a_tensor_that_two_layers_keep_is_stored_once() -> None:
    """Difference 4: Rep-Net adds each layer's input; the two convolutions of a block share one tensor."""
    network, x = Residual(), images()
    step, theirs = ours(network, x), rep_net_bytes(network, x)
    assert our_bytes(step) == theirs.kept - 4 * BATCH * 4 * 64


def test_an_empty_shortcut_keeps_nothing() -> None:
    convolution, classifier = nn.Conv2d(1, 2, 3, padding=1), nn.Linear(128, 2)
    plain = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), classifier)
    around = nn.Sequential(convolution, nn.Sequential(), nn.ReLU(), nn.Flatten(), classifier)
    x = torch.rand(BATCH, *SHAPE)
    assert our_bytes(ours(around, x)) == our_bytes(ours(plain, x))


def test_the_peak_is_what_is_kept_and_what_is_in_work() -> None:
    """Rep-Net's peak adds the layer in work; a chip's buffer holds that as streams, its room is for what is kept."""
    network, x = build_network("mlp", 5, SHAPE, {"hidden": [12, 7]}), images()
    theirs = rep_net_bytes(network, x)
    # 64 in, 12 out; ReLU: 12 in, 12 out, 64 kept; and so on to the last layer, on all that is kept before it
    assert theirs.peak == BATCH * max(
        4 * (64 + 12), 4 * 64 + 4 * 24, 4 * 64 + 12 / 8 + 4 * 19, 4 * 76 + 12 / 8 + 4 * 14, 4 * 76 + 19 / 8 + 4 * 12
    )
    assert theirs.kept - 4 * BATCH * 7 <= theirs.peak <= theirs.kept + 4 * BATCH * (64 + 12)


def test_the_trace_holds_the_same_bytes_over_a_run() -> None:
    network = tiny_net()
    trace = learn_on(tiny_config(tasks=1, epochs=1), network, tiny_stream(10, tasks=1))
    x = torch.zeros(1, 1, 4, 4)
    one = rep_net_bytes(tiny_net(), x)  # for one sample
    counts = trace.task_counts
    kept = 4 * (trace.counts["kept_elements"].sum() + counts["other_kept_elements"][0]) + counts["relu_elements"][0] / 8
    assert kept == 10 * (one.kept - one.told)
    peak = 4 * counts["peak_kept_elements"][0] + counts["peak_kept_bits"][0] / 8
    assert peak == 4 * (one.kept - one.told)  # batches of 4, 4 and 2
    weights = trace.counts["trainable_weights"].sum() + counts["digital_parameters"][0]
    assert parameter_bytes(network, frozen_bits=8) == 4 * weights


def test_parameters_count_4_bytes_if_they_train_and_their_codes_if_not() -> None:
    network = build_network("mlp", 5, SHAPE, {"hidden": [12]})
    freeze(network, "features.0")
    assert parameter_bytes(network, 8) == (64 * 12 + 12) * 1 + (12 * 5 + 5) * 4
