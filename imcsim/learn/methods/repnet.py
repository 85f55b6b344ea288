"""Rep-Net: a small trainable network beside the frozen backbone, that exchanges features with it at a few depths."""

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.crossbar.layer_tags import keep_adaptor, keep_code_range
from imcsim.learn.adapt.adaptor import Adaptor
from imcsim.learn.adapt.decay import DecayConfig, DecayingMethod
from imcsim.learn.adapt.side import SidePath, code_ranges, draw_uniform, wrap
from imcsim.learn.adapt.side_method import SideMethod
from imcsim.learn.adapt.standardise import standardised
from imcsim.learn.method import method
from imcsim.learn.shapes import trace_layers
from imcsim.mapping.layer import LayerSpec

_STANDARD_DEVIATIONS = 4.0  # design choice: codes of standardised weights hold all but one Gaussian weight in 16,000


class RepnetConfig(DecayConfig):
    """Rep-Net's settings.

    Parameters
    ----------
    modules
        Side modules, at evenly spaced convolutions of the backbone; the released networks have 6.
    pool
        Average pooling in front of a side module (the released code: 2, and 4 in the stem).
    kernel
        Side of its first convolution, odd (the released code: 5, and 3 on small maps).
    groups
        Of the first convolution (the released code: 2, and 1 in the stem); 1 where channels do not divide.
    rate_decay
        As the base; the released code has "cosine", over 50 epochs.
    standardise
        Weight standardisation of the side convolutions, as in the released code.
    """

    modules: int = Field(6, ge=1)
    pool: int = Field(2, ge=1)
    kernel: int = Field(3, ge=1)
    groups: int = Field(2, ge=1)
    standardise: bool = True


class Standardise(Adaptor):
    """The cells of a side convolution hold its standardised weights."""

    where = "cells"

    def forward(self, weight: Tensor) -> Tensor:
        """Return the standardised weight."""
        return standardised(weight)

    def bits(self) -> int:
        """Return 0: it has no parameters."""
        return 0


class SideModule(SidePath):
    """y = f(x) + up-sampled BN(conv1x1(ReLU(BN(conv(pool(x)))))), the last BN's gain 0: at first nothing is added.

    The feature given back is added to the backbone's, so that the next side module sees both: its input is the
    backbone's feature, which holds what earlier side modules gave.
    """

    def __init__(self, spec: LayerSpec, base: nn.Module, config: RepnetConfig) -> None:
        super().__init__(base)
        groups = config.groups if spec.in_features % config.groups == 0 else 1
        hidden = spec.in_features
        self.pool = nn.AvgPool2d(config.pool, ceil_mode=True)
        self.first = nn.Conv2d(
            spec.in_features, hidden, config.kernel, padding=config.kernel // 2, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(hidden)
        self.relu = nn.ReLU()
        self.last = nn.Conv2d(hidden, spec.out_features, 1, bias=False)
        self.last_norm = nn.BatchNorm2d(spec.out_features)
        code_ranges((self.first, self.last))
        with torch.no_grad():
            for layer in (self.first, self.last):
                layer.weight.zero_()
                if config.standardise:
                    keep_code_range(layer, _STANDARD_DEVIATIONS)
            self.last_norm.weight.zero_()

    def joined(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the backbone's feature and what the side module adds to it."""
        side = self.relu(self.norm(self.first(self.pool(x))))
        side = self.last_norm(self.last(side))
        joined: Tensor = output + nn.functional.interpolate(side, output.shape[2:], mode="bilinear")
        return joined

    def gate(self) -> Tensor:
        """Return the last gain."""
        return self.last_norm.weight

    def draw(self, generator: torch.Generator) -> None:
        """Draw both convolutions."""
        draw_uniform(self.first, generator)
        draw_uniform(self.last, generator)


@method("repnet")
class Repnet(DecayingMethod[RepnetConfig], SideMethod[RepnetConfig]):
    """Side modules in SRAM beside a backbone in RRAM: the hybrid idea at the level of blocks."""

    source = "Rep-Net, CVPR 2022, pp. 12277-12286; ASU-ESIC-FAN-Lab/RepNet@9173f69"

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        """Put side modules that add 0 beside evenly spaced convolutions."""
        specs = [s for s in trace_layers(network, image_shape)[:-1] if s.kind == "conv2d" and s.positions > 1]
        chosen = evenly_spaced([spec.name for spec in specs], self.config.modules)
        wrap(
            network,
            image_shape,
            lambda spec, layer: SideModule(spec, layer, self.config) if spec.name in chosen else None,
        )
        if self.config.standardise:
            for spec in trace_layers(network, image_shape):
                if spec.name.rpartition(".")[0] in chosen and not spec.name.endswith(".base"):
                    keep_adaptor(network.get_submodule(spec.name), Standardise(spec))
        return network


def evenly_spaced(names: list[str], count: int) -> set[str]:
    """Return ``count`` of the names (all, if there are fewer), the last one included, as far apart as can be."""
    count = min(count, len(names))
    return {names[-1 - (i * len(names)) // count] for i in range(count)}
