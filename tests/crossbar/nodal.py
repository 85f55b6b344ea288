"""The independent oracle: nodal analysis of the whole circuit, every node and resistor written out.

Shares nothing with imcsim. A zero resistance joins two nodes (union by relabelling). Rows R, columns C.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]


def resistors(g_s: Floats, r_wl: float, r_bl: float, **ends: Any) -> tuple[list[tuple[int, int, float]], int]:
    """Return (node, node, conductance) of every resistor; nodes: words, bits, sources, then ground."""
    rows, cols = g_s.shape
    extra = float(ends.get("end_segments", True))
    first, last = ends.get("r_src_ohm", 0.0) + extra * r_wl, ends.get("r_sns_ohm", 0.0) + extra * r_bl
    cells = rows * cols
    source, ground = 2 * cells, 2 * cells + rows
    found = []

    def add(a: int, b: int, ohm: float) -> None:
        found.append((a, b, np.inf if ohm == 0 else 1 / ohm))

    for i in range(rows):
        for j in range(cols):
            word = i * cols + j
            if g_s[i, j] > 0:
                add(word, cells + word, 1 / g_s[i, j])
            if j + 1 < cols:
                add(word, word + 1, r_wl)
            if i + 1 < rows:
                add(cells + word, cells + word + cols, r_bl)
            if j == 0 or (j == cols - 1 and ends.get("drive") == "both"):
                add(source + i, word, first)
            if i == rows - 1 or (i == 0 and ends.get("sense") == "both"):
                add(cells + word, ground, last)
            if cols == 1 and ends.get("drive") == "both":
                add(source + i, word, first)
            if rows == 1 and ends.get("sense") == "both":
                add(cells + word, ground, last)
    return found, 2 * cells + rows + 1


def transfer(g_s: Floats, r_wl: float, r_bl: float, **ends: Any) -> Floats:
    """Return the (R, C) currents of the bit lines per volt at each driver, by sparse nodal analysis."""
    word, bit = voltages(g_s, r_wl, r_bl, **ends)
    result: Floats = np.einsum("ij,ijk->kj", g_s, word - bit)  # the current of a bit line is that of its cells
    return result


def voltages(g_s: Floats, r_wl: float, r_bl: float, **ends: Any) -> tuple[Floats, Floats]:
    """Return the word-line and bit-line voltages (R, C, R) per volt at each driver, by sparse nodal analysis."""
    rows, cols = g_s.shape
    edges, count = resistors(g_s, r_wl, r_bl, **ends)
    name = np.arange(count)
    for a, b, g in edges:  # terminals have the highest numbers and keep their names
        if np.isinf(g):
            low, high = sorted((name[a], name[b]))
            name[name == low] = high
    fixed = np.unique(name[2 * rows * cols :])
    matrix = sp.lil_matrix((count, count))
    for a, b, g in edges:
        if np.isfinite(g) and name[a] != name[b]:
            p, q = name[a], name[b]
            matrix[p, p] += g
            matrix[q, q] += g
            matrix[p, q] -= g
            matrix[q, p] -= g
    full = matrix.tocsc()
    free = np.setdiff1d(np.unique(name), fixed)
    volts = np.zeros((count, rows))
    volts[2 * rows * cols : 2 * rows * cols + rows] = np.eye(rows)
    if free.size:
        inner = full[free][:, free] + 1e-30 * sp.identity(free.size, format="csc")  # open nodes
        driven: Any = np.asarray(full[free][:, fixed] @ volts[fixed])
        volts[free] = splu(inner.tocsc()).solve(-driven)
    volts = volts[name].reshape(count, rows)
    word = volts[: rows * cols].reshape(rows, cols, rows)
    bit = volts[rows * cols : 2 * rows * cols].reshape(rows, cols, rows)
    return word, bit
