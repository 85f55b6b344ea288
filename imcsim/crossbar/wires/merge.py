"""Nested dissection of a crossbar with its ports kept, in torch: any device, differentiable.

A block is the admittance matrix of its ports, in the order L (near word-line ends), R (far word-line ends), N (near
bit-line ends), F (far bit-line ends). Two neighbours merge by a Schur complement on the ports they share (Kron
reduction). Blocks of one size are merged together. ``merge.c`` is the same algorithm, one array at a time.

Shapes: B arrays, h x w blocks of the grid, p ports; R rows counted from the sense end, C columns.
"""

import functools
import math
from typing import TYPE_CHECKING

from imcsim.crossbar.wires.lines import Line

if TYPE_CHECKING:
    from torch import Tensor

L, R, N, F = range(4)


def reduce_blocks(g_s: "Tensor", word: Line, bit: Line) -> "Tensor":
    """Return the effective conductance (B, R, C) of arrays whose sizes are powers of two (times 3, 5 or 7).

    Parameters
    ----------
    g_s
        Cell conductances (B, R, C) in S, rows counted from the sense end.
    word, bit
        The lines, with C and R nodes.
    """
    import torch

    blocks, sizes = _cells(g_s, word, bit), [1, 1, 1, 1]
    while blocks.shape[1] * blocks.shape[2] > 1:
        wide = blocks.shape[2] > 1 and (blocks.shape[2] >= blocks.shape[1])
        axis = 2 if wide else 1
        parts = torch.unflatten(blocks, axis, (-1, _parts(blocks.shape[axis])))
        pieces = list(parts.unbind(3 if wide else 2))
        merged, grown = pieces[0], sizes
        for piece in pieces[1:]:
            merged, grown = _merge(merged, grown, R if wide else F, piece, sizes, L if wide else N)
        blocks, sizes = merged, grown
    whole = _attach(_attach(blocks[:, 0, 0], sizes, L, word.near_s), sizes, N, bit.near_s)
    ends = torch.split(whole, sizes, -1)
    # current out of every sensed end for a volt at every driven end; both ends of a line are one terminal
    driven, sensed = ((L, R) if word.two_sided else (L,)), ((N, F) if bit.two_sided else (N,))
    transfers = [torch.split(ends[q], sizes, -2)[p] for p in driven for q in sensed]
    return -functools.reduce(torch.add, transfers)


def _parts(count: int) -> int:
    return next((factor for factor in (2, 3, 5, 7) if count % factor == 0), count)


def _cells(g_s: "Tensor", word: Line, bit: Line) -> "Tensor":
    """Return the (B, R, C, 4, 4) admittances of single cells, each with its segments towards the far ends."""
    import torch

    def vector(values: list[float]) -> "Tensor":
        return torch.tensor(values, dtype=g_s.dtype, device=g_s.device)

    behind_w, behind_b = vector(word.cell_behind), vector(bit.cell_behind)[:, None]
    zero = torch.zeros_like(g_s)
    ends = torch.stack([zero + 1 - behind_w, zero + behind_w, zero - 1 + behind_b, zero - behind_b], -1)
    segment = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=g_s.dtype, device=g_s.device)
    wires = g_s.new_zeros(*g_s.shape[-2:], 4, 4)
    # segments of word lines differ from column to column, those of bit lines from row to row
    wires[..., :2, :2] = vector(word.far_s)[:, None, None] * segment
    wires[..., 2:, 2:] = vector(bit.far_s)[:, None, None, None] * segment
    # a cell joins the ends that it hangs on: its conductance between them, beside the segments of the lines
    return g_s[..., None, None] * ends[..., :, None] * ends[..., None, :] + wires


def _merge(
    a: "Tensor", a_sizes: list[int], a_gone: int, b: "Tensor", b_sizes: list[int], b_gone: int
) -> tuple["Tensor", list[int]]:
    """Merge blocks whose ports ``a_gone`` and ``b_gone`` are the same nodes, which then have no outside current."""
    import torch

    a_ports, b_ports = _split(a, a_sizes), _split(b, b_sizes)
    a_kept = [p for p in range(4) if p != a_gone]
    b_kept = [p for p in range(4) if p != b_gone]
    # ports that stay, by class; of one class those of the first block first
    order = sorted([(p, 0) for p in a_kept] + [(p, 1) for p in b_kept])
    sides = ((a_ports, a_gone, a_sizes), (b_ports, b_gone, b_sizes))
    shared = a_ports[a_gone][a_gone] + b_ports[b_gone][b_gone]
    x = torch.cat([sides[s][0][sides[s][1]][p] for p, s in order], -1)
    outer = torch.cat(
        [
            torch.cat(
                [
                    sides[s][0][p][q] if s == t else x.new_zeros(*x.shape[:-2], sides[s][2][p], sides[t][2][q])
                    for q, t in order
                ],
                -1,
            )
            for p, s in order
        ],
        -2,
    )
    sizes = [sum(sides[s][2][p] for p, s in order if p == q) for q in range(4)]
    # Kron reduction: no current enters the joined nodes from outside, so their voltages follow from the rest
    return outer - x.transpose(-1, -2) @ _solve(shared, x), sizes


def _solve(spd: "Tensor", x: "Tensor") -> "Tensor":
    """Return ``spd^-1 x``; as no row of a block leaks to ground, the diagonal is what the rest of the row leaves."""
    import torch

    off_diagonal = spd - torch.diag_embed(spd.diagonal(dim1=-2, dim2=-1))
    pivots = -off_diagonal.sum(-1) - x.sum(-1)
    if spd.shape[-1] == 1:
        return x / pivots[..., None]
    return torch.cholesky_solve(x, torch.linalg.cholesky(off_diagonal + torch.diag_embed(pivots)))


def _split(block: "Tensor", sizes: list[int]) -> list[list["Tensor"]]:
    import torch

    return [list(torch.split(rows, sizes, -1)) for rows in torch.split(block, sizes, -2)]


def _attach(whole: "Tensor", sizes: list[int], port: int, near_s: float) -> "Tensor":
    """Put a resistor in series with every port of one class."""
    import torch

    if math.isinf(near_s):
        return whole
    start = sum(sizes[:port])
    ports = slice(start, start + sizes[port])
    identity = near_s * torch.eye(sizes[port], dtype=whole.dtype, device=whole.device)
    middle = whole[..., ports, ports] + identity
    outer = whole.clone()
    outer[..., ports, :] = 0
    outer[..., :, ports] = 0
    outer[..., ports, ports] = identity
    x = whole[..., ports, :].clone()
    x[..., :, ports] = -identity
    return outer - x.transpose(-1, -2) @ _solve(middle, x)
