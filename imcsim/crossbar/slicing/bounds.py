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
    peaks: torch.Tensor, pieces: list[torch.Tensor], engine: Engine, config: BitSliceConfig
) -> torch.Tensor:
    """Return, for each plane and slice, whether a column sum of this group can be clipped or rounded: boolean (P, S).

    The bound is the column sum that the largest value of each row's plane, ``peaks`` (P, R), makes with the actual
    cells: no vector makes a larger one in the prepared ``pieces``, cells (R, blocks * S * BLOCK) each.
    """
    found = torch.zeros(len(peaks), len(config.slice_weights), dtype=torch.bool, device=peaks.device)
    for cells in pieces:
        sums = engine.sums(peaks, cells).view(len(peaks), -1, found.shape[1], BLOCK)
        found |= sums.amax(dim=(1, 3)) > config.exact_limit
        if found.all():
            break
    return found


def transparent_for_any_input(rows: int, pieces: list[torch.Tensor], engine: Engine, config: BitSliceConfig) -> bool:
    """Tell whether no input at all makes this group's cells clip or round: saves cutting the inputs into planes."""
    if config.exact_limit == 0:
        return False
    dense = torch.full((1, rows), (1 << config.dac_bits) - 1, dtype=torch.uint8, device=pieces[0].device)
    return not not_transparent(dense, pieces, engine, config).any()
