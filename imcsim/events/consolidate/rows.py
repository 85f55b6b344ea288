"""The row writes of a consolidation: which rows of which PEs, how many cells of each, at what energy and time.

Shape letters: K cells per weight, G groups, D fan-in, N outputs, W row writes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank
from imcsim.events.consolidate.memory import Levels, Mask, Memory

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Row writes by PE, then row, each (W,): ``cells`` whose level changes, and their programming energy (J)."""

    pe: Ints
    row: Ints
    cells: Ints
    energy_j: Floats

    @property
    def count(self) -> int:
        """W."""
        return len(self.pe)


def rows_to_write(memory: Memory, copies: NDArray[np.int64], target: Levels, pes: Mask, bank: Bank) -> Rows:
    """Return the rows of ``pes`` (P,) in which a cell of copy ``copies`` (P,) is not at the level of ``target``."""
    energies = event_energies_j(bank)
    geometry, found = memory.grid.geometry, []
    copy_of = {spec.name: mask for spec, mask in memory.spread(copies)}
    for spec, span in zip(memory.layers, memory.grid.layer_slices, strict=True):
        held = memory.copies[0][spec.name]
        if copy_of[spec.name].any():
            held = np.where(copy_of[spec.name] == 1, memory.copies[1][spec.name], held)
        new, starts = target[spec.name], np.arange(0, spec.outputs, geometry.weight_cols)
        cells = np.add.reduceat((held != new).sum(axis=0), starts, axis=2)
        joules = np.add.reduceat(energies[held, new].sum(axis=0), starts, axis=2)
        group, row, col = np.nonzero(cells)
        tiles = geometry.tiles(spec.fan_in, spec.outputs)
        pe = span.start + (group * tiles[0] + row // geometry.weight_rows) * tiles[1] + col
        kept = pes[pe]
        at = group[kept], row[kept], col[kept]
        found.append((pe[kept], row[kept] % geometry.weight_rows, cells[at], joules[at]))
    pe, row, cells, joules = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((row, pe))
    return Rows(pe[order], row[order], cells[order], joules[order])


def event_energies_j(bank: Bank) -> Floats:
    """Return (levels, levels): joules of one level change of a cell of ``bank``, 0 where the level stays."""
    levels = bank.site.geometry.encoding.level_count
    each = np.broadcast_to(np.asarray(bank.sheet.write.value, dtype=np.float64), (levels, levels))
    return np.asarray(np.where(np.eye(levels, dtype=bool), 0.0, each), dtype=np.float64)


def row_times_s(cells: Ints, bank: Bank, generator: np.random.Generator | None = None) -> Floats:
    """(W,) seconds of rows of ``cells`` (W,) cells each: expected, or drawn where the memory's rows vary."""
    if generator is not None:
        return bank.memory.drawn_rows_s(bank.site, cells, generator)
    (seconds,) = bank.memory.pe_write_s(bank.site, cells.astype(np.float64)[None], np.ones((1, len(cells))))
    return np.asarray(seconds, dtype=np.float64)
