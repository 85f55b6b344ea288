"""Which PEs a write-back cache holds, phase after phase, and which it gives up when: bookkeeping without any energy.

What comes and goes is a placement unit, which takes ``sizes`` PEs of the cache. Shape letters: F placement phases of
the stream, U placement units, P PEs of the memory behind the cache.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank, Placed
from imcsim.chip.profile import TileProfile
from imcsim.life.options import Eviction

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Piece = tuple[int, int]  # from one commit of the stream to a later one; 0 is deployment, F the end
Span = tuple[
    int, int, int
]  # codes behind the cache, codes at eviction, ends of the stream passed in between (2: more than one)


@dataclass
class Evictions:
    """What ``passes`` streams one after the other did to a cache.

    Parameters
    ----------
    hits, held
        Trained PEs found in the cache, and PEs in it, both summed over phases.
    loads
        (U,) times that a unit came from behind the cache.
    spans
        Span -> (U,) evictions of each unit over it.
    moments
        (span, units) of all evictions of a phase -> how often: what is programmed at one time.
    dirty
        PEs that wait for their eviction at the end.
    """

    passes: int
    loads: Ints
    hits: int = 0
    held: int = 0
    dirty: int = 0
    spans: dict[Span, Ints] = field(default_factory=dict)
    moments: Counter[tuple[tuple[Span, tuple[int, ...]], ...]] = field(default_factory=Counter)

    @property
    def times(self) -> Ints:
        """(U,): evictions of each unit."""
        return np.asarray(np.sum([np.zeros_like(self.loads), *self.spans.values()], axis=0), dtype=np.int64)


def pieces(span: Span, phases: int) -> tuple[Piece, ...]:
    """Return the parts of the stream that a span covers, each a piece between two of its commits."""
    first, last, ends = span
    if ends == 0:
        return ((first, last),)
    whole = ((0, phases),) if ends > 1 else ()
    return tuple(piece for piece in ((first, phases), *whole, (0, last)) if piece[0] < piece[1])


def play(placed: Placed, home: Bank, places: int, sizes: Ints, eviction: Eviction, passes: int) -> Evictions:
    """Let the stream of ``placed`` run ``passes`` times through a cache of ``places`` PEs before ``home``.

    At the start of a phase, units that now train in place leave; then, if those that begin to train do not fit, resting
    ones leave: ``lru`` the one trained longest ago, ``life`` the one with the fewest programming events so far, so that
    those with the least life left stay. The lowest number decides between equals. ``sizes`` (U,) are PEs of the cache.
    """
    where, units = placed.where, placed.where.homed_training.shape[1]
    cache = _Cache(home, places, sizes, eviction, Evictions(passes, np.zeros(units, np.int64)))
    changes = home.profile.policy(home.memory.write_policy).changes
    in_place = np.stack([by_unit(each, home, units) for each in changes]) * where.nonvolatile_training
    for number in range(passes):
        for phase in range(placed.phases):
            cache.phase(phase, number, where.homed_training[phase], where.nonvolatile_training[phase])
            cache.events += in_place[phase]
    cache.found.dirty = int(sizes[cache.inside].sum())
    return cache.found


class _Cache:
    def __init__(self, home: Bank, places: int, sizes: Ints, eviction: Eviction, found: Evictions) -> None:
        self.home, self.places, self.sizes, self.eviction, self.found = home, places, sizes, eviction, found
        count = len(sizes)
        self.inside = np.zeros(count, bool)
        self.since = np.zeros((2, count), np.int64)  # stream and commit whose codes are behind the cache
        self.trained = np.zeros(count, np.int64)
        self.events = np.zeros(count, np.int64)
        self._now = 0

    def phase(self, phase: int, number: int, wanted: Mask, in_place: Mask) -> None:
        self._now += 1
        leaving = self.inside & in_place
        arriving = wanted & ~self.inside
        over = int(self.sizes[(self.inside & ~leaving) | arriving].sum()) - self.places
        if over > 0:
            resting = np.flatnonzero(self.inside & ~leaving & ~wanted)
            by = self.trained if self.eviction == "lru" else self.events
            order = resting[np.argsort(by[resting], kind="stable")]
            freed = np.cumsum(self.sizes[order])
            leaving[order[: int(np.searchsorted(freed, over)) + 1]] = True
        self._evict(np.flatnonzero(leaving), phase, number)
        self.found.hits += int(self.sizes[wanted & self.inside].sum())
        self.found.loads += arriving
        self.since[:, arriving] = np.array([[number], [phase]])
        self.inside |= wanted
        self.trained[wanted] = self._now
        self.found.held += int(self.sizes[self.inside].sum())

    def _evict(self, units: Ints, phase: int, number: int) -> None:
        groups: dict[Span, list[int]] = {}
        for unit in units:
            stream, first = (int(value) for value in self.since[:, unit])
            groups.setdefault((first, phase, min(number - stream, 2)), []).append(int(unit))
        for span, members in groups.items():
            self.found.spans.setdefault(span, np.zeros_like(self.found.loads))[members] += 1
            events = by_unit(events_of(self.home.profile, span), self.home, len(self.sizes))
            self.events[members] += events[members]
        if groups:
            self.found.moments[tuple((span, tuple(members)) for span, members in sorted(groups.items()))] += 1
        self.inside[units] = False


def by_unit(values: Ints, bank: Bank, units: int) -> Ints:
    """Sum (P,) over the PEs of each placement unit: (U,)."""
    return np.bincount(bank.profile.layout.unit, values, minlength=units).astype(np.int64)


def events_of(profile: TileProfile, span: Span) -> Ints:
    """Return (P,) programming events of an eviction, at most: exact within a stream, summed over its pieces beyond."""
    parts = [profile.changes_between(*piece) for piece in pieces(span, len(profile.trace.meta.phase_tasks))]
    summed = np.sum([np.zeros_like(profile.grid.cells), *parts], axis=0)
    return np.asarray(np.minimum(summed, profile.grid.cells), dtype=np.int64)
