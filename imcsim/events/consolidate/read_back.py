"""Reading a memory out row by row: codes for a commit, its read-back, and a record of which copies are valid.

Shape letter: P PEs of a memory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.memory import Numbers, Weights

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _AtCommit:
    """A memory that holds the codes of one commit (0: deployment), as a read meets it."""

    bank: Bank
    commit: int

    @property
    def grid(self) -> PeGrid:
        return self.bank.grid

    @property
    def level_sums(self) -> Numbers:
        return self.bank.profile.level_sums[[self.commit, self.commit]]  # before and after one phase in which it stays


@dataclass(frozen=True)
class _MeanCells:
    """A memory all of whose cells are in the middle of their window, where codes are not known."""

    grid: PeGrid

    @property
    def level_sums(self) -> Numbers:
        middle = self.grid.cells * (self.grid.geometry.encoding.level_count - 1) / 2
        return np.stack([middle, middle])


def read_out_j(bank: Bank, commit: int) -> Floats:
    """(P,) joules of reading all rows of each PE once, at the codes of ``commit``."""
    return _joules(bank, _AtCommit(bank, commit))


def mean_cell_j(bank: Bank) -> float:
    """Joules of reading one cell whose content is not known, in the PE where that takes most."""
    return float((_joules(bank, _MeanCells(bank.grid)) / bank.grid.cells).max())


def codes_j(away: Bank, home: Bank, commit: int) -> Floats:
    """Return (P of ``home``) joules of reading one weight of each of its PEs where the PE's weights trained."""
    units = int(max(away.profile.layout.unit.max(), home.layout.unit.max())) + 1
    joules, weights = (
        np.bincount(away.profile.layout.unit, amount, units) for amount in (read_out_j(away, commit), away.grid.weights)
    )
    return np.asarray(np.divide(joules, weights, out=np.zeros(units), where=weights > 0)[home.layout.unit])


def _joules(bank: Bank, weights: Weights) -> Floats:
    parts = bank.memory.read_out(bank.site, weights)
    each = (np.broadcast_to(part.amount * np.asarray(part.each.value), (1, bank.grid.count))[0] for part in parts)
    return np.asarray(sum(each, np.zeros(bank.grid.count)), dtype=np.float64)
