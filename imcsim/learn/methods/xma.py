"""XMA: one shift for each column segment and task scales what the segment adds; no cell is ever rewritten."""

from torch import nn

from imcsim.learn.adapt.attach import attach
from imcsim.learn.adapt.column_shifts import ShiftColumns, ShiftConfig
from imcsim.learn.adapt.per_task import PerTaskMethod
from imcsim.learn.method import method


class XmaConfig(ShiftConfig):
    """XMA's settings: those of its shifts."""


@method("xma")
class Xma(PerTaskMethod[XmaConfig]):
    """Column masks that are shifts over a frozen backbone in RRAM; the shifter stands behind the converter."""

    source = "XMA, DAC 2022, pp. 271-276 (abstract; equations and levels are our reading of it)"
    act = "shifted segment"

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        """Attach column masks of 1; a segment has the rows of a PE."""
        return attach(network, image_shape, lambda spec, _: ShiftColumns(spec, pe_tile[0], self.config))
