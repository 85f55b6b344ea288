"""Which conversions can clip or round, from bounds that no input can break.

Shape letters: D fan-in, N outputs, M vectors, G groups, R rows, P planes, S slices.
"""

import torch
from torch.nn.functional import pad

from imcsim.crossbar.slicing.config import BitSliceConfig
from imcsim.crossbar.slicing.engines import Engine
from imcsim.crossbar.slicing.planes import BLOCK, slice_bytes, stored_codes


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
        sums = _reach(peaks, cells, engine, config).view(len(peaks), -1, found.shape[1], BLOCK)
        found |= sums.amax(dim=(1, 3)) > config.exact_limit
        if found.all():
            break
    return found


def _reach(peaks: torch.Tensor, cells: torch.Tensor, engine: Engine, config: BitSliceConfig) -> torch.Tensor:
    """Return the largest magnitude of a sum (P, columns) that inputs up to ``peaks`` (P, R) make with ``cells``."""
    if not config.signed_sums:
        return engine.sums(peaks, cells)
    above, below = engine.sums(peaks, cells.clamp(min=0)), engine.sums(peaks, cells.clamp(max=0))
    return torch.maximum(above, -below)


def clipping_groups(w: torch.Tensor, config: BitSliceConfig) -> list[slice]:
    """Return the row groups of weight codes (D, N) in which some input could make a conversion clip or round."""
    groups = config.groups(len(w))
    if config.exact_limit == 0:
        return groups
    if always_transparent(config, len(w)):
        return []
    dense = (1 << config.dac_bits) - 1
    peaks = torch.stack([_largest_column_sums(codes, config) for codes in stored_codes(w, config)]).amax(dim=0)
    clips = (peaks * dense > config.exact_limit).tolist()
    return [rows for rows, one in zip(groups, clips, strict=True) if one]


def _largest_column_sums(codes: torch.Tensor, config: BitSliceConfig) -> torch.Tensor:
    """Return the largest sum of cell levels in any column and slice of each group, (G,), of stored codes (D, N)."""
    groups = len(config.groups(len(codes)))
    codes = _even_groups(codes, config)
    rows = min(config.lines, len(codes))
    padding = (0, -codes.shape[1] % 8, 0, groups * rows - len(codes))
    codes = pad(codes, padding) if any(padding) else codes.contiguous()
    if config.w_bits > 8:
        grouped = codes.view(groups, rows, -1)
        levels = ((grouped >> (config.cell_bits * s)) & ((1 << config.cell_bits) - 1) for s in range(config.slices))
        return torch.stack([cells.sum(dim=1).amax(dim=1) for cells in levels]).amax(dim=0)
    words = codes.view(torch.int64).view(groups, rows, -1)
    slices = torch.stack([slice_bytes(words, s, config) for s in range(config.slices)])
    # Eight columns are summed at once, byte by byte, over as few rows as cannot overflow a byte.
    parts = torch.split(slices, 255 // ((1 << config.cell_bits) - 1), dim=2)
    sums = [part.sum(dim=2).view(torch.uint8).to(torch.int32) for part in parts]
    return torch.stack(sums).sum(dim=0).amax(dim=(0, 2))


def _even_groups(codes: torch.Tensor, config: BitSliceConfig) -> torch.Tensor:
    """Return stored codes (D, N) with arrays filled with rows of zeros, so that all of their passes are of one size."""
    spare = -config.rows % config.lines
    if not spare:
        return codes
    arrays = torch.split(codes, config.rows)
    return torch.cat([pad(array, (0, 0, 0, spare)) if len(array) == config.rows else array for array in arrays])
