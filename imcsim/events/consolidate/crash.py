"""Power cuts over a whole consolidation: how likely each outcome is, what a year brings, and what is trained again."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import EventsError
from imcsim.core.units import SECONDS_PER_DAY
from imcsim.events.consolidate.cost import SchemeCost, scheme_cost
from imcsim.events.consolidate.cut import power_cut
from imcsim.events.consolidate.graph import Consolidation, consolidation
from imcsim.events.consolidate.recovery import Recovered, recover
from imcsim.events.consolidate.scheme import CommitScheme
from imcsim.events.engine import run
from imcsim.events.schedule import Schedule
from imcsim.events.work import Work


@dataclass(frozen=True)
class Outcomes:
    """Cuts at the middles of ``cuts`` equal parts of a consolidation: shares with old codes, new codes, neither.

    ``wrong_weights`` is the mean over those that leave neither, ``most_lost`` the most committed tasks that one loses.
    """

    cuts: int
    old: float
    new: float
    neither: float
    wrong_weights: float
    most_lost: tuple[int, ...]


@dataclass(frozen=True)
class Yearly:
    """Chances per year at ``cuts`` power cuts a year, which come at random.

    ``in_consolidation``: at least one falls into a consolidation; ``committed_lost``: and leaves neither commit;
    ``tasks_again``: expected tasks that are lost in training or before their commit is done and trained again.
    """

    cuts: float
    in_consolidation: float
    committed_lost: float
    tasks_again: float


@dataclass(frozen=True)
class Crash:
    """One scheme at the commit of one task; ``shown`` is the cut at ``at_share`` of it, None if not asked for."""

    found: Consolidation = field(repr=False)
    schedule: Schedule = field(repr=False)
    outcomes: Outcomes
    cost: SchemeCost
    yearly: Yearly | None
    at_share: float | None
    shown: Recovered | None

    @property
    def energy_by_phase_j(self) -> dict[str, float]:
        """Joules of the consolidation by phase; they sum to that of its graph."""
        phases: dict[str, list[float]] = {}
        for task in self.found.graph.tasks:
            if task.resource is not None:
                phases.setdefault(task.phase, []).append(task.energy_j)
        return {phase: math.fsum(parts) for phase, parts in phases.items()}


def crash(
    work: Work, scheme: CommitScheme, *, cuts: int = 101, at_share: float | None = None,
    cuts_per_year: float | None = None, generator: np.random.Generator | None = None,
) -> Crash:  # fmt: skip
    """Return what power cuts do to the consolidation of the task of ``work`` under ``scheme``.

    Parameters
    ----------
    cuts
        How many, at the middles of equal parts.
    at_share
        0 to 1: one more cut, told in full.
    cuts_per_year
        Rate of power cuts; None: no yearly figures.
    generator
        Draws pulses of rows; None takes their mean.

    Raises
    ------
    EventsError
        For figures out of range, or as :func:`~imcsim.events.consolidate.graph.consolidation`.
    """
    if cuts < 1:
        raise EventsError(f"cuts must be >= 1, got {cuts}")
    if at_share is not None and not 0 <= at_share <= 1:
        raise EventsError(f"the cut must be at a share of 0 to 1 of the consolidation, got {at_share:g}")
    if cuts_per_year is not None and not 0 <= cuts_per_year < math.inf:
        raise EventsError(f"power cuts per year must be finite and >= 0, got {cuts_per_year:g}")
    found = consolidation(work, scheme, generator)
    schedule = run(found.graph)
    outcomes = over_cuts(found, schedule, (np.arange(cuts) + 0.5) / cuts)
    shown = None if at_share is None else recover(found, power_cut(found, schedule, at_share * schedule.makespan_s))
    yearly = None
    if cuts_per_year is not None:
        yearly = _yearly(work, schedule.makespan_s, outcomes, cuts_per_year)
    return Crash(found, schedule, outcomes, scheme_cost(work, scheme), yearly, at_share, shown)


def over_cuts(found: Consolidation, schedule: Schedule, shares: NDArray[np.float64]) -> Outcomes:
    """Return what cuts at ``shares`` (0 to 1) of the consolidation leave, each recovered for real."""
    seen = [recover(found, power_cut(found, schedule, float(share) * schedule.makespan_s)) for share in shares]
    count = {whole: sum(one.whole == whole for one in seen) / len(seen) for whole in ("old", "new", "neither")}
    broken = [one for one in seen if one.whole == "neither"]
    return Outcomes(
        cuts=len(seen),
        old=count["old"],
        new=count["new"],
        neither=count["neither"],
        wrong_weights=sum(one.wrong_weights for one in broken) / len(broken) if broken else 0.0,
        most_lost=max((one.tasks_lost for one in broken), key=len, default=()),
    )


def _yearly(work: Work, commit_s: float, outcomes: Outcomes, cuts: float) -> Yearly:
    """Cuts as a Poisson process, one consolidation for each task; no more than all time is spent on tasks."""
    per_s = work.chip.horizon.tasks_per_day / SECONDS_PER_DAY
    phases = [i for i, task in enumerate(work.trace.meta.phase_tasks[: work.phase + 1]) if task == work.task]
    commits = (one.time("") for one in work.spent.writes.committed)
    written_s = float(work.chip.charge_migration) * work.cost(tuple(commits))
    training_s = sum(replace(work, phase=i).seconds() for i in phases) - written_s  # before the commit begins
    hit = cuts * min(1.0, commit_s * per_s)
    again = cuts * min(1.0, (training_s + commit_s * (outcomes.old + outcomes.neither)) * per_s)
    return Yearly(cuts, -math.expm1(-hit), -math.expm1(-hit * outcomes.neither), again)
