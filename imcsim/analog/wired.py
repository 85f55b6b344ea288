"""The cells of PEs as their drivers and sense ends see them, through the resistance of the lines.

Shape letters: R rows, N outputs, K cells per weight, Q pairs of replica columns of all PEs side by side.
"""

import numpy as np

from imcsim.analog.cells import Floats
from imcsim.crossbar.replicas import PAIR, ReplicaPlaces
from imcsim.crossbar.wires.effective import effective_conductance


def with_wires(cells_s: Floats, weight_cols: int, r_wl_ohm: float, r_bl_ohm: float) -> Floats:
    """Return the effective conductances of the PEs in one row of PEs, cells (R, N, K) in S.

    Weights fill a PE from its drivers and from its sense ends; lines beyond the last cell carry no current.
    ``r_wl_ohm``, ``r_bl_ohm`` (ohm) are those of a line from one cell to the next.
    """
    rows, outputs, cells = cells_s.shape
    whole = outputs // weight_cols * weight_cols
    result = np.empty_like(cells_s)
    for first, last, width in ((0, whole, weight_cols), (whole, outputs, outputs - whole)):
        if last == first:
            continue
        # PEs side by side become a batch of arrays (R, C), and their outputs side by side again below
        arrays = cells_s[:, first:last].reshape(rows, -1, width * cells).swapaxes(0, 1)
        effective = effective_conductance(np.ascontiguousarray(arrays, dtype=np.float64), r_wl_ohm, r_bl_ohm)
        result[:, first:last] = effective.swapaxes(0, 1).reshape(rows, last - first, cells)
    return result


def with_wires_and_replicas(
    cells_s: Floats, replicas_s: Floats, places: ReplicaPlaces, r_wl_ohm: float, r_bl_ohm: float
) -> tuple[Floats, Floats]:
    """Return the same of PEs with replica columns (R, Q, 2) among the columns of their weights; and of these columns.

    Columns of pairs that no output of a PE uses stay as they are.
    """
    rows, outputs, cells = cells_s.shape
    found, beside = np.empty_like(cells_s), replicas_s.copy()
    for pe in range(-(-outputs // places.weight_cols)):
        mine = slice(pe * places.weight_cols, min((pe + 1) * places.weight_cols, outputs))
        width = mine.stop - mine.start
        pairs = slice(pe * places.pairs, pe * places.pairs + places.used(width))
        flat = [cells_s[:, mine].reshape(rows, -1), replicas_s[:, pairs].reshape(rows, -1)]
        order = places.order(width, cells)
        seen = np.empty((rows, len(order)))
        arrays = np.ascontiguousarray(np.concatenate(flat, axis=1)[:, order], dtype=np.float64)
        seen[:, order] = effective_conductance(arrays, r_wl_ohm, r_bl_ohm)
        found[:, mine] = seen[:, : width * cells].reshape(rows, width, cells)
        beside[:, pairs] = seen[:, width * cells :].reshape(rows, -1, PAIR)
    return found, beside
