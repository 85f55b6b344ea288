"""Row writes as tasks: how long each PE of a memory is busy, with the mean time of a row or with drawn ones.

How long a row takes each memory says itself: :meth:`imcsim.memory.memory.Memory.pe_write_s` and ``drawn_rows_s``.
RRAM (:mod:`imcsim.memory.analog_rram`): the expected maximum of its cells' lognormal pulse counts x (pulse + verify
time), rows of a PE in turn, ``parallel_write_pes`` PEs at once. How many row writes there are is counted by
:func:`imcsim.chip.cell_counts.row_writes`.

Shape letter: P PEs of a memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank
from imcsim.chip.writes import Written
from imcsim.events.work import Work

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PeWrites:
    """Writes of a memory in one phase: ``events`` level changes and ``rows`` row writes of each PE, both (P,)."""

    bank: Bank
    events: Floats
    rows: Floats

    @property
    def cells_per_row(self) -> Floats:
        """(P,) cells written together."""
        together = np.divide(self.events, self.rows, out=np.ones(len(self.rows)), where=self.rows > 0)
        return np.asarray(np.maximum(together, 1.0), dtype=np.float64)

    def share(self, joules: float) -> Floats:
        """(P,) ``joules`` of all events, shared out by level changes."""
        return joules * self.events / max(float(self.events.sum()), 1.0)

    def mean_s(self) -> Floats:
        """(P,) seconds as the memory has them."""
        (seconds,) = self.bank.memory.pe_write_s(self.bank.site, self.events[None], self.rows[None])
        return np.asarray(seconds, dtype=np.float64)

    def drawn_s(self, share: float, generator: np.random.Generator) -> Floats:
        """(P,) seconds of one commit that holds ``share`` of the writes, drawn; the mean where rows take no other time.

        The number of rows is a whole one with the right mean, so that the mean over many draws is that of
        :meth:`mean_s`.
        """
        if not self.bank.memory.rows_vary:
            return self.mean_s() * share
        mean_rows = self.rows * share
        rows = np.floor(mean_rows).astype(np.int64)
        rows += generator.random(len(rows)) < mean_rows - rows
        pe = np.repeat(np.arange(len(rows)), rows)
        seconds = self.bank.memory.drawn_rows_s(self.bank.site, self.cells_per_row[pe], generator)
        return np.asarray(np.bincount(pe, weights=seconds, minlength=len(rows)), dtype=np.float64)


def in_place(work: Work) -> tuple[PeWrites, ...]:
    """Return the writes of PEs that train where they are, a memory each."""
    found = []
    for bank in reversed(work.placed.banks):
        here = tuple(one for one in work.spent.writes.in_place if one.bank is bank)
        mine = _of(work, here)  # once a task: PEs of one phase, and of several
        if mine:
            found.append(
                PeWrites(bank, np.sum([w.events for w in mine], axis=0), np.sum([w.rows for w in mine], axis=0))
            )
    return tuple(found)


def commits(work: Work) -> tuple[PeWrites, ...]:
    """Return the commits of the phase to the home memory: late ones of PEs that come to rest, then its own."""
    written = work.spent.writes.committed
    return _of(work, sorted(written, key=lambda one: one.phase is None))


def _of(work: Work, written: Sequence[Written]) -> tuple[PeWrites, ...]:
    found = []
    for one in written:
        if one.phase in (None, work.phase):
            at = work.phase if one.phase is None else 0
            found.append(PeWrites(one.bank, one.events[at].astype(np.float64), one.rows[at]))
    return tuple(writes for writes in found if writes.rows.any())
