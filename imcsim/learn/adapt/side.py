"""Side paths: small trainable modules beside a frozen layer, whose weights lie in PEs of their own.

A side path wraps a mapped layer and adds to (or scales) its output. Its convolutions and linear layers are mapped like
any other; on a chip with SRAM they are what trains there, while the layer beside them stays in RRAM unwritten. A new
side path contributes exactly 0.

Shape letters: B batch, r rank.
"""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from imcsim.crossbar.layer_tags import keep_code_range
from imcsim.learn.quantize import mapped_module
from imcsim.learn.shapes import trace_layers
from imcsim.mapping.layer import LayerSpec


class SidePath(nn.Module):
    """A frozen layer with a side path; subclasses give :meth:`joined`. While not ``enabled``, the layer alone runs.

    Parameters
    ----------
    base
        The layer beside which the path runs.
    """

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base
        self.enabled = True

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output (B, ...), with the path's part if it is enabled."""
        output: Tensor = self.base(x)
        return self.joined(x, output) if self.enabled else output

    def joined(self, x: Tensor, output: Tensor) -> Tensor:
        """Return ``output`` of the layer on ``x`` together with the path's part."""
        raise NotImplementedError

    def draw(self, generator: torch.Generator) -> None:
        """Draw the weights with which a task starts; the path still contributes 0."""

    def gate(self) -> Tensor:
        """Return the parameter that keeps a new path at 0: the path adds something once it is not 0 throughout."""
        raise NotImplementedError

    def own(self) -> dict[str, Tensor]:
        """Return the state of the path, by name below this module, without that of the layer beside it."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("base.")}


class Gain(nn.Module):
    """A trained factor for each channel, in digital logic: x * value."""

    def __init__(self, channels: int, initial: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.full((channels,), initial))

    def forward(self, x: Tensor) -> Tensor:
        """Return x (B, C, ...) scaled channel by channel."""
        return x * self.value.view(1, -1, *[1] * (x.dim() - 2))


def wrap(
    network: nn.Module,
    image_shape: tuple[int, int, int],
    make: Callable[[LayerSpec, nn.Linear | nn.Conv2d], nn.Module | None],
) -> nn.Module:
    """Replace every mapped layer but the last, the classifier, by ``make(spec, layer)``; None leaves it as it is."""
    for spec in trace_layers(network, image_shape)[:-1]:
        layer = mapped_module(network, spec.name)
        with torch.random.fork_rng(devices=[]):  # new layers draw from torch's global generator, and are zeroed
            made = make(spec, layer)
        if made is not None:
            parent, _, name = spec.name.rpartition(".")
            setattr(network.get_submodule(parent), name, made)
    return network


def side_paths(network: nn.Module) -> dict[str, SidePath]:
    """Return name -> side path."""
    return {name: module for name, module in network.named_modules() if isinstance(module, SidePath)}


def down_and_up(spec: LayerSpec, rank: int) -> tuple[nn.Module, nn.Module]:
    """Return two layers, all zero, through ``rank`` channels, that map the layer's input to its output's shape."""
    if spec.kind == "linear":
        return _blank(nn.Linear(spec.in_features, rank, bias=False)), _blank(
            nn.Linear(rank, spec.out_features, bias=False)
        )
    down = nn.Conv2d(
        spec.in_features, rank, spec.kernel, spec.stride, spec.padding, spec.dilation, bias=False, device="cpu"
    )
    return _blank(down), _blank(nn.Conv2d(rank, spec.out_features, 1, bias=False))


def uniform_bound(layer: nn.Module) -> float:
    """Return 1 / sqrt(fan-in), the bound of PyTorch's default initialisation (Kaiming uniform with a = sqrt(5))."""
    weight = layer.weight
    if not isinstance(weight, Tensor):
        raise TypeError("the layer has no weight")
    return 1.0 / math.sqrt(weight[0].numel())


@torch.no_grad()
def draw_uniform(layer: nn.Module, generator: torch.Generator) -> None:
    """Draw a layer's weights from U(-b, b), b = :func:`uniform_bound`, with a CPU generator."""
    weight, bound = layer.weight, uniform_bound(layer)
    if isinstance(weight, Tensor):
        weight.copy_((2 * torch.rand(weight.shape, generator=generator) - 1) * bound)


def code_ranges(layers: Iterable[nn.Module], factor: float = 2.0) -> None:
    """Let the codes of zero-initialised layers span ``factor`` times the bound of a random start.

    A layer of zeros says nothing of the range that its codes will need. Twice the bound is a design choice: training
    moves weights beyond where they started.
    """
    for layer in layers:
        keep_code_range(layer, factor * uniform_bound(layer))


def _blank(layer: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    code_ranges([layer])
    return layer
