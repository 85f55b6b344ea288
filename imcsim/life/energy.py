"""Energy per task along a chip's life: worn cells take more pulses, failed writes are repeated, levers add writes."""

from dataclasses import dataclass

from imcsim.chip.report import Report
from imcsim.core.errors import ConfigError
from imcsim.life.cycles import CellRates
from imcsim.life.levers import Pulled
from imcsim.life.options import LifeOptions
from imcsim.memory.ageing import Ageing
from imcsim.memory.macro import Macro

AGES = (0.0, 0.1, 0.5, 1.0)


@dataclass(frozen=True)
class LifeEnergy:
    """Energy per task (J) of a fresh chip: all but programming, programming, moving rows, and refresh.

    Programming is that of the memory that wears.
    """

    other_j: float
    programming_j: float
    rotation_j: float
    refresh_j: float = 0.0

    @classmethod
    def of(cls, report: Report, macro: Macro, tasks: int, saving: float, pulled: Pulled) -> "LifeEnergy":
        """Return the energy per task of a price, task switches at their horizon; ``saving`` scales programming.

        With a write-back cache its commits, loads and leakage take the place of the price's migration.
        """
        leaf = macro.sheet.write_leaf
        training, moved = report.energy.total / tasks, report.energy.part("migration")
        in_place = report.energy.part("update", leaf).total / tasks
        commits, loads = moved.part(leaf).total / tasks, moved.total / tasks
        loads -= commits
        switches = report.horizon["task_switches_per_task"]
        switching = report.task_switch.part(leaf).total * switches
        other = training - in_place - commits - loads + report.task_switch.total * switches - switching
        if pulled.cache is not None:
            commits, loads = pulled.cache.commit_j, pulled.cache.load_j + pulled.cache.leakage_j
        programming = in_place + commits + switching
        return cls(other + loads, programming * saving, pulled.moving_j * saving, pulled.refresh_j)


@dataclass(frozen=True)
class EnergyAt:
    """At ``tasks``: pulses of an event over those of a fresh cell, and energy per task (J), retries included.

    ``rotation_j`` is that of moving rows, by rotation or by swapping.
    """

    tasks: float
    pulses_factor: float
    programming_j: float
    rotation_j: float
    refresh_j: float
    total_j: float


def energy_along(spent: LifeEnergy, rates: CellRates, ageing: Ageing, life_tasks: float) -> tuple[EnergyAt, ...]:
    """Return the energy per task at several ages up to ``life_tasks``; the mean over events, so over busy cells.

    Temporary failures repeat an event until it succeeds. What was not measured of the memory is left out (1).
    """
    values, counts = rates.counts
    weight = values * counts
    found = []
    for tasks in (age * life_tasks for age in AGES) if life_tasks else (0.0,):
        growth = 1.0
        if weight.sum() > 0:
            growth = float((ageing.pulse_growth(values * tasks) * weight).sum() / weight.sum())
        spending = (spent.programming_j, spent.rotation_j, spent.refresh_j)
        write, move, keep = (joules * ageing.tries * growth for joules in spending)
        found.append(EnergyAt(tasks, growth, write, move, keep, spent.other_j + write + move + keep))
    return tuple(found)


def verify_saving(macro: Macro, options: LifeOptions) -> float:
    """Return the programming energy with selective verify over that with all events verified, 0..1.

    An event that is not verified takes one pulse and no verify read. Verifying a tenth of the weights is published to
    keep accuracy similar at up to 10 x faster programming (SWIM, arXiv 2202.08395, abstract); accuracy is not computed.

    Raises
    ------
    ConfigError
        If fewer than all are verified and the memory charges no verify.
    """
    if options.verified_share == 1:
        return 1.0
    unverified = macro.memory.event_pulses.unverified
    if unverified is None:
        raise ConfigError(
            f"selective verify needs write_rule = 'flat', which charges verify reads: [{macro.site.at}] charges none"
        )
    return options.verified_share + (1 - options.verified_share) * unverified
