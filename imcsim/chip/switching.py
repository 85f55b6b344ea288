"""What serving another learned task costs: its masks are loaded, and cells that hold other weights for it rewritten.

Most methods serve all tasks with one network, masked or not: there is nothing to switch. Methods that must be told the
task load its masks; those that give a task weights of its own (an element mask that cells hold, re-programmed PEs, side
paths) rewrite, at every switch, the cells whose level differs between the two tasks. The figures are means over
switches between consecutive tasks of the stream, there and back (A, B, A).

Shape letters: F placement phases, T tasks, P PEs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank, Placed
from imcsim.chip.profile import TileProfile
from imcsim.core.charge import Charge, Charges, tree_of
from imcsim.core.cost import Breakdown
from imcsim.trace.trace import Trace, transition_counts

Ints = NDArray[np.int64]

_SAID = "cells whose level differs between consecutive tasks, mean of both ways"
_FIELDS = ("codes", "switched_layers")


@dataclass(frozen=True)
class Switch:
    """One mean task switch: charges (J); rewritten cells by memory, copies included; seconds."""

    charges: Charges
    nonvolatile_cells: float
    volatile_cells: float
    time_s: float

    @property
    def energy(self) -> Breakdown:
        """Joules, as a tree."""
        return tree_of(self.charges)

    @property
    def rewritten_cells(self) -> float:
        """Cells rewritten in either memory."""
        return self.nonvolatile_cells + self.volatile_cells


def switch(placed: Placed) -> Switch:
    """Return the mean task switch.

    Weights that serve from a memory that keeps them are rewritten there, with write-verify pulses and wear. Residents
    of a hybrid come with the masks (their bits are among ``mask_bits``), other weights of a chip without such a memory
    from DRAM. Time: bits at DRAM's bandwidth; rows with a changed cell one after the other in each PE, as many PEs at
    once as the memory allows.
    """
    chip, bits = placed.chip, switched_mask_bits(placed.trace)
    keeps, loses = placed.switched
    said, fields = "bits of a task's masks, mean over tasks", ("mask_bits",)
    charges = [
        Charge("mask_dram", bits, "bits", said, fields, chip.dram.energy_price()),
        Charge("mask_write", bits, "bits", said, fields, chip.buffer.write_price()),
    ]
    cells, seconds = {True: 0.0, False: 0.0}, [0.0]
    for bank in placed.banks:
        layers = loses if bank.memory.volatile else keeps
        if layers:
            written, each = _rewritten(bank, layers)
            cells[bank.memory.volatile] = written
            seconds.append(_seconds(bank, layers))
            charges += [each] if written else []
    from_dram = dram_weights(placed) * chip.weight_bits
    if from_dram:
        moved = "weights that differ between consecutive tasks x weight_bits"
        charges.append(Charge("weights_dram", from_dram, "bits", moved, _FIELDS, chip.dram.energy_price()))
    took = (bits + from_dram) / chip.dram.bandwidth_bits_per_s + max(seconds)
    return Switch(tuple(charges), cells[False], cells[True], took)


def switched_mask_bits(trace: Trace) -> float:
    """Return the bits of masks that a switch loads, mean over tasks; 0 where one network serves all tasks."""
    if not trace.meta.told_task:
        return 0.0
    return float(trace.task_counts["mask_bits"][list(trace.meta.last_phases)].mean())


def switch_transitions(profile: TileProfile, layers: Sequence[str]) -> Ints:
    """Return (2 (T - 1), levels, levels): transitions of each switch between consecutive tasks, there and back.

    Those of copies that a mapping rule makes are among them.
    """
    encoding, trace, both = profile.geometry.encoding, profile.trace, []
    for first, second in pairs_of(trace):
        there = np.zeros((encoding.level_count, encoding.level_count), dtype=np.int64)
        for name in layers:
            levels = encoding.levels(trace.codes[name][[first, second]]).astype(np.int64)
            copies = profile.layout.copies[trace.layer_index[name]]
            there += transition_counts(levels[:, 0], levels[:, 1], encoding.level_count) * copies
        both += [there, there.T]
    return np.stack(both)


def pairs_of(trace: Trace) -> list[tuple[int, int]]:
    """Return the commits of each two consecutive tasks."""
    return list(pairwise(end + 1 for end in trace.meta.last_phases))


def switch_cells(profile: TileProfile, layers: Sequence[str]) -> tuple[Ints, Ints]:
    """Return (T - 1, P) cells rewritten in each PE, and rows with such a cell, for each pair of consecutive tasks."""
    mine = np.isin(profile.grid.layer, [profile.trace.layer_index[name] for name in layers])
    cells = np.stack([profile.changes_between(a, b) * mine for a, b in pairs_of(profile.trace)])
    rows = np.stack([profile.rows_between(a, b) * mine for a, b in pairs_of(profile.trace)])
    return cells, rows


def dram_weights(placed: Placed) -> float:
    """Return the weights that a switch brings from DRAM, beside masks: those of a chip that keeps no others."""
    trace = placed.trace
    own = [name for name in placed.switched[1] if name not in trace.meta.resident_layers]
    if placed.nonvolatile is not None or not own:
        return 0.0
    moved = [sum(int((trace.codes[n][a] != trace.codes[n][b]).sum()) for n in own) for a, b in pairs_of(trace)]
    return float(np.mean(moved))


def _rewritten(bank: Bank, layers: Sequence[str]) -> tuple[float, Charge]:
    """Cells that one switch rewrites, copies included, and their charge."""
    leaf, each = bank.sheet.write_leaf, bank.sheet.write.also("input_gradient")
    cells = float(switch_cells(bank.profile, layers)[0].sum(axis=1).mean()) * bank.copies
    if np.ndim(each.value) == 0:
        return cells, Charge(leaf, cells, "cell writes", _SAID, _FIELDS, each)
    table = switch_transitions(bank.profile, layers).mean(axis=0) * bank.copies
    return cells, Charge(leaf, table[None], "programming events", _SAID, _FIELDS, each)


def _seconds(bank: Bank, layers: Sequence[str]) -> float:
    cells, rows = switch_cells(bank.profile, layers)
    each = bank.memory.write_time(bank.site, bank.merged(cells), bank.merged(rows.astype(np.float64)))
    return float(each.cost.mean())
