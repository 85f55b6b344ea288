"""The outlook on a chip's life: a measured stream repeated without end, and when its cells fail.

What is measured is one stream of tasks; later tasks are taken to write each cell at the same mean rate. Shape letters:
P PEs of the network.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig, RramPart
from imcsim.chip.given import ChipLike, given_chip
from imcsim.chip.price import price
from imcsim.chip.wear.first_failure import Endurance, Tasks, first_failure, hazards
from imcsim.chip.wear.ledger import WearLedger
from imcsim.chip.wear.recording import wear_ledger
from imcsim.core.errors import ConfigError
from imcsim.core.sources import Resolved
from imcsim.devices.retention import margin_cycles
from imcsim.life.cycles import CellRates, cell_rates, layer_pulses
from imcsim.life.energy import EnergyAt, LifeEnergy, energy_along
from imcsim.life.failures import share_failed
from imcsim.life.levers import CacheUse, Pulled, Rotation, SpareCost, pull, sram_cache, verify_saving
from imcsim.life.notes import notes_of
from imcsim.life.options import LifeOptions
from imcsim.life.spares import RenewalTable, pe_death, spare_limited
from imcsim.trace.given import TraceLike, given_trace
from imcsim.trace.trace import Trace

FAILED_SHARE = 0.01


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
class Outlook:
    """How long a chip lives at the measured wear per task.

    Parameters
    ----------
    chip, method, dataset, network, tasks, tasks_per_day
        What was measured, and the rate at which tasks come.
    options
        Wear rule and levers.
    rates
        Cycles per task of every cell, as the levers leave them.
    first_failure, one_percent, spare_limited
        Tasks until the first cell fails, until 1 % of cells have, and (with spares) until a PE has too few lines; None
        if that never happens.
    guaranteed_tasks, margin_tasks
        Until the worst cell reaches its guaranteed cycles, and the cycles at which levels overlap; None without either.
    published_range
        First failure (median tasks) at the low and high ends of the published endurance scale and shape, if stated.
    layers
        One for each layer.
    pe_layer, pe_tasks, pe_dies_first
        (P,): layer of each PE, median tasks to the first failure in it (inf: not written), chance that it dies first.
    energy
        Energy per task along the way.
    area_m2
        Area of the chip, cells of spare lines included.
    levers
        Cost of those levers that have one of their own.
    notes
        Sentences a reader must see beside the numbers.
    """

    chip: str
    method: str
    dataset: str
    network: str
    tasks: int
    tasks_per_day: float
    options: LifeOptions
    cells: int
    worst_cycles_per_task: float
    rates: CellRates
    first_failure: Tasks | None
    one_percent: Tasks | None
    spare_limited: Tasks | None
    guaranteed_tasks: float | None
    margin_tasks: float | None
    published_range: tuple[float, float] | None
    layers: tuple[LayerLife, ...]
    pe_layer: NDArray[np.int64]
    pe_tasks: NDArray[np.float64]
    pe_dies_first: NDArray[np.float64]
    energy: tuple[EnergyAt, ...]
    area_m2: float
    levers: Pulled
    notes: tuple[str, ...]

    @property
    def rotation(self) -> Rotation | None:
        """Cost of rotation, None where not chosen."""
        return self.levers.rotation

    @property
    def spares(self) -> SpareCost | None:
        """Cost of spare lines, None where not chosen."""
        return self.levers.spares


def outlook(
    trace: TraceLike, chip: ChipLike, options: LifeOptions | None = None, ledger: WearLedger | None = None
) -> Outlook:
    """Return the outlook of ``chip`` if it learns streams like ``trace`` without end.

    Parameters
    ----------
    trace, chip
        What is learned, and where, as :func:`imcsim.chip.price.price` takes them. What a lever changes of the chip
        (:attr:`LifeOptions.overrides`) must be in it, as :func:`imcsim.life.chips.chip_for` loads it.
    options
        Wear rule and levers; None: no lever.
    ledger
        Wear to go by, of as many tasks as it holds; None: that of ``trace``.

    Raises
    ------
    ConfigError
        If the chip has no RRAM, the ledger is of another mapping, or a lever does not suit the chip.
    TraceError
        If the trace does not fit the chip.
    """
    trace, chip = given_trace(trace), given_chip(chip)
    chosen, config = options or LifeOptions(), chip.config
    part, cache = _part(config), _cache(trace, config, chosen, ledger)
    ledger = _ledger(trace, config, ledger if cache is None else cache.ledger)
    saving = verify_saving(part, chosen)
    rates, levers = pull(trace, config, part, cell_rates(ledger, part, chosen), ledger, chosen, cache)
    endurance = Endurance(part.cell.endurance_scale_cycles, part.cell.endurance_shape)
    first = first_failure(_total(rates, endurance.shape), endurance)
    spare, dies = _spares(rates, chosen, endurance)
    report = price(trace, chip)
    spent = LifeEnergy.of(report, trace.meta.tasks, saving, levers)
    measured = ledger.tasks if cache is None else trace.meta.tasks
    worst, margin = rates.worst, margin_cycles(part.cell_bits)
    return Outlook(
        chip=config.name, method=trace.meta.method, dataset=trace.meta.dataset, network=trace.meta.network,
        tasks=measured, tasks_per_day=config.horizon.tasks_per_day, options=chosen,
        cells=rates.cells * rates.copies, worst_cycles_per_task=worst, rates=rates, first_failure=first,
        one_percent=share_failed(rates, endurance, FAILED_SHARE), spare_limited=spare,
        guaranteed_tasks=part.cell.guaranteed_cycles / worst if worst else None,
        margin_tasks=margin / worst if worst and margin else None,
        published_range=_range(rates, chip), layers=_layers(rates, ledger, part, endurance),
        pe_layer=np.concatenate([np.full(len(r), i) for i, r in enumerate(rates.layers.values())]),
        pe_tasks=_pe_tasks(rates, endurance), pe_dies_first=dies,
        energy=energy_along(spent, rates, part, first.median if first else 0.0),
        area_m2=report.area.total + (0.0 if levers.spares is None else levers.spares.area_m2), levers=levers,
        notes=(*notes_of(config, part, chosen, measured, first, levers), *report.warnings),
    )  # fmt: skip


def _ledger(trace: Trace, chip: ChipConfig, given: WearLedger | None) -> WearLedger:
    own = wear_ledger(trace, chip)
    if given is not None:
        own.check_same_cells(given)
    return given or own


def _cache(trace: Trace, chip: ChipConfig, options: LifeOptions, ledger: WearLedger | None) -> CacheUse | None:
    places = options.sram_cache_pes
    if places is None:
        return None
    if chip.sram is None or chip.sram.pe_count != places:
        raise ConfigError(f"sram-cache={places} needs a hybrid chip with sram.pe_count = {places}")
    if ledger is not None:
        raise ConfigError("sram-cache plays the stream itself and cannot go by a ledger: leave one of them")
    return sram_cache(trace, chip, options)


def _part(chip: ChipConfig) -> RramPart:
    if chip.rram is None:
        raise ConfigError(f"'{chip.name}' has no RRAM")
    return chip.rram


def _total(rates: CellRates, shape: float) -> float:
    values, counts = rates.counts
    return float((counts * values**shape).sum()) * rates.copies


def _pe_hazards(rates: CellRates, shape: float) -> NDArray[np.float64]:
    return np.concatenate([hazards(layer, shape, (1, 2)) for layer in rates.layers.values()])


def _pe_tasks(rates: CellRates, endurance: Endurance) -> NDArray[np.float64]:
    found = [first_failure(float(h) * rates.copies, endurance) for h in _pe_hazards(rates, endurance.shape)]
    return np.array([np.inf if tasks is None else tasks.median for tasks in found])


def _spares(rates: CellRates, options: LifeOptions, endurance: Endurance) -> tuple[Tasks | None, NDArray[np.float64]]:
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


def _range(rates: CellRates, chip: Resolved[ChipConfig]) -> tuple[float, float] | None:
    scale, shape = (chip.origins.get(f"rram.cell.endurance_{name}") for name in ("scale_cycles", "shape"))
    if scale is None or shape is None:
        return None
    ends = []
    for at, beta in ((scale.low, shape.low), (scale.high, shape.high)):
        found = first_failure(_total(rates, beta), Endurance(at, beta)) if at and beta else None
        if found is None:
            return None
        ends.append(found.median)
    return ends[0], ends[1]


def _layers(rates: CellRates, ledger: WearLedger, part: RramPart, endurance: Endurance) -> tuple[LayerLife, ...]:
    total, found = _total(rates, endurance.shape), []
    for spec, wear in ledger:
        layer = rates.layers[spec.name]
        hazard = float(hazards(layer, endurance.shape, (0, 1, 2))) * rates.copies
        each = rates.copies / ledger.tasks
        found.append(
            LayerLife(
                spec.name, len(layer), float(wear.distances.sum()) * each, float(wear.distances[-1]) * each,
                layer_pulses(wear, part)[1] * each, float(layer.max(initial=0)), first_failure(hazard, endurance),
                hazard / total if total else 0.0,
            )
        )  # fmt: skip
    return tuple(found)
