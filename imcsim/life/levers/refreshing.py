"""Refresh against drift: all cells that hold a weight are programmed again before they lose their level.

Each refresh is wear. How many cells need pulses and how many pass their first verify, no source says; every cell is
charged one programming event, which is pessimistic. Shape letters: P PEs of a layer, R rows, C columns.
"""

from dataclasses import dataclass

import numpy as np

from imcsim.chip.layout import in_pes
from imcsim.chip.wear.ledger import WearLedger
from imcsim.core.errors import ConfigError
from imcsim.core.units import SECONDS_PER_DAY
from imcsim.life.cycles import CellRates, nudge_cycles
from imcsim.life.event_energy import one_level_j
from imcsim.life.options import ZERO_CELSIUS_K, LifeOptions
from imcsim.memory.macro import Macro


@dataclass(frozen=True)
class Refreshing:
    """Rates with refresh, and its cost per task, copies included: events, energy (J), time (s).

    ``every_days`` is the interval, ``kept_days`` how long levels are kept at the chip's temperature; None: not known.
    """

    rates: CellRates
    every_days: float
    kept_days: float | None
    events_per_task: float
    energy_per_task_j: float
    time_per_task_s: float


def refresh(
    rates: CellRates, ledger: WearLedger, macro: Macro, options: LifeOptions, tasks_per_day: float
) -> Refreshing:
    """Add to ``rates`` what refreshing at the options' interval wears.

    An event of a refresh corrects a cell within its level: its wear is that of the shortest move
    (:func:`imcsim.life.cycles.nudge_cycles`), its energy that of the mean move of one level. Cells that a task
    has just written are refreshed like all others. Reading out and timers are not charged.

    Raises
    ------
    ConfigError
        If the options name no interval, retention at their temperature is beyond what a number holds, or the interval
        is to follow retention and that of the memory is not known.
    """
    law = macro.memory.ageing.retention_s
    kept = None if law is None else law(options.celsius + ZERO_CELSIUS_K) / SECONDS_PER_DAY
    if options.refresh_auto and kept is None:
        raise ConfigError(
            f"refresh=auto needs the time that [{macro.site.at}] keeps a level, which it does not state: "
            f"give refresh=DAYS"
        )
    every = kept if options.refresh_auto else options.refresh_days
    if every is None:
        raise ConfigError("refresh_days is not given")
    per_task = 1 / (every * tasks_per_day)
    added, layers = np.float32(nudge_cycles(macro, options) * per_task), {}
    layout = ledger.placed
    for layer, (spec, wear) in enumerate(ledger):
        holds = layout.to_arrays(np.ones(wear.events.shape, np.float32), layer)
        layers[spec.name] = rates.layers[spec.name] + added * holds
    cells, rows = (in_pes(layout, each[None]) for each in (layout.grid.cells, layout.grid.rows))
    seconds = macro.memory.write_time(macro.site, cells, rows.astype(np.float64)).total
    events = rates.cells * rates.copies * per_task
    return Refreshing(
        CellRates(layers, rates.cells, rates.copies, rates.layout), every, kept, events, events * one_level_j(macro),
        seconds * rates.copies * per_task,
    )  # fmt: skip
