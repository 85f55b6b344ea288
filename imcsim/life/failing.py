"""When and where the cells of a chip fail, given the cycles of each a task and the distribution of their lives.

Shape letters: P PEs of the network.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.wear.first_failure import Endurance, Tasks, first_failure, hazards
from imcsim.chip.wear.ledger import WearLedger
from imcsim.chip.wear.worn import weibull_for, weibull_of
from imcsim.life.cycles import CellRates, layer_pulses
from imcsim.life.failures import share_failed
from imcsim.life.options import LifeOptions
from imcsim.life.spares import RenewalTable, pe_death, spare_limited
from imcsim.memory.macro import Macro

FAILED_SHARE = 0.01
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LayerLife:
    """Writes of one layer per task, copies included, and its first failure.

    ``weak_pulses_per_task`` are the pulses of all events that stay inside the window; ``worst_cycles_per_task`` is of
    the most written cell; ``dies_first`` the chance that the chip's first failed cell is of this layer.
    """

    name: str
    pes: int
    events_per_task: float
    full_per_task: float
    weak_pulses_per_task: float
    worst_cycles_per_task: float
    first_failure: Tasks | None
    dies_first: float


@dataclass(frozen=True)
class Failing:
    """Tasks until the first cell fails, 1 % of cells have, a PE has too few lines; where that is.

    None where it never happens, and all of it where no distribution is known; ``pe_tasks`` (P,) are then inf and
    ``pe_dies_first`` (P,) 0.
    """

    first: Tasks | None
    one_percent: Tasks | None
    spare_limited: Tasks | None
    layers: tuple[LayerLife, ...]
    pe_tasks: Floats
    pe_dies_first: Floats


def failing(rates: CellRates, ledger: WearLedger, macro: Macro, options: LifeOptions) -> Failing:
    """Return when and where cells with ``rates`` fail; ``ledger`` tells the writes of each layer.

    Raises
    ------
    ConfigError
        If spare lines are asked for, and the memory states no distribution of its cells' lives.
    """
    endurance, spares = weibull_of(macro), max(options.spare_columns, options.spare_rows)
    if spares:
        endurance = weibull_for(macro, "spare lines")
    layers = _layers(rates, ledger, macro, endurance)
    if endurance is None:
        pes = sum(layer.pes for layer in layers)
        return Failing(None, None, None, layers, np.full(pes, np.inf), np.zeros(pes))
    limited, dies = _dying(rates, options, endurance)
    return Failing(
        first=first_failure(rates.hazard(endurance.shape), endurance),
        one_percent=share_failed(rates, endurance, FAILED_SHARE),
        spare_limited=limited, layers=layers, pe_tasks=_pe_tasks(rates, endurance), pe_dies_first=dies,
    )  # fmt: skip


def _pe_hazards(rates: CellRates, shape: float) -> Floats:
    return np.concatenate([hazards(layer, shape, (1, 2)) for layer in rates.layers.values()])


def _pe_tasks(rates: CellRates, endurance: Endurance) -> Floats:
    found = [first_failure(float(h) * rates.copies, endurance) for h in _pe_hazards(rates, endurance.shape)]
    return np.array([np.inf if tasks is None else tasks.median for tasks in found])


def _dying(rates: CellRates, options: LifeOptions, endurance: Endurance) -> tuple[Tasks | None, Floats]:
    """Spare-limited tasks, and (P,) chance of each PE to be the first to die; without spares of its first cell."""
    spares = max(options.spare_columns, options.spare_rows)
    death, limited = _pe_hazards(rates, endurance.shape), None
    if spares and death.any():
        axis = (1,) if options.spare_columns else (2,)
        lines = np.concatenate([hazards(layer, endurance.shape, axis) for layer in rates.layers.values()])
        limited = spare_limited(lines, spares, endurance, rates.copies)
        if limited is not None:
            death = pe_death(lines, spares, limited.median, endurance, RenewalTable(endurance.shape, spares + 1))
    total = death.sum()
    return limited, death / total if total > 0 else death


def _layers(
    rates: CellRates, ledger: WearLedger, macro: Macro, endurance: Endurance | None
) -> tuple[LayerLife, ...]:  # fmt: skip
    total, found = 0.0 if endurance is None else rates.hazard(endurance.shape), []
    for (spec, wear), copies in zip(ledger, ledger.layer_copies, strict=True):
        layer, each = rates.layers[spec.name], float(rates.copies * copies) / ledger.tasks
        first, share = None, 0.0
        if endurance is not None and total:
            hazard = float(hazards(layer, endurance.shape, (0, 1, 2))) * rates.copies
            first, share = first_failure(hazard, endurance), hazard / total
        found.append(
            LayerLife(
                spec.name, len(layer), float(wear.distances.sum()) * each, float(wear.distances[-1]) * each,
                layer_pulses(wear, macro)[1] * each, float(layer.max(initial=0)), first, share,
            )
        )  # fmt: skip
    return tuple(found)
