"""What serving another learned task costs: its masks are loaded, and cells that hold other weights for it rewritten.

Most methods share one set of weights among all tasks; a switch then moves masks alone. Methods that give a task weights
of its own (an element mask that cells hold, re-programmed PEs) rewrite, at every switch, the cells whose level differs
between the two tasks. The figures are means over switches between consecutive tasks of the stream, there and back
(A, B, A).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.profile import profile_of
from imcsim.core.cost import Breakdown
from imcsim.crossbar.encoding import Encoding
from imcsim.devices.programming import programming_energy_j, row_write_time_s
from imcsim.trace.trace import Trace, transition_counts

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Switch:
    """One task switch: energy tree (J), cells rewritten in the memory that serves, seconds, bits of masks loaded."""

    energy: Breakdown
    rewritten_cells: float
    time_s: float
    mask_bits: float


def switch(trace: Trace, chip: ChipConfig) -> Switch:
    """Return the mean task switch of ``trace`` on ``chip``.

    Where the chip has RRAM the weights are served from it, so that RRAM is rewritten, with its write-verify pulses and
    wear; else SRAM is, from DRAM. Time: mask bits at DRAM's bandwidth; rows with a changed cell one after the other in
    each PE, ``parallel_write_pes`` RRAM PEs at once.
    """
    bits = float(trace.task_counts["mask_bits"].mean())
    energy: dict[tuple[str, ...], float] = {
        ("mask_dram",): bits * chip.dram.energy_j,
        ("mask_write",): bits * chip.buffer.write_energy_j,
    }
    seconds = bits / chip.dram.bandwidth_bits_per_s
    if not trace.meta.switched_layers or trace.meta.tasks < 2:
        return Switch(Breakdown(energy), 0.0, seconds, bits)
    copies = 2 if chip.input_gradient == "second-copy" else 1
    rewrite = _rram if chip.rram is not None else _sram
    cells, joules, more_s = rewrite(trace, chip)
    name = "rram_program" if chip.rram is not None else "sram_write"
    energy[(name,)] = joules * copies
    if chip.rram is None:
        weights = _changed_weights(trace)
        energy[("weights_dram",)] = weights * chip.weight_bits * chip.dram.energy_j
        seconds += weights * chip.weight_bits / chip.dram.bandwidth_bits_per_s
    return Switch(Breakdown(energy), cells * copies, seconds + more_s, bits)


def _rram(trace: Trace, chip: ChipConfig) -> tuple[float, float, float]:
    part, geometry = chip.rram, chip.rram_geometry
    if part is None or geometry is None:
        raise ValueError("the chip has no RRAM")
    tables = _transitions(trace, geometry.encoding)
    joules = float(np.sum(programming_energy_j(tables, part.cell, part.cell_bits, part.write_rule))) / len(tables)
    cells, rows = _events_and_rows(trace, chip)
    together = np.divide(cells, rows, out=np.ones(rows.shape), where=rows > 0)
    busy = rows * row_write_time_s(part.cell, part.cell_bits, np.maximum(together, 1.0))
    slowest = np.maximum(busy.max(axis=1), busy.sum(axis=1) / part.parallel_write_pes)
    return float(cells.sum(axis=1).mean()), joules, float(slowest.mean())


def _sram(trace: Trace, chip: ChipConfig) -> tuple[float, float, float]:
    part = chip.sram
    if part is None:
        raise ValueError("the chip has no SRAM")
    cells, rows = _events_and_rows(trace, chip)
    total = float(cells.sum(axis=1).mean())
    return total, total * part.cell.write_energy_j, float(rows.max(axis=1).mean()) * part.cell.write_time_s


def _transitions(trace: Trace, encoding: Encoding) -> Ints:
    """Return (2 (T - 1), levels, levels): transitions of each switch between consecutive tasks, there and back."""
    both = []
    for first, second in pairwise(range(1, trace.meta.tasks + 1)):
        there = np.zeros((encoding.level_count, encoding.level_count), dtype=np.int64)
        for name in trace.meta.switched_layers:
            levels = encoding.levels(trace.codes[name][[first, second]]).astype(np.int64)
            there += transition_counts(levels[:, 0], levels[:, 1], encoding.level_count)
        both += [there, there.T]
    return np.stack(both)


def _events_and_rows(trace: Trace, chip: ChipConfig) -> tuple[Ints, Ints]:
    """Return (T - 1, P) cells rewritten in each PE, and rows with such a cell, for each pair of consecutive tasks."""
    profile = profile_of(trace, chip.geometry)
    index = [trace.layer_index[name] for name in trace.meta.switched_layers]
    switched = np.isin(profile.grid.layer, index)
    pairs = list(pairwise(range(1, trace.meta.tasks + 1)))
    cells = np.stack([profile.changes_between(a, b) * switched for a, b in pairs])
    rows = np.stack([profile.rows_between(a, b) * switched for a, b in pairs])
    return cells, rows


def _changed_weights(trace: Trace) -> float:
    pairs = list(pairwise(range(1, trace.meta.tasks + 1)))
    changed = [
        sum(int((trace.codes[name][a] != trace.codes[name][b]).sum()) for name in trace.meta.switched_layers)
        for a, b in pairs
    ]
    return float(np.mean(changed))
