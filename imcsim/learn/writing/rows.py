"""Rows of PEs in a weight matrix: how large their gradient is, and which ones a step updates.

A row is a word line of one PE: the weights (G, D) of one column tile, ``width`` outputs wide. Its cells are written
together. Source: structured gradient sparsification of Long Live TIME (DAC 2018,
hdl.handle.net/1721.1/129549, abstract); norm, count and rows of one PE are our reading.

Shape letters: G groups, D fan-in, N outputs per group, J column tiles of PEs.
"""

import math

import torch
from torch import Tensor

from imcsim.learn.placing.pe_blocks import column_sums


def row_norms(matrix: Tensor, width: int) -> Tensor:
    """Return (G, D, J): Euclidean norm of each row's part of ``matrix`` (G, D, N)."""
    return column_sums(matrix.square(), width).sqrt()


def largest_rows(norms: Tensor, share: float) -> Tensor:
    """Return bool (G, D, J): the rows with the largest norm.

    ``share`` of the rows whose norm is not 0, rounded up, so that at least one is updated; frozen rows have no gradient
    and do not count. Of equal norms the earlier row, in row-major order, comes first.
    """
    flat = norms.reshape(-1)
    count = math.ceil(share * int((flat > 0).sum()) - 1e-9)  # 0.3 x 10 is 3, whatever floats make of it
    chosen = torch.zeros(flat.shape, dtype=torch.bool, device=flat.device)
    chosen[torch.argsort(flat, descending=True, stable=True)[:count]] = True
    return chosen.view(norms.shape)


def expand_rows(rows: Tensor, width: int, outputs: int) -> Tensor:
    """Return (G, D, N): each weight gets the value of its row in ``rows`` (G, D, J)."""
    return rows.repeat_interleave(min(width, outputs), 2)[:, :, :outputs]
