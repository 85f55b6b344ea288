"""What serving another learned task costs: its masks are loaded, and cells that hold other weights for it rewritten.

Most methods serve all tasks with one network, masked or not: there is nothing to switch. Methods that must be told the
task load its masks; those that give a task weights of its own (an element mask that cells hold, re-programmed PEs, side
paths) rewrite, at every switch, the cells whose level differs between the two tasks. The figures are means over
switches between consecutive tasks of the stream, there and back (A, B, A).

Shape letters: T tasks, P PEs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.profile import profile_of
from imcsim.core.cost import Breakdown
from imcsim.devices.programming import programming_energy_j, row_write_time_s
from imcsim.mapping.geometry import PeGeometry
from imcsim.trace.trace import Trace, transition_counts

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Switch:
    """One task switch: energy tree (J), cells rewritten by memory, seconds, bits of masks loaded."""

    energy: Breakdown
    rram_cells: float
    sram_cells: float
    time_s: float
    mask_bits: float

    @property
    def rewritten_cells(self) -> float:
        """Cells rewritten in either memory."""
        return self.rram_cells + self.sram_cells


def switch(trace: Trace, chip: ChipConfig) -> Switch:
    """Return the mean task switch of ``trace`` on ``chip``.

    Weights that serve from RRAM are rewritten there, with write-verify pulses and wear. Residents of a hybrid's SRAM
    come with the masks (their bits are among ``mask_bits``), other weights of a chip without RRAM from DRAM. Time: bits
    at DRAM's bandwidth; rows with a changed cell one after the other in each PE, ``parallel_write_pes`` RRAM PEs at
    once.
    """
    bits = switched_mask_bits(trace)
    from_dram = dram_weights(trace, chip) * chip.weight_bits
    rram, rram_j, rram_s = _rram(trace, chip)
    sram, sram_s = _sram(trace, chip)
    energy: dict[tuple[str, ...], float] = {
        ("mask_dram",): bits * chip.dram.energy_j,
        ("mask_write",): bits * chip.buffer.write_energy_j,
    }
    if rram:
        energy[("rram_program",)] = rram_j
    if sram and chip.sram is not None:
        energy[("sram_write",)] = sram * chip.sram.cell.write_energy_j
    if from_dram:
        energy[("weights_dram",)] = from_dram * chip.dram.energy_j
    seconds = (bits + from_dram) / chip.dram.bandwidth_bits_per_s + max(rram_s, sram_s)
    return Switch(Breakdown(energy), rram, sram, seconds, bits)


def switched_mask_bits(trace: Trace) -> float:
    """Return the bits of masks that a switch loads, mean over tasks; 0 where one network serves all tasks."""
    return float(trace.task_counts["mask_bits"].mean()) if trace.meta.told_task else 0.0


def switched_in(trace: Trace, chip: ChipConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the layers whose RRAM, and whose SRAM, a switch rewrites."""
    switched, resident = trace.meta.switched_layers, trace.meta.resident_layers
    if trace.meta.tasks < 2 or chip.rram is None:
        return (), switched if trace.meta.tasks > 1 else ()
    stays = set(resident) if chip.sram is not None else set()
    return tuple(n for n in switched if n not in stays), tuple(n for n in switched if n in stays)


def switch_transitions(trace: Trace, geometry: PeGeometry, layers: Sequence[str]) -> Ints:
    """Return (2 (T - 1), levels, levels): transitions of each switch between consecutive tasks, there and back."""
    encoding, both = geometry.encoding, []
    for first, second in pairs_of(trace):
        there = np.zeros((encoding.level_count, encoding.level_count), dtype=np.int64)
        for name in layers:
            levels = encoding.levels(trace.codes[name][[first, second]]).astype(np.int64)
            there += transition_counts(levels[:, 0], levels[:, 1], encoding.level_count)
        both += [there, there.T]
    return np.stack(both)


def pairs_of(trace: Trace) -> list[tuple[int, int]]:
    """Return the commits of each two consecutive tasks."""
    return list(pairwise(range(1, trace.meta.tasks + 1)))


def switch_cells(trace: Trace, geometry: PeGeometry, layers: Sequence[str]) -> tuple[Ints, Ints]:
    """Return (T - 1, P) cells rewritten in each PE, and rows with such a cell, for each pair of consecutive tasks."""
    profile = profile_of(trace, geometry)
    mine = np.isin(profile.grid.layer, [trace.layer_index[name] for name in layers])
    cells = np.stack([profile.changes_between(a, b) * mine for a, b in pairs_of(trace)])
    rows = np.stack([profile.rows_between(a, b) * mine for a, b in pairs_of(trace)])
    return cells, rows


def dram_weights(trace: Trace, chip: ChipConfig) -> float:
    """Return the weights that a switch brings from DRAM, beside masks: those of a chip that keeps no others."""
    _, in_sram = switched_in(trace, chip)
    own = [name for name in in_sram if name not in trace.meta.resident_layers]
    if chip.rram is not None or not own:
        return 0.0
    moved = [sum(int((trace.codes[n][a] != trace.codes[n][b]).sum()) for n in own) for a, b in pairs_of(trace)]
    return float(np.mean(moved))


def _copies(chip: ChipConfig) -> int:
    return 2 if chip.input_gradient == "second-copy" else 1


def _rram(trace: Trace, chip: ChipConfig) -> tuple[float, float, float]:
    part, geometry = chip.rram, chip.rram_geometry
    layers, _ = switched_in(trace, chip)
    if part is None or geometry is None or not layers:
        return 0.0, 0.0, 0.0
    tables = switch_transitions(trace, geometry, layers)
    joules = float(np.sum(programming_energy_j(tables, part.cell, part.cell_bits, part.write_rule))) / len(tables)
    cells, rows = switch_cells(trace, geometry, layers)
    together = np.divide(cells, rows, out=np.ones(rows.shape), where=rows > 0)
    busy = rows * row_write_time_s(part.cell, part.cell_bits, np.maximum(together, 1.0))
    slowest = np.maximum(busy.max(axis=1), busy.sum(axis=1) / part.parallel_write_pes)
    copies = _copies(chip)
    return float(cells.sum(axis=1).mean()) * copies, joules * copies, float(slowest.mean())


def _sram(trace: Trace, chip: ChipConfig) -> tuple[float, float]:
    part, geometry = chip.sram, chip.sram_geometry
    _, layers = switched_in(trace, chip)
    if part is None or geometry is None or not layers:
        return 0.0, 0.0
    cells, rows = switch_cells(trace, geometry, layers)
    return float(cells.sum(axis=1).mean()) * _copies(chip), float(rows.max(axis=1).mean()) * part.cell.write_time_s
