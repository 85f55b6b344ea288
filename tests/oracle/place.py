"""Which memory holds each PE in each phase, and when RRAM takes what SRAM has learned.

Shape letters: F placement phases, P PEs of the network.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.oracle.cells import Memory
from tests.oracle.facts import Array, Facts


@dataclass(frozen=True)
class Place:
    """(F, P) masks: where a PE stands, and whether it trains. ``resident`` (P,) PEs have no home in RRAM."""

    trains: Array
    in_sram: Array
    resident: Array

    @property
    def sram_trains(self) -> Array:
        """PEs that train in SRAM."""
        return self.trains & self.in_sram

    @property
    def rram_trains(self) -> Array:
        """PEs that train in place in RRAM."""
        return self.trains & ~self.in_sram

    @property
    def away(self) -> Array:
        """PEs that train in SRAM while their home is in RRAM."""
        return self.sram_trains & ~self.resident


@dataclass(frozen=True)
class Commit:
    """PE ``pe`` programmed in ``phase``: RRAM held entry ``first`` of the codes and now holds ``last``."""

    phase: int
    pe: int
    first: int
    last: int


def copies_of(chip: Any) -> int:
    """Return 2 where a transposed second copy doubles cells and writes."""
    return 2 if chip.input_gradient == "second-copy" else 1


def place_of(facts: Facts, chip: Any, home: Memory) -> Place:
    """Return where each PE of ``home`` stands in each phase."""
    trains = np.array([[_trains(facts, home, p, f) for p in range(len(home.pes))] for f in range(facts.phases)])
    nobody, everybody = np.zeros_like(trains), np.ones_like(trains)
    if chip.sram is None:
        return Place(trains, nobody, nobody[0])
    if chip.rram is None:
        return Place(trains, everybody, nobody[0])
    resident = np.array([facts.layers[pe.layer].name in facts.resident for pe in home.pes])
    room = chip.sram.pe_count // copies_of(chip)
    if max(int((row | resident).sum()) for row in trains) <= room:
        return Place(trains, trains | resident, resident)
    return _overflowing(facts, home, trains, resident, room)


def _trains(facts: Facts, home: Memory, p: int, f: int) -> bool:
    """Tell whether a PE trains: as the method placed it, else always."""
    pe = home.pes[p]
    placed = facts.placement.get(facts.layers[pe.layer].name)
    if placed is None:
        return True
    return bool(placed[f, pe.group, pe.rows.start // home.rows_per_pe, pe.outs.start // home.outs_per_pe])


def _overflowing(facts: Facts, home: Memory, trains: Array, resident: Array, room: int) -> Place:
    """More train than SRAM holds: residents first, then the most level changes of all steps have a right to it."""
    heat = []
    for pe in home.pes:
        changes = facts.changes["step", home.key, facts.layers[pe.layer].name]
        heat.append(int(pe.of(changes).sum(dtype=np.int64)))
    right = sorted(range(len(heat)), key=lambda p: (not resident[p], -heat[p], p))
    hot = np.zeros_like(trains)
    for f, row in enumerate(trains):
        resting = int((resident & ~row).sum())  # residents that do not train keep their room
        chosen = [p for p in right if row[p]][: max(0, room - resting)]
        hot[f, chosen] = True
    resident = resident & hot.any(axis=0)
    return Place(trains, hot | (~trains & resident), resident)


def arriving(place: Place) -> Array:
    """Return (F, P): PEs that come from their home in RRAM into SRAM, for they did not train there before."""
    come = place.away.copy()
    come[1:] &= ~place.away[:-1]
    return come


def commits_of(place: Place, policy: str) -> list[Commit]:
    """Return every commit: at the end of each phase (``task``), or when a PE has left SRAM (``lazy``)."""
    found = []
    for p in range(place.trains.shape[1]):
        held = 0  # the entry of the codes that RRAM holds
        for f in range(len(place.trains)):
            away = place.away[f, p]
            if policy == "task" and away:
                found.append(Commit(f, p, held, f + 1))
                held = f + 1
            if policy == "lazy" and not away and f > 0 and place.away[f - 1, p]:
                found.append(Commit(f, p, held, f))
            if not away:
                held = f + 1  # it stood still, or was written in RRAM itself
    return found


def served_in_sram(chip: Any, place: Place) -> Array:
    """Return (F, P): PEs read from SRAM when a learned task is served; what is committed is read from RRAM."""
    if chip.rram is None or chip.commit != "task":
        return place.in_sram
    return np.broadcast_to(place.resident, place.trains.shape)
