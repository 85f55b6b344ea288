"""Energy per task along a chip's life: worn cells take more pulses, failed writes are repeated, levers add writes."""

from dataclasses import dataclass

from imcsim.chip.config import RramPart
from imcsim.chip.report import Report
from imcsim.devices.write_failure import pulse_growth, temporary_failure_share, tries
from imcsim.life.cycles import CellRates
from imcsim.life.levers import Pulled

AGES = (0.0, 0.1, 0.5, 1.0)


@dataclass(frozen=True)
class LifeEnergy:
    """Energy per task (J) of a fresh chip: all but RRAM programming, RRAM programming, moving rows, and refresh."""

    other_j: float
    programming_j: float
    rotation_j: float
    refresh_j: float = 0.0

    @classmethod
    def of(cls, report: Report, tasks: int, saving: float, pulled: Pulled) -> "LifeEnergy":
        """Return the energy per task of a price, task switches at their horizon; ``saving`` scales programming.

        With a write-back cache its commits, loads and leakage take the place of the price's migration.
        """
        training, moved = report.energy.total / tasks, report.energy.part("migration")
        in_place = report.energy.part("update", "rram_program").total / tasks
        commits, loads = moved.part("rram_program").total / tasks, moved.total / tasks
        loads -= commits
        switches = report.horizon["task_switches_per_task"]
        switching = report.task_switch.part("rram_program").total * switches
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


def energy_along(spent: LifeEnergy, rates: CellRates, part: RramPart, life_tasks: float) -> tuple[EnergyAt, ...]:
    """Return the energy per task at several ages up to ``life_tasks``; the mean over events, so over busy cells.

    Temporary failures repeat an event until it succeeds; their share and the growth of pulses with cycles are measured
    at 2 bits per cell alone, and left out (1) elsewhere.
    """
    values, counts = rates.counts
    weight = values * counts
    again = tries(temporary_failure_share(part.cell_bits) or 0.0)
    found = []
    for tasks in (age * life_tasks for age in AGES) if life_tasks else (0.0,):
        growth = 1.0
        if weight.sum() > 0:
            growth = float((pulse_growth(values * tasks, part.cell_bits) * weight).sum() / weight.sum())
        spending = (spent.programming_j, spent.rotation_j, spent.refresh_j)
        write, move, keep = (joules * again * growth for joules in spending)
        found.append(EnergyAt(tasks, growth, write, move, keep, spent.other_j + write + move + keep))
    return tuple(found)
