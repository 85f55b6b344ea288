"""Power goes in the middle of a consolidation: what RRAM holds then.

Rows whose write has ended are new. A row being written is torn: of its cells that change, as large a share as has gone
of its time (half of them in the middle) is at the new level, the others are at the old one; which ones is drawn, or by
default the first in order of slice, then output (design choice: cells of a row are pulsed together and end in an order
that no source gives). SRAM, buffer and DRAM lose everything.

Shape letters: K cells per weight, G groups, D fan-in, N outputs, P PEs, W row writes.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import EventsError
from imcsim.events.consolidate.graph import Consolidation
from imcsim.events.consolidate.memory import UNSETTLED, Memory, Records
from imcsim.events.schedule import Schedule

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Writes = NDArray[np.bool_] | Ints


def power_cut(
    found: Consolidation, schedule: Schedule, at_s: float, generator: np.random.Generator | None = None
) -> Memory:
    """Return what RRAM holds if power goes ``at_s`` after the consolidation began.

    Parameters
    ----------
    schedule
        A run of ``found.graph``.
    at_s
        0 to the end of the consolidation (s). What ends at this very time is done.
    generator
        Draws which cells of a torn row are new.

    Raises
    ------
    EventsError
        For a time outside, or a schedule of another graph.
    """
    if schedule.graph is not found.graph:
        raise EventsError("the schedule is of another consolidation")
    if not 0 <= at_s <= schedule.makespan_s:
        raise EventsError(f"the consolidation lasts from 0 to {schedule.makespan_s:g} s, and the cut is at {at_s:g} s")
    start, end = schedule.start_s[found.row_tasks], schedule.end_s[found.row_tasks]
    copies = tuple(_done(found, copy, end <= at_s) for copy in range(len(found.before.copies)))
    for write in np.flatnonzero((start < at_s) & (at_s < end)):
        share = float((at_s - start[write]) / (end[write] - start[write]))
        _tear(found, copies, int(write), share, generator)
    return replace(found.before, copies=copies, records=_records(found, schedule, at_s))


def _places(found: Consolidation, layer: int, writes: Writes) -> tuple[Ints, Ints, Ints]:
    """(W,) group, row and column tile in the weight matrix of ``layer`` of row writes that all lie in it."""
    grid, spec = found.before.grid, found.before.layers[layer]
    down, across = grid.geometry.tiles(spec.fan_in, spec.outputs)
    group, tile = np.divmod(found.rows.pe[writes] - grid.layer_slices[layer].start, down * across)
    return group, tile // across * grid.geometry.weight_rows + found.rows.row[writes], tile % across


def _done(found: Consolidation, copy: int, done: NDArray[np.bool_]) -> dict[str, Bytes]:
    """Return fresh levels of ``copy``, those of the target in the rows that are ``done`` (W,)."""
    grid, after = found.before.grid, {}
    mine = done & (found.copies[found.rows.pe] == copy)
    for layer, spec in enumerate(found.before.layers):
        groups, fan_in, outputs = spec.matrix_shape
        tiles = np.arange(0, outputs, grid.geometry.weight_cols)
        rows = np.zeros((groups, fan_in, len(tiles)), dtype=bool)
        rows[_places(found, layer, mine & (grid.layer[found.rows.pe] == layer))] = True
        weights = np.repeat(rows, np.diff(np.append(tiles, outputs)), axis=2)
        after[spec.name] = np.where(weights, found.target[spec.name], found.before.copies[copy][spec.name])
    return after


def _tear(
    found: Consolidation, copies: tuple[dict[str, Bytes], ...], write: int, share: float,
    generator: np.random.Generator | None,
) -> None:  # fmt: skip
    """Write ``share`` of the cells that row ``write`` changes."""
    grid, pe = found.before.grid, int(found.rows.pe[write])
    layer = int(grid.layer[pe])
    name, width = found.before.layers[layer].name, grid.geometry.weight_cols
    (group,), (row,), (tile,) = _places(found, layer, np.array([write]))
    at = (slice(None), group, row, slice(tile * width, tile * width + int(grid.outputs[pe])))
    torn, new = copies[int(found.copies[pe])][name][at], found.target[name][at]  # a view: what it gets is kept
    changing = np.argwhere(torn != new)
    if generator is not None:
        changing = generator.permutation(changing)
    cell, output = changing[: int(share * len(changing))].T
    torn[cell, output] = new[cell, output]


def _records(found: Consolidation, schedule: Schedule, at_s: float) -> Records | None:
    old = found.before.records
    if old is None or found.mark_task is None:
        return old
    maps, marks, slot = old.maps.copy(), old.marks.copy(), old.next_slot()
    new, width = found.before.valid() ^ found.pes, found.before.grid.geometry.cols
    for task, first in found.map_tasks:
        began, ended = float(schedule.start_s[task]), float(schedule.end_s[task])
        if began < at_s:
            changing = first + np.flatnonzero((maps[slot] != new)[first : first + width])
            share = 1.0 if ended <= at_s else (at_s - began) / (ended - began)
            done = changing[: int(share * len(changing))]
            maps[slot, done] = new[done]
    if schedule.end_s[found.mark_task] <= at_s:
        marks[slot] ^= 1
    elif schedule.start_s[found.mark_task] < at_s:
        marks[slot] = UNSETTLED
    return Records(maps, marks)
