"""VeRA-style side paths: random low-rank layers that never change, and two trained vectors for each layer."""

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.core.seeds import child_seed
from imcsim.learn.adapt.per_task import PerTaskConfig
from imcsim.learn.adapt.side import Gain, SidePath, down_and_up, draw_uniform, wrap
from imcsim.learn.adapt.side_method import SideMethod
from imcsim.learn.method import method
from imcsim.mapping.layer import LayerSpec


class VeraConfig(PerTaskConfig):
    """VeRA's settings.

    Parameters
    ----------
    rank
        r of the random layers.
    initial
        Start of the r-vector d; the output vector b starts at 0. The paper's start is 0.1.
    seed
        Of the random layers: they are the same for every task and every run.
    shared
        Whether layers of one shape have the same random layers, as in the paper, where one pair serves them all. Here
        each mapped layer holds its own in its own cells either way, so that sharing saves none (design choice: off).
    """

    rank: int = Field(16, ge=1)
    initial: float = 0.1
    seed: int = Field(0, ge=0)
    shared: bool = False


class VectorScaled(SidePath):
    """y = W x + b * (B (d * (A x))): A and B random and frozen, so in RRAM; the vectors b and d in digital logic.

    The paper shares A and B among layers of one shape; here only on demand, see :class:`VeraConfig`.
    """

    def __init__(self, spec: LayerSpec, base: nn.Module, config: VeraConfig) -> None:
        super().__init__(base)
        self.down, self.up = down_and_up(spec, config.rank)
        for name, layer in (("down", self.down), ("up", self.up)):
            whose = str(tuple(layer.get_parameter("weight").shape)) if config.shared else spec.name
            draw_uniform(layer, torch.Generator().manual_seed(child_seed(config.seed, "vera", whose, name)))
            layer.requires_grad_(False)
        self.d = Gain(config.rank, config.initial)
        self.b = Gain(spec.out_features, 0.0)

    def joined(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the layer's output and the path's."""
        joined: Tensor = output + self.b(self.up(self.d(self.down(x))))
        return joined

    def gate(self) -> Tensor:
        """Return b."""
        return self.b.value

    def own(self) -> dict[str, Tensor]:
        """Return the two vectors: the random layers belong to no task."""
        return {name: value for name, value in super().own().items() if name.startswith(("b.", "d."))}


@method("vera")
class Vera(SideMethod[VeraConfig]):
    """Two vectors a layer and task: the least that a side path can learn, and no cell is ever written."""

    source = "VeRA, Kopiczko et al., ICLR 2024, eq. 2; random layers not shared between mapped layers by default"

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        """Put a path that contributes 0 beside every layer."""
        return wrap(network, image_shape, lambda spec, layer: VectorScaled(spec, layer, self.config))
