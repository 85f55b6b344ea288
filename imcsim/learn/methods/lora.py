"""LoRA-style side paths: a low-rank product beside every frozen layer, in SRAM."""

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.learn.adapt.per_task import PerTaskConfig
from imcsim.learn.adapt.side import SidePath, down_and_up, draw_uniform, wrap
from imcsim.learn.adapt.side_method import SideMethod
from imcsim.learn.method import method
from imcsim.mapping.layer import LayerSpec


class LoraConfig(PerTaskConfig):
    """LoRA's settings.

    Parameters
    ----------
    rank
        r of the product; never more than the layer's smaller side.
    alpha
        The path is scaled by alpha / r.
    """

    rank: int = Field(4, ge=1)
    alpha: float = Field(4.0, gt=0)


class LowRank(SidePath):
    """y = W x + alpha / r * B (A x): A draws anew for each task, B starts at 0.

    For a convolution A keeps the kernel, stride and padding, and B is 1x1.
    """

    def __init__(self, spec: LayerSpec, base: nn.Module, config: LoraConfig) -> None:
        super().__init__(base)
        rank = min(config.rank, spec.in_features, spec.out_features)
        self.scale = config.alpha / rank
        self.down, self.up = down_and_up(spec, rank)

    def joined(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the layer's output and the scaled low-rank product."""
        joined: Tensor = output + self.scale * self.up(self.down(x))
        return joined

    def gate(self) -> Tensor:
        """Return B."""
        return self.up.get_parameter("weight")

    def draw(self, generator: torch.Generator) -> None:
        """Draw A; B is 0."""
        draw_uniform(self.down, generator)


@method("lora")
class Lora(SideMethod[LoraConfig]):
    """Two small layers beside every mapped layer but the classifier: the bar that newer work sets."""

    source = "LoRA, Hu et al., ICLR 2022, section 4.1; for convolutions as is usual: A with the kernel, B 1x1"

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        """Put a path that contributes 0 beside every layer."""
        return wrap(network, image_shape, lambda spec, layer: LowRank(spec, layer, self.config))
