"""Codes cut into cells and input planes.

Shape letters: M vectors, D fan-in, N outputs, S slices (of all arrays), P planes.
"""

import torch
from torch.nn.functional import pad

from imcsim.crossbar.slicing.config import BitSliceConfig

BLOCK = 16  # columns of one slice that stand side by side: the fold below then fills one register tile


def input_planes(x: torch.Tensor, config: BitSliceConfig) -> torch.Tensor:
    """Return the planes (P, M, D), uint8, of input codes (M, D)."""
    # Two's complement: the low bits of a negative code are its planes, also after the cast to fewer bits.
    narrow = x.to(torch.uint8) if config.x_bits <= 8 else x.to(torch.int32)
    shifts = torch.arange(len(config.plane_weights), dtype=narrow.dtype, device=x.device) * config.dac_bits
    # plane t: the bits that the DAC applies in cycle t, of every input code
    return ((narrow >> shifts[:, None, None]) & ((1 << config.dac_bits) - 1)).to(torch.uint8)


def stored_codes(w: torch.Tensor, config: BitSliceConfig) -> list[torch.Tensor]:
    """Return what each array stores of weight codes (D, N): unsigned codes (D, N), uint8 up to 8 bits, else int32."""
    if config.w_map == "diff":
        wide = w.to(torch.int16 if config.w_bits < 16 else torch.int32)
        stored = [wide.clamp_min(0), (-wide).clamp_min(0)]
    else:
        # Sums and negative codes wrap to the low bits, which are all that is stored.
        narrow = w.to(torch.uint8 if config.w_bits <= 8 else torch.int32)
        stored = [(narrow + config.weight_zero if config.weight_zero else narrow) & ((1 << config.w_bits) - 1)]
    return [codes.to(torch.uint8 if config.w_bits <= 8 else torch.int32) for codes in stored]


def weight_cells(w: torch.Tensor, config: BitSliceConfig) -> torch.Tensor:
    """Return the cell levels (D, ceil(N / BLOCK), S, BLOCK), uint8, of weight codes (D, N); N is filled with 0.

    Of pairs that are subtracted: the differences of their levels, int8, or int16 where a byte does not hold them.
    """
    fan_in, outputs = w.shape
    blocks = -(-outputs // BLOCK)
    stored = stored_codes(w, config)
    cells = torch.empty(fan_in, blocks, len(stored) * config.slices, BLOCK, dtype=torch.uint8, device=w.device)
    for a, codes in enumerate(stored):
        filled = pad(codes, (0, blocks * BLOCK - outputs)) if outputs % BLOCK else codes.contiguous()
        _slice_into(cells[:, :, a * config.slices : (a + 1) * config.slices], filled, config)
    if config.signed_sums:
        positive, negative = cells.to(torch.int8 if config.cell_bits < 8 else torch.int16).chunk(2, dim=2)
        return positive - negative
    return cells


def slice_bytes(codes: torch.Tensor, s: int, config: BitSliceConfig, out: torch.Tensor | None = None) -> torch.Tensor:
    """Return slice ``s`` of codes in bytes, eight to a 64-bit word: bits shifted over from a neighbour are masked."""
    shift = config.cell_bits * s
    spread = (((1 << config.cell_bits) - 1) & (0xFF >> shift)) * 0x0101010101010101
    signed = spread - ((spread >> 63) << 64)
    return torch.bitwise_and(codes >> shift, signed, out=out)


def fold_matrix(slice_weights: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Return the matrix (S * BLOCK, BLOCK), int64, that sums the slices of one block with their place values."""
    eye = torch.eye(BLOCK, dtype=torch.int64, device=device)
    return torch.cat([eye * weight for weight in slice_weights])


def _slice_into(cells: torch.Tensor, codes: torch.Tensor, config: BitSliceConfig) -> None:
    fan_in, blocks = cells.shape[:2]
    for s in range(config.slices):
        if config.w_bits <= 8:
            words = codes.view(fan_in, blocks, BLOCK).view(torch.int64)
            slice_bytes(words, s, config, out=cells.view(torch.int64)[:, :, s])
        else:
            levels = (codes >> (config.cell_bits * s)) & ((1 << config.cell_bits) - 1)
            cells[:, :, s] = levels.view(fan_in, blocks, BLOCK)
