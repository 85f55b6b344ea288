"""The row writes of a consolidation: which rows of which PEs, how many cells of each, at what energy and time.

Shape letters: K cells per weight, G groups, D fan-in, N outputs, W row writes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import RramPart
from imcsim.devices.programming import event_energies_j, row_write_time_s
from imcsim.devices.pulses import lognormal_parameters
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


def rows_to_write(memory: Memory, copies: NDArray[np.int64], target: Levels, pes: Mask, part: RramPart) -> Rows:
    """Return the rows of ``pes`` (P,) in which a cell of copy ``copies`` (P,) is not at the level of ``target``."""
    energies = event_energies_j(part.cell, part.cell_bits, part.write_rule)
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


def row_times_s(cells: Ints, part: RramPart, generator: np.random.Generator | None = None) -> Floats:
    """(W,) seconds of rows of ``cells`` (W,) cells each: expected, or drawn as in :mod:`imcsim.events.row_writes`.

    A drawn row is as long as the largest of its cells' pulse counts, the quantile U^(1 / n) of one.
    """
    if generator is None:
        return np.asarray(row_write_time_s(part.cell, part.cell_bits, cells.astype(np.float64)), dtype=np.float64)
    from scipy.special import ndtri  # here, so that importing the package loads no scipy

    mu, sigma = lognormal_parameters(*part.cell.pulse_statistics(part.cell_bits))
    pulses = np.exp(mu + sigma * ndtri(generator.random(len(cells)) ** (1.0 / cells)))
    return np.asarray(pulses * (part.cell.pulse_time_s + part.cell.verify_time_s), dtype=np.float64)
