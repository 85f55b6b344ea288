"""Codes cut into cells and input planes.

Shape letters: M vectors, D fan-in, N outputs, S slices (of all arrays), P planes.
"""

import torch

from imcsim.crossbar.slicing.config import BitSliceConfig

BLOCK = 16  # columns of one slice that stand side by side: the fold below then fills one register tile


def input_planes(x: torch.Tensor, config: BitSliceConfig) -> torch.Tensor:
    """Return the planes (P, M, D), uint8, of input codes (M, D)."""
    # Two's complement: the low bits of a negative code are its planes, also after the cast to fewer bits.
    narrow = x.to(torch.uint8) if config.x_bits <= 8 else x.to(torch.int32)
    shifts = torch.arange(len(config.plane_weights), dtype=narrow.dtype, device=x.device) * config.dac_bits
    return ((narrow >> shifts[:, None, None]) & ((1 << config.dac_bits) - 1)).to(torch.uint8)


def weight_cells(w: torch.Tensor, config: BitSliceConfig) -> torch.Tensor:
    """Return the cell levels (D, ceil(N / BLOCK), S, BLOCK), uint8, of weight codes (D, N); N is filled with 0."""
    fan_in, outputs = w.shape
    blocks = -(-outputs // BLOCK)
    wide = torch.zeros(
        fan_in, blocks * BLOCK, dtype=torch.int16 if config.w_bits < 16 else torch.int32, device=w.device
    )
    wide[:, :outputs] = w
    if config.weight_zero:
        wide[:, :outputs] += config.weight_zero
    arrays = [wide.clamp_min(0), (-wide).clamp_min(0)] if config.w_map == "diff" else [wide]
    cells = torch.empty(fan_in, blocks, len(config.slice_weights), BLOCK, dtype=torch.uint8, device=w.device)
    for a, array in enumerate(arrays):
        _slice_into(cells[:, :, a * config.slices : (a + 1) * config.slices], array, config)
    return cells


def fold_matrix(slice_weights: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Return the matrix (S * BLOCK, BLOCK), int64, that sums the slices of one block with their place values."""
    eye = torch.eye(BLOCK, dtype=torch.int64, device=device)
    return torch.cat([eye * weight for weight in slice_weights])


def _slice_into(cells: torch.Tensor, array: torch.Tensor, config: BitSliceConfig) -> None:
    fan_in, blocks = cells.shape[:2]
    mask = (1 << config.cell_bits) - 1
    if config.w_bits > 8:
        for s in range(config.slices):
            cells[:, :, s] = ((array >> (config.cell_bits * s)) & mask).view(fan_in, blocks, BLOCK)
        return
    # Eight codes of one byte in a 64-bit word: bits that a shift carries over from a neighbour are masked off.
    words = (array & ((1 << config.w_bits) - 1)).to(torch.uint8).view(fan_in, blocks, BLOCK).view(torch.int64)
    for s in range(config.slices):
        shift = config.cell_bits * s
        spread = (mask & (0xFF >> shift)) * 0x0101010101010101
        signed = spread - ((spread >> 63) << 64)
        torch.bitwise_and(words >> shift, signed, out=cells.view(torch.int64)[:, :, s])
