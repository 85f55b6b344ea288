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
    copies = tuple({name: held.copy() for name, held in levels.items()} for levels in found.before.copies)
    start, end = schedule.start_s[found.row_tasks], schedule.end_s[found.row_tasks]
    for write in np.flatnonzero(start < at_s):
        share = 1.0 if end[write] <= at_s else float((at_s - start[write]) / (end[write] - start[write]))
        _write(found, copies, int(write), share, generator)
    return replace(found.before, copies=copies, records=_records(found, schedule, at_s))


def row_block(found: Consolidation, write: int) -> tuple[str, tuple[int, int, slice]]:
    """Return the layer and (group, row of the weight matrix, outputs) of a row write."""
    grid, pe = found.before.grid, int(found.rows.pe[write])
    layer = int(grid.layer[pe])
    spec, geometry = found.before.layers[layer], grid.geometry
    down, across = geometry.tiles(spec.fan_in, spec.outputs)
    group, tile = divmod(pe - grid.layer_slices[layer].start, down * across)
    row = tile // across * geometry.weight_rows + int(found.rows.row[write])
    first = tile % across * geometry.weight_cols
    return spec.name, (group, row, slice(first, first + int(grid.outputs[pe])))


def _write(
    found: Consolidation, copies: tuple[dict[str, Bytes], ...], write: int, share: float,
    generator: np.random.Generator | None,
) -> None:  # fmt: skip
    layer, (group, row, outputs) = row_block(found, write)
    levels = copies[int(found.copies[found.rows.pe[write]])][layer]
    new = found.target[layer][:, group, row, outputs]
    if share == 1.0:
        levels[:, group, row, outputs] = new
        return
    torn = levels[:, group, row, outputs].copy()
    changing = np.argwhere(torn != new)
    if generator is not None:
        changing = generator.permutation(changing)
    cell, output = changing[: int(share * len(changing))].T
    torn[cell, output] = new[cell, output]
    levels[:, group, row, outputs] = torn


def _records(found: Consolidation, schedule: Schedule, at_s: float) -> Records | None:
    old = found.before.records
    if old is None or found.mark_task is None:
        return old
    maps, marks, slot = old.maps.copy(), old.marks.copy(), old.next_slot()
    new, width = found.before.valid() ^ found.pes, found.work.chip.array.cols
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
