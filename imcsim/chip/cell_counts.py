"""Per-cell counts reduced to weights, rows and PEs in a few passes over memory.

Eleven million weights of eight cells each go through here, so the loops run over cells and tasks, and the arrays stay
narrow. Shape letters: T tasks, K cells per weight, G groups, D fan-in, N outputs, P PEs of the layer.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.crossbar.encoding import Encoding

_IN_CACHE = 1 << 15  # codes looked up at once, so that the indices between codes and levels stay in the cache

Ints = NDArray[np.int64]
Counts = NDArray[np.integer]
Floats = NDArray[np.float64]


def changes_of_cells(cells: Counts) -> tuple[Counts, Counts, Ints]:
    """Return changes by weight (T, G, D, N), the most of any cell of a weight over all tasks, and cells by changes.

    Parameters
    ----------
    cells
        (T, K, G, D, N) level changes of each cell.

    Returns
    -------
    tuple
        (T, G, D, N) changes by weight; (G, D, N) the most of any one cell of a weight over all tasks; (M,) how many
        cells changed 0, 1, 2, ... times over all tasks.
    """
    by_weight = np.zeros((cells.shape[0], *cells.shape[2:]), dtype=np.uint32)
    most = np.zeros(cells.shape[2:], dtype=np.uint32)
    histograms = []
    for k in range(cells.shape[1]):
        total = np.zeros_like(most)
        for task in range(cells.shape[0]):
            by_weight[task] += cells[task, k]
            total += cells[task, k]
        np.maximum(most, total, out=most)
        histograms.append(cells_by_count(total))
    return by_weight, most, _added(histograms)


def cells_by_count(counts: Counts) -> Ints:
    """Return (M,): how many entries of ``counts`` (any shape, no negative one) are 0, 1, 2, ..., its largest."""
    flat = np.ascontiguousarray(counts).reshape(-1)
    found = np.zeros(int(flat.max(initial=0)) + 1, np.int64)
    for start in range(0, flat.size, _IN_CACHE):
        piece = np.bincount(flat[start : start + _IN_CACHE])
        found[: len(piece)] += piece
    return found


def _added(histograms: list[Ints]) -> Ints:
    total = np.zeros(max(len(each) for each in histograms), np.int64)
    for each in histograms:
        total[: len(each)] += each
    return total


def changes_of_codes(codes: Counts, encoding: Encoding) -> tuple[Counts, Counts, Ints]:
    """The same from codes (T + 1, G, D, N): a cell changes in a task if its level differs at the task's ends."""
    index = codes.astype(np.intp) - encoding.code_min
    by_weight = np.zeros((len(codes) - 1, *codes.shape[1:]), dtype=np.uint8)
    most = np.zeros(codes.shape[1:], dtype=np.uint16)
    histograms = []
    for table in encoding.level_table:
        levels = table.astype(np.uint16 if encoding.cell_bits > 8 else np.uint8)[index]
        moved = levels[1:] != levels[:-1]
        by_weight += moved
        total = moved.sum(axis=0, dtype=np.uint16)
        np.maximum(most, total, out=most)
        histograms.append(cells_by_count(total))
    return by_weight, most, _added(histograms)


def levels_of_codes(codes: Counts, encoding: Encoding) -> NDArray[np.uint16]:
    """Return the sum of the levels of each weight's cells, in the shape of ``codes``."""
    table = encoding.level_table.sum(axis=0).astype(np.uint16)
    flat = np.ascontiguousarray(codes).reshape(-1)
    found = np.empty(flat.size, dtype=np.uint16)
    for start in range(0, flat.size, _IN_CACHE):
        index = flat[start : start + _IN_CACHE].astype(np.intp)
        index -= encoding.code_min
        np.take(table, index, out=found[start : start + _IN_CACHE])
    return found.reshape(codes.shape)


def row_sums(by_weight: Counts, col_starts: NDArray[np.intp]) -> Floats:
    """Sum over the outputs that share a row of a PE: (T, G, D, N) -> (T, G, D, column blocks)."""
    return np.add.reduceat(by_weight, col_starts, axis=3, dtype=np.float64)


def stack_rows(per_row: Floats, row_starts: NDArray[np.intp]) -> Floats:
    """Sum over the rows of each PE: (T, G, D, column blocks) -> (T, P)."""
    return np.asarray(np.add.reduceat(per_row, row_starts, axis=2).reshape(len(per_row), -1), dtype=np.float64)


def row_writes(per_row: Floats, commits: Floats, cells: NDArray[np.integer]) -> Floats:
    """Expected writes of each row: one of n cells with c changes in S commits is written S(1 - (1 - c/(S n))^n) times.

    This takes changes as spread evenly over the cells of a row and over commits: an upper estimate where they cluster,
    saturating at S; exact for one commit. ``per_row`` (T, ...), ``commits`` (T,), ``cells`` of the last axis.
    """
    share = commits.reshape(-1, *(1,) * (per_row.ndim - 1))
    probability = np.divide(per_row, share * cells, out=np.zeros_like(per_row), where=share > 0)
    expected = share * -np.expm1(cells * np.log1p(-np.minimum(probability, 1.0 - 1e-12)))
    return np.where(share == 1, (per_row > 0).astype(np.float64), expected)
