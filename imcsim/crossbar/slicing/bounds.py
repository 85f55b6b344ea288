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


def not_transparent(
    planes: torch.Tensor, pieces: list[torch.Tensor], engine: Engine, config: BitSliceConfig
) -> torch.Tensor:
    """Return, for each plane and slice, whether a column sum of this group can be clipped or rounded: boolean (P, S).

    The bound is the column sum that the largest value of each row's plane would make with the actual cells: no vector
    of ``planes`` (P, M, R) makes a larger one in the prepared ``pieces``, cells (R, blocks * S * BLOCK) each.
    """
    peaks = planes.amax(dim=1)
    found = torch.zeros(len(planes), len(config.slice_weights), dtype=torch.bool, device=planes.device)
    for cells in pieces:
        sums = engine.sums(peaks, cells).view(len(peaks), -1, found.shape[1], BLOCK)
        found |= sums.amax(dim=(1, 3)) > config.exact_limit
        if found.all():
            break
    return found
