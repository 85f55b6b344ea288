"""Effective conductance where the nodes of a line are one node: no wire resistance on one side, or on both.

Shapes: B arrays, R rows, C columns.
"""

from typing import TYPE_CHECKING

from imcsim.crossbar.wires.lines import Wires, line_resistance

if TYPE_CHECKING:
    from torch import Tensor


def reduce_shared_word_lines(g_s: "Tensor", wires: Wires) -> "Tensor":
    """Return the effective conductance (B, R, C) of arrays whose word lines are one node each.

    Bit line j alone draws ``K_j w`` from the word lines at voltages w, with ``K_j = (I + D_j P)^-1 D_j``, D_j its cells
    and P its line resistance; the drivers see all of them in parallel behind their series resistance.

    Parameters
    ----------
    g_s
        Cell conductances (B, R, C) in S, a torch tensor.
    wires
        Their ``r_wl_ohm`` plays no part but in ``first_ohm``: it is zero, or there is one column.
    """
    import torch

    rows = g_s.shape[-2]
    line = line_resistance(rows, wires.r_bl_ohm, wires.last_ohm, wires.sense == "both", g_s).flip(0, 1)
    cells = torch.diag_embed(g_s.transpose(-1, -2))
    identity = torch.eye(rows, dtype=g_s.dtype, device=g_s.device)
    drawn: Tensor = torch.linalg.solve(identity + cells @ line, cells)
    effective = drawn.sum(-1).transpose(-1, -2)
    source_ohm = wires.first_ohm / (2 if wires.drive == "both" else 1)
    if source_ohm == 0:
        return effective
    behind_sources: Tensor = torch.linalg.solve(identity + source_ohm * drawn.sum(-3), effective)
    return behind_sources


def reduce_shared_bit_lines(g_s: "Tensor", wires: Wires) -> "Tensor":
    """Return the effective conductance of arrays whose bit lines are one node each, by reciprocity."""
    mirrored = g_s.flip(-1, -2).transpose(-1, -2)
    return reduce_shared_word_lines(mirrored, wires.reciprocal()).transpose(-1, -2).flip(-1, -2)
