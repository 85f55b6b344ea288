"""SRAM as a write-back cache of RRAM: a trained PE stays in SRAM until another needs its place, and is committed then.

SRAM and RRAM stand for the memory that loses its weights without power and the one that keeps them. The PEs that train
in SRAM during a task are those of :mod:`imcsim.chip.assign`: all that train if they fit, else those
with the most level changes; the others train in place. What a commit policy would write at the end of each task waits
here: a PE that rests keeps its place, dirty, until it is evicted. An eviction programs the cells whose level differs
between what RRAM holds and the codes at that time, exactly. The stream repeats: across its end, a cell is written if it
differs over any of the pieces (until the end, whole streams between, from the start), by the longest move among them.

Shape letters: F placement phases, U placement units, P PEs, K cells per weight, G groups, D fan-in, N outputs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank, Placed
from imcsim.chip.wear.ledger import WearLedger
from imcsim.chip.wear.recording import wear_ledger
from imcsim.core.errors import ConfigError
from imcsim.core.units import SECONDS_PER_DAY
from imcsim.life.event_energy import mean_event_j
from imcsim.life.levers.evictions import Evictions, Span, by_unit, events_of, pieces, play
from imcsim.life.options import LifeOptions
from imcsim.memory.macro import Macro
from imcsim.memory.mid_window import MidWindow

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


def sram_cache(placed: Placed, options: LifeOptions) -> CacheUse:
    """Play the stream until at least 1,000 tasks have passed, the memory in which weights train a write-back cache.

    Raises
    ------
    ConfigError
        If the chip lacks one of the two memories.
    """
    home, away, chip, tasks = placed.nonvolatile, placed.volatile, placed.chip, placed.trace.meta.tasks
    if home is None or away is None:
        raise ConfigError(f"sram-cache needs a chip with [rram] and [sram], and '{chip.name}' has not both")
    copies, units = placed.copies, placed.where.homed_training.shape[1]
    ledger = wear_ledger(placed, commits=())
    sizes = by_unit(np.ones(away.grid.count, np.int64), away, units)
    places = away.macro.room - int(sizes[placed.where.resident].sum())
    found = play(placed, home, places, sizes, options.eviction, -(-LEAST_TASKS // tasks))
    ledger.repeat(found.passes)
    ledger.expect(int(found.times.max(initial=0)))
    events = _commit(ledger, home, found)
    each, charged = copies / ledger.tasks, float(chip.charge_migration)
    commit_j, load_j = float(events.sum()) * mean_event_j(home.macro), _load_j(found, home, away)
    held = found.held / (found.passes * placed.phases) * copies
    powered_j = _leakage_w(away.macro) * SECONDS_PER_DAY / chip.horizon.tasks_per_day
    return CacheUse(
        ledger=ledger, hits=found.hits * each, loads=float(found.loads @ sizes) * each,
        evictions=float(found.times @ sizes) * each, events=float(events.sum()) * each,
        commit_j=commit_j * each * charged, load_j=load_j * each * charged, leakage_j=held * powered_j,
        time_s=_seconds(found, home) / ledger.tasks,
        area_m2=away.memory.pe_count * away.macro.pe_area_m2, held_pes=held, dirty_pes=int(found.dirty) * copies,
    )  # fmt: skip


def _load_j(found: Evictions, home: Bank, away: Bank) -> float:
    """Joules of all loads: a unit's cells are read out, in the middle of their window, and written to the cache."""
    parts = home.memory.read_out(home.site, MidWindow(home.grid))
    read_j = np.sum(
        [np.broadcast_to(part.amount * part.each.value, (1, home.grid.count)) for part in parts], axis=(0, 1)
    )
    written = away.grid.cells * mean_event_j(away.macro)
    return float(home.pes(found.loads) @ read_j + away.pes(found.loads) @ written)


def _leakage_w(macro: Macro) -> float:
    """Watts that a powered PE leaks."""
    cell = macro.sheet.leakage
    return 0.0 if cell is None else macro.site.cells * float(cell.value)


def _commit(ledger: WearLedger, home: Bank, found: Evictions) -> Ints:
    """Add all evictions to ``ledger`` and return (P,) their programming events."""
    profile, layout = home.profile, home.profile.layout
    events = np.zeros(profile.grid.count, np.int64)
    for layer, ((spec, wear), pes) in enumerate(zip(ledger, profile.grid.layer_slices, strict=True)):
        for covered, times in found.spans.items():
            of_pes = home.pes(times)[pes]
            if not of_pes.any():
                continue
            moved, amount = _moved(home, spec.name, covered), layout.spread(of_pes, layer)
            hit = (moved > 0) * amount
            wear.events += hit.astype(np.uint32)
            wear.full += ((moved == len(wear.distances) - 1) * amount).astype(np.float32)
            counted = np.bincount(moved.ravel(), weights=np.broadcast_to(amount, moved.shape).ravel().astype(float))
            wear.distances[1 : len(counted)] += counted[1:]
            events[pes] += layout.sums(hit.sum(axis=0)[None], layer)[0]
    return events


def _moved(home: Bank, layer: str, span: Span) -> Ints:
    """(K, G, D, N): levels that each cell moves at an eviction, the largest over the pieces of its span."""
    encoding, trace = home.grid.geometry.encoding, home.profile.trace
    codes = trace.codes[layer]
    moved = np.zeros(encoding.levels(codes[0]).shape, np.int64)
    for piece in pieces(span, len(trace.meta.phase_tasks)):
        before, after = (encoding.levels(codes[at]).astype(np.int64) for at in piece)
        np.maximum(moved, np.abs(after - before), out=moved)
    return moved


def _seconds(found: Evictions, home: Bank) -> float:
    """Seconds that all evictions take, those of one phase at the same time."""
    total, unit = 0.0, home.profile.layout.unit
    for moment, times in found.moments.items():
        events = np.zeros(home.grid.count, np.int64)
        for span, units in moment:
            events += events_of(home.profile, span) * np.isin(unit, units)
        rows = np.minimum(events, home.grid.rows).astype(float)
        total += times * home.memory.write_time(home.site, events[None], rows[None]).total
    return total
