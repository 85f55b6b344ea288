"""Which conversions can clip or round, from bounds that no input can break.

Shape letters: M vectors, R rows, P planes, S slices.
"""

import torch

from imcsim.crossbar.slicing.config import BitSliceConfig
from imcsim.crossbar.slicing.engines import Engine
from imcsim.crossbar.slicing.planes import BLOCK


def always_transparent(config: BitSliceConfig, fan_in: int) -> bool:
    """Tell from the configuration alone that no conversion clips or rounds."""
    return config.largest_sum(fan_in) <= config.exact_limit


def not_transparent(planes: torch.Tensor, cells: torch.Tensor, engine: Engine, config: BitSliceConfig) -> torch.Tensor:
    """Return, for each plane and slice, whether some column sum of this group can be clipped or rounded: boolean (P, S).

    The bound is the column sum that the largest value of each row's plane would make with the actual cells: no vector of
    ``planes`` (P, M, R) makes a larger one in the prepared ``cells`` (R, blocks * S * BLOCK).
    """
    sums = engine.sums(planes.amax(dim=1), cells)
    bound = sums.view(len(planes), -1, len(config.slice_weights), BLOCK).amax(dim=(1, 3))
    return bound > config.exact_limit
