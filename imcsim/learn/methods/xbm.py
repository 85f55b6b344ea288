"""XBM: one bit for each column segment and task decides whether it counts; no cell is ever rewritten."""

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.learn.adapt.adaptor import ColumnAdaptor
from imcsim.learn.adapt.attach import attach
from imcsim.learn.adapt.masks import binary_mask
from imcsim.learn.adapt.per_task import PerTaskConfig, PerTaskMethod
from imcsim.learn.method import method
from imcsim.mapping.layer import LayerSpec


class XbmConfig(PerTaskConfig):
    """XBM's settings. The paper's are not public; ours are Piggyback's start and threshold (a design choice)."""

    initial: float = 0.01
    threshold: float = Field(0.005, ge=0)


class BinaryColumns(ColumnAdaptor):
    """A bit per column segment: 0 closes it."""

    def __init__(self, spec: LayerSpec, rows: int, config: XbmConfig) -> None:
        super().__init__(spec, rows)
        self.threshold = config.threshold
        self.latent = nn.Parameter(torch.full(self.shape, config.initial))

    def scales(self) -> Tensor:
        """Return 0 or 1 for each segment, (G, I, N)."""
        return binary_mask(self.latent, self.threshold)

    def bits(self) -> int:
        """Return one bit a segment."""
        return self.segments


@method("xbm")
class Xbm(PerTaskMethod[XbmConfig]):
    """Binary column masks over a frozen backbone in RRAM."""

    source = "XBM, ASP-DAC 2022, pp. 610-615 (abstract; equations are our reading of it)"
    act = "closed segment"

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        """Attach column masks that are on everywhere; a segment has the rows of a PE."""
        return attach(network, image_shape, lambda spec, _: BinaryColumns(spec, pe_tile[0], self.config))
