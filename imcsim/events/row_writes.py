"""Row writes as tasks: how long each RRAM PE is busy, with the mean number of pulses or with drawn ones.

Shape letter: P PEs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import RramPart
from imcsim.chip.profile import TileProfile, profile_of
from imcsim.chip.writes import Commit, plan_commits
from imcsim.devices.programming import row_write_time_s
from imcsim.devices.pulses import lognormal_parameters
from imcsim.events.work import Work

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PeWrites:
    """Programming of RRAM PEs in one task: ``events`` cells and ``rows`` row writes of each PE, both (P,)."""

    part: RramPart
    events: Floats
    rows: Floats

    @property
    def cells_per_row(self) -> Floats:
        """(P,) cells written together."""
        return np.maximum(np.divide(self.events, self.rows, out=np.ones(len(self.rows)), where=self.rows > 0), 1.0)

    def mean_s(self) -> Floats:
        """(P,) seconds: rows one after the other, each as long as its slowest cell by expectation."""
        return np.asarray(self.rows * row_write_time_s(self.part.cell, self.part.cell_bits, self.cells_per_row))

    def drawn_s(self, share: float, generator: np.random.Generator) -> Floats:
        """(P,) seconds of one commit that holds ``share`` of the writes, drawn.

        A row is as long as the largest of its cells' pulse counts, lognormal as
        :func:`imcsim.devices.pulses.lognormal_parameters` has them: the maximum of n draws is the quantile
        U^(1 / n) of one (definition of an order statistic). Pulses are of any length, as in the mean, so that the mean
        over many draws is that of :meth:`mean_s`. The number of rows is a whole one with the right mean.
        """
        from scipy.special import ndtri  # here, so that importing the package loads no scipy

        mean_rows = self.rows * share
        rows = np.floor(mean_rows).astype(np.int64)
        rows += generator.random(len(rows)) < mean_rows - rows
        mu, sigma = lognormal_parameters(*self.part.cell.pulse_statistics(self.part.cell_bits))
        pe = np.repeat(np.arange(len(rows)), rows)
        quantile = generator.random(len(pe)) ** (1.0 / self.cells_per_row[pe])
        pulses = np.exp(mu + sigma * ndtri(quantile))
        total = np.bincount(pe, weights=pulses, minlength=len(rows))
        return np.asarray(total * (self.part.cell.pulse_time_s + self.part.cell.verify_time_s), dtype=np.float64)


def in_place(work: Work) -> PeWrites | None:
    """Return the writes of PEs that train in RRAM, None if there are none."""
    part = work.chip.rram
    if part is None or not work.where.rram_training[work.task].any():
        return None
    under = _profile(work).policy(part.write_policy)
    mask = work.where.rram_training[work.task]
    return PeWrites(part, under.changes[work.task] * mask, under.row_events[work.task] * mask)


def checkpoints(work: Work) -> tuple[PeWrites, ...]:
    """Return the commits of the task, SRAM -> RRAM, in the order in which they happen."""
    part = work.chip.rram
    if part is None or work.chip.sram is None:
        return ()
    mine = [commit for commit in plan_commits(work.where, work.chip.commit) if commit.task == work.task]
    whole = [c.pes for c in mine if _is_whole(c)]
    found = [_late(work, part, commit) for commit in mine if not _is_whole(commit)]
    if whole:
        under, pes = _profile(work).policy("task"), np.logical_or.reduce(whole)
        found.append(PeWrites(part, under.changes[work.task] * pes, under.row_events[work.task] * pes))
    return tuple(found)


def _is_whole(commit: Commit) -> bool:
    return commit.last - commit.first == 1 and commit.last == commit.task + 1


def _late(work: Work, part: RramPart, commit: Commit) -> PeWrites:
    profile = _profile(work)
    events = profile.changes_between(commit.first, commit.last) * commit.pes
    rows = np.minimum(events, profile.grid.rows * commit.pes).astype(float)
    return PeWrites(part, events.astype(float), rows)


def _profile(work: Work) -> TileProfile:
    geometry = work.chip.rram_geometry
    if geometry is None:
        raise ValueError("the chip has no RRAM")
    return profile_of(work.trace, geometry)
