"""SRAM as a write-back cache of RRAM: a trained PE stays in SRAM until another needs its place, and is committed then.

The PEs that train in SRAM during a task are those of :mod:`imcsim.chip.assign`: all that train if they fit, else those
with the most level changes; the others train in place. What a commit policy would write at the end of each task waits
here: a PE that rests keeps its place, dirty, until it is evicted. An eviction programs the cells whose level differs
between what RRAM holds and the codes at that time, exactly. The stream repeats: across its end, a cell is written if it
differs over any of the pieces (until the end, whole streams between, from the start), by the longest move among them.

Shape letters: T tasks, P PEs, K cells per weight, G groups, D fan-in, N outputs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.area import sram_pe_area
from imcsim.chip.assign import assign
from imcsim.chip.config import ChipConfig, RramPart
from imcsim.chip.profile import TileProfile, profile_of
from imcsim.chip.read_cost import rram_read_out
from imcsim.chip.wear.ledger import WearLedger
from imcsim.chip.wear.recording import wear_ledger
from imcsim.chip.writes import rram_time_s
from imcsim.core.errors import ConfigError
from imcsim.core.units import SECONDS_PER_DAY
from imcsim.devices.programming import event_energies_j
from imcsim.life.levers.evictions import Evictions, Span, events_of, pieces, play
from imcsim.life.options import LifeOptions
from imcsim.mapping.masks import expand_pe_mask, reduce_to_pes, tile_grid
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_TASKS = 1000  # played, so that filling the cache weighs little in the means


@dataclass(frozen=True)
class CacheUse:
    """The wear with a cache and, per task with copies: PEs found in it, loaded, evicted; events, J, s; its area (m2).

    ``load_j`` reads RRAM and writes SRAM, ``commit_j`` programs RRAM at evictions, ``leakage_j`` keeps the PEs that
    are in it powered all the time. ``held_pes`` is their mean number, ``dirty_pes`` how many wait at the end.
    """

    ledger: WearLedger
    hits: float
    loads: float
    evictions: float
    events: float
    commit_j: float
    load_j: float
    leakage_j: float
    time_s: float
    area_m2: float
    held_pes: float
    dirty_pes: int


def sram_cache(trace: Trace, chip: ChipConfig, options: LifeOptions) -> CacheUse:
    """Play the stream on ``chip`` until at least 1,000 tasks have passed, its SRAM PEs a write-back cache.

    Raises
    ------
    ConfigError
        If the chip lacks RRAM or SRAM.
    """
    part, geometry, sram = chip.rram, chip.rram_geometry, chip.sram
    if part is None or geometry is None or sram is None:
        raise ConfigError(f"sram-cache needs a chip with [rram] and [sram], and '{chip.name}' has not both")
    profile, tasks = profile_of(trace, geometry), trace.meta.tasks
    where, copies = assign(profile, chip), 2 if chip.input_gradient == "second-copy" else 1
    ledger = wear_ledger(trace, chip, commits=())
    places = sram.pe_count // copies - (0 if where.resident is None else int(where.resident.sum()))
    found = play(profile, where, places, options.eviction, -(-LEAST_TASKS // tasks), part.write_policy)
    ledger.repeat(found.passes)
    ledger.expect(int(found.per_pe.max(initial=0)))
    events = _commit(ledger, profile, found)
    each = copies / ledger.tasks
    energies, charged = event_energies_j(part.cell, part.cell_bits, part.write_rule), float(chip.charge_migration)
    commit_j = float(events.sum()) * float(energies.sum() / np.count_nonzero(energies))
    cells, loaded = profile_of(trace, chip.sram_geometry or geometry).grid.cells, found.loads
    load_j = loaded @ (rram_read_out(profile.grid, chip, part) + cells * sram.cell.write_energy_j)
    array = chip.array.rows * chip.array.cols
    powered_j = array * sram.cell.leakage_w * SECONDS_PER_DAY / chip.horizon.tasks_per_day
    held = found.held / ledger.tasks * copies
    return CacheUse(
        ledger=ledger, hits=found.hits * each, loads=float(loaded.sum()) * each,
        evictions=float(found.per_pe.sum()) * each, events=float(events.sum()) * each,
        commit_j=commit_j * each * charged, load_j=float(load_j) * each * charged, leakage_j=held * powered_j,
        time_s=_seconds(found, profile, part) / ledger.tasks,
        area_m2=sram.pe_count * sum(sram_pe_area(chip, sram).values()), held_pes=held,
        dirty_pes=int(found.dirty) * copies,
    )  # fmt: skip


def _commit(ledger: WearLedger, profile: TileProfile, found: Evictions) -> Ints:
    """Add all evictions to ``ledger`` and return (P,) their programming events."""
    events = np.zeros(profile.grid.count, np.int64)
    for (spec, wear), span in zip(ledger, profile.grid.layer_slices, strict=True):
        tile = (ledger.geometry.weight_rows, ledger.geometry.weight_cols)
        for covered, times in found.spans.items():
            if not times[span].any():
                continue
            moved = _moved(profile, spec.name, covered)
            grid = times[span].reshape(tile_grid(spec.matrix_shape, tile))
            amount = expand_pe_mask(grid, spec.matrix_shape, tile)
            hit = (moved > 0) * amount
            wear.events += hit.astype(np.uint32)
            wear.full += ((moved == len(wear.distances) - 1) * amount).astype(np.float32)
            counted = np.bincount(moved.ravel(), weights=np.broadcast_to(amount, moved.shape).ravel().astype(float))
            wear.distances[1 : len(counted)] += counted[1:]
            events[span] += reduce_to_pes(hit.sum(axis=0), tile).ravel()
    return events


def _moved(profile: TileProfile, layer: str, span: Span) -> Ints:
    """(K, G, D, N): levels that each cell moves at an eviction, the largest over the pieces of its span."""
    encoding, codes = profile.geometry.encoding, profile.trace.codes[layer]
    moved = np.zeros(encoding.levels(codes[0]).shape, np.int64)
    for piece in pieces(span, profile.trace.meta.tasks):
        before, after = (encoding.levels(codes[at]).astype(np.int64) for at in piece)
        np.maximum(moved, np.abs(after - before), out=moved)
    return moved


def _seconds(found: Evictions, profile: TileProfile, part: RramPart) -> float:
    """Seconds that all evictions take, those of one task at the same time."""
    total = 0.0
    for moment, times in found.moments.items():
        events = np.zeros(profile.grid.count, np.int64)
        for span, pes in moment:
            events[list(pes)] += events_of(profile, span)[list(pes)]
        rows = np.minimum(events, profile.grid.rows).astype(float)
        total += times * float(rram_time_s(events[None], rows[None], part)[0])
    return total
