"""How many cells were written how often, over a stream and at its task switches: what a life follows from.

Shape letters: M different counts, T tasks, F placement phases, P PEs, L layers, K cells per weight, G
groups, D fan-in, N outputs.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.cell_counts import cells_by_count
from imcsim.chip.placed import Bank, Placed
from imcsim.chip.switching import pairs_of
from imcsim.chip.wear.recording import layer_wear
from imcsim.chip.writes import Commit
from imcsim.crossbar.encoding import Encoding
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class CellWrites:
    """Cells of one memory, sorted by how often they are written.

    Parameters
    ----------
    events
        (M,) programming events of a cell while the stream is learned.
    switches
        (M,) of the switches between consecutive tasks of the stream, how many rewrite the cell.
    counts
        (M,) cells that have both, copies included.
    cells
        All cells that hold a weight, copies and cells that are never written included.
    tasks
        T.
    """

    events: Ints
    switches: Floats
    counts: Ints
    cells: int
    tasks: int

    @property
    def worst(self) -> int:
        """Events of the most written cell over the stream, switches apart."""
        return int(self.events.max(initial=0))

    def per_task(self, switches_per_task: float) -> Floats:
        """(M,) programming events of a cell per task, with ``switches_per_task`` mean task switches for each."""
        return self.events / self.tasks + switches_per_task * self.switches / max(1, self.tasks - 1)


def cell_writes(placed: Placed, bank: Bank, commits: tuple[Commit, ...]) -> CellWrites:
    """Return how often the cells of ``bank``, which keeps its weights, are written.

    Kept with the trace until placement or commits differ. It counts what
    :func:`imcsim.chip.wear.recording.wear_ledger` counts. Layers whose PEs are all written in one way take the
    histogram of their profile, the others are counted cell by cell.
    """
    trace = placed.trace
    switched = placed.switched[0]
    written = np.packbits(bank.trains).tobytes()
    moved = tuple((c.phase, c.first, c.last, np.packbits(c.pes).tobytes()) for c in commits)
    policy, copies = bank.memory.write_policy, bank.copies
    key: Hashable = ("cell-writes", bank.layout.key, policy, copies, written, moved, switched)
    found = trace.cache.get(key)
    if not isinstance(found, CellWrites):
        each = [_layer(placed, bank, commits, layer, switched) for layer in range(len(trace.meta.layers))]
        tables = [table * more for table, more in zip(each, bank.layout.copies, strict=True)]
        found = joined(tables * copies, int(bank.grid.cells.sum()) * copies, trace.meta.tasks)
        trace.cache[key] = found
    return found


def counted(events: NDArray[np.integer], switches: NDArray[np.integer] | None) -> Ints:
    """Return (events, switches) -> cells: a table of how many cells have each pair of counts, of two equal shapes."""
    if switches is None:
        return cells_by_count(events)[:, None]
    width = int(switches.max(initial=0)) + 1
    pairs = events.astype(np.int64) * width + switches
    height = int(events.max(initial=0)) + 1
    return np.bincount(pairs.ravel(), minlength=height * width).reshape(height, width)


def joined(tables: Sequence[Ints], cells: int, tasks: int, in_force: float = 1.0) -> CellWrites:
    """Add tables of (events, switches) up, each of other cells; what is never written is left out of the counts.

    ``in_force`` is the share of switches that reach a cell, where several copies take turns.
    """
    shape = tuple(max(table.shape[axis] for table in tables) for axis in (0, 1))
    total = np.zeros(shape, np.int64)
    for table in tables:
        total[: table.shape[0], : table.shape[1]] += table
    total[0, 0] = 0
    events, switches = np.nonzero(total)
    return CellWrites(events, switches * np.float64(in_force), total[events, switches], cells, tasks)


def switch_counts(trace: Trace, encoding: Encoding, layer: str) -> NDArray[np.uint16]:
    """Return (K, G, D, N): how many of the T - 1 switches between consecutive tasks rewrite each cell of ``layer``."""
    levels = encoding.levels(trace.codes[layer])  # (K, F + 1, G, D, N)
    total = np.zeros(levels[:, 0].shape, np.uint16)
    for first, second in pairs_of(trace):
        total += levels[:, first] != levels[:, second]
    return total


def _layer(placed: Placed, bank: Bank, commits: tuple[Commit, ...], layer: int, switched: tuple[str, ...]) -> Ints:
    grid = bank.grid
    name, span = placed.trace.meta.layers[layer].name, grid.layer_slices[layer]
    if name in switched:
        wear = layer_wear(bank, commits, layer)
        return counted(wear.events, switch_counts(placed.trace, grid.geometry.encoding, name))
    in_place = bank.trains[:, span].any()
    committed = any(commit.pes[span].any() for commit in commits)
    if not in_place and not committed:
        return np.array([[int(grid.cells[span].sum())]])
    elsewhere, homed = bank.elsewhere[:, span], bank.homed[:, span]
    policy, meta = bank.memory.write_policy, placed.trace.meta
    by_phase = policy != "task" or len(meta.phase_tasks) == meta.tasks  # else cells are written over several phases
    if in_place and by_phase and not elsewhere.any():
        return bank.in_place.cells[layer][:, None]
    if not in_place and np.array_equal(homed, elsewhere) and all(c.whole for c in commits if c.pes[span].any()):
        return bank.by_task.cells[layer][:, None]
    return counted(layer_wear(bank, commits, layer).events, None)
