"""Which PEs a write-back cache holds, task after task, and which it gives up when: bookkeeping without any energy.

Shape letters: T tasks of the stream, P PEs.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import Assignment
from imcsim.chip.profile import TileProfile
from imcsim.life.options import Eviction
from imcsim.trace.schema import Policy

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Piece = tuple[int, int]  # from one commit of the stream to a later one; 0 is deployment, T the end
Span = tuple[int, int, int]  # codes in RRAM, codes at eviction, ends of the stream passed in between (2: more than one)


@dataclass
class Evictions:
    """What ``passes`` streams one after the other did to a cache.

    Parameters
    ----------
    hits, held
        Trained PEs found in the cache, and PEs in it, both summed over tasks.
    loads
        (P,) times that a PE came from RRAM.
    spans
        Span -> (P,) evictions of each PE over it.
    moments
        (span, PEs) of all evictions of a task -> how often: what is programmed at one time.
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
    def per_pe(self) -> Ints:
        """(P,): evictions of each PE."""
        return np.asarray(np.sum([np.zeros_like(self.loads), *self.spans.values()], axis=0), dtype=np.int64)


def pieces(span: Span, tasks: int) -> tuple[Piece, ...]:
    """Return the parts of the stream that a span covers, each a piece between two of its commits."""
    first, last, ends = span
    if ends == 0:
        return ((first, last),)
    whole = ((0, tasks),) if ends > 1 else ()
    return tuple(piece for piece in ((first, tasks), *whole, (0, last)) if piece[0] < piece[1])


def play(
    profile: TileProfile, where: Assignment, places: int, eviction: Eviction, passes: int, policy: Policy
) -> Evictions:
    """Let a stream with PEs placed as in ``where`` run ``passes`` times through a cache of ``places`` PEs.

    At the start of a task, PEs that now train in place leave; then, if those that begin to train do not fit, resting
    PEs leave: ``lru`` the one trained longest ago, ``life`` the one with the fewest programming events so far, so that
    the PEs with the least life left stay. The lowest number decides between equals. ``policy`` is that of writes in
    place.
    """
    cache = _Cache(profile, places, eviction, Evictions(passes, np.zeros(profile.grid.count, np.int64)))
    in_place = profile.policy(policy).changes * where.rram_training
    for number in range(passes):
        for task in range(profile.trace.meta.tasks):
            cache.task(task, number, where.homed_training[task], where.rram_training[task])
            cache.events += in_place[task]
    cache.found.dirty = int(cache.inside.sum())
    return cache.found


class _Cache:
    def __init__(self, profile: TileProfile, places: int, eviction: Eviction, found: Evictions) -> None:
        self.profile, self.places, self.eviction, self.found = profile, places, eviction, found
        count = profile.grid.count
        self.inside = np.zeros(count, bool)
        self.since = np.zeros((2, count), np.int64)  # stream and commit whose codes RRAM holds
        self.trained = np.zeros(count, np.int64)
        self.events = np.zeros(count, np.int64)
        self._now = 0

    def task(self, task: int, number: int, wanted: Mask, in_place: Mask) -> None:
        self._now += 1
        leaving = self.inside & in_place
        arriving = wanted & ~self.inside
        over = int((self.inside & ~leaving).sum() + arriving.sum()) - self.places
        if over > 0:
            resting = np.flatnonzero(self.inside & ~leaving & ~wanted)
            by = self.trained if self.eviction == "lru" else self.events
            leaving[resting[np.argsort(by[resting], kind="stable")[:over]]] = True
        self._evict(np.flatnonzero(leaving), task, number)
        self.found.hits += int((wanted & self.inside).sum())
        self.found.loads += arriving
        self.since[:, arriving] = np.array([[number], [task]])
        self.inside |= wanted
        self.trained[wanted] = self._now
        self.found.held += int(self.inside.sum())

    def _evict(self, pes: Ints, task: int, number: int) -> None:
        groups: dict[Span, list[int]] = {}
        for pe in pes:
            stream, first = (int(value) for value in self.since[:, pe])
            groups.setdefault((first, task, min(number - stream, 2)), []).append(int(pe))
        for span, members in groups.items():
            self.found.spans.setdefault(span, np.zeros_like(self.found.loads))[members] += 1
            self.events[members] += events_of(self.profile, span)[members]
        if groups:
            self.found.moments[tuple((span, tuple(members)) for span, members in sorted(groups.items()))] += 1
        self.inside[pes] = False


def events_of(profile: TileProfile, span: Span) -> Ints:
    """Return (P,) programming events of an eviction, at most: exact within a stream, summed over its pieces beyond."""
    parts = [profile.changes_between(*piece) for piece in pieces(span, profile.trace.meta.tasks)]
    summed = np.sum([np.zeros_like(profile.grid.cells), *parts], axis=0)
    return np.asarray(np.minimum(summed, profile.grid.cells), dtype=np.int64)
