"""Shifts of column segments: the adaptor that XMA and XMA2 share, and its settings."""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.learn.adapt.adaptor import ColumnAdaptor
from imcsim.learn.adapt.masks import shift_mask
from imcsim.learn.adapt.per_task import PerTaskConfig
from imcsim.mapping.layer import LayerSpec


class ShiftConfig(PerTaskConfig):
    """Settings of column shifts. XMA's levels and rates are not public; all of ours are design choices.

    Parameters
    ----------
    lowest_shift, highest_shift
        Ends of the shifts: levels are 2^lowest_shift .. 2^highest_shift, with 1 among them.
    zero_level
        Whether 0 is a level too, which closes a segment as XBM does. The defaults give 0, 1/2, 1, 2: two bits.
    learning_rate
        Adam's step for the latent values, None: 1e-2 scaled as the base says. They start at 1, and the next level is
        0.3 to 0.4 away.
    """

    full_rates: ClassVar[tuple[float, float]] = (1e-2, 1e-3)

    lowest_shift: int = Field(-1, ge=-16, le=0)
    highest_shift: int = Field(1, ge=0, le=16)
    zero_level: bool = True

    @property
    def levels(self) -> tuple[float, ...]:
        """The values that a segment's scale can take, in ascending order."""
        shifts = tuple(2.0**shift for shift in range(self.lowest_shift, self.highest_shift + 1))
        return (0.0, *shifts) if self.zero_level else shifts

    @property
    def level_bits(self) -> int:
        """Bits that name one of the levels."""
        return (len(self.levels) - 1).bit_length()


class ShiftColumns(ColumnAdaptor):
    """A shift per column segment, applied to the converted partial sum; a new one is 2^0."""

    def __init__(self, spec: LayerSpec, rows: int, config: ShiftConfig) -> None:
        super().__init__(spec, rows)
        self.config = config
        self.latent = nn.Parameter(torch.ones(self.shape))

    def scales(self) -> Tensor:
        """Return the level of each segment, (G, I, N)."""
        return shift_mask(self.latent, self.config.lowest_shift, self.config.highest_shift, self.config.zero_level)

    def bits(self) -> int:
        """Return the bits that name a level, for each segment."""
        return self.config.level_bits * self.segments
