"""The outlook on a chip's life: a measured stream repeated without end, and when its cells fail.

What is measured is one stream of tasks; later tasks are taken to write each cell at the same mean rate. Shape letters:
P PEs of the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.charged import charged
from imcsim.chip.given import ChipLike, given_chip
from imcsim.chip.placed import Placed, place
from imcsim.chip.price import report_of
from imcsim.chip.wear.first_failure import Endurance, Tasks, first_failure
from imcsim.chip.wear.ledger import WearLedger
from imcsim.chip.wear.recording import wear_ledger
from imcsim.chip.wear.worn import weibull_of, worn_memory
from imcsim.core.errors import ConfigError
from imcsim.core.sources import Origin
from imcsim.life.cycles import CellRates, cell_rates
from imcsim.life.energy import EnergyAt, LifeEnergy, energy_along, verify_saving
from imcsim.life.failing import LayerLife, failing
from imcsim.life.failures import expected_life
from imcsim.life.levers import CacheUse, Pulled, Rotation, pull, sram_cache
from imcsim.life.notes import notes_of
from imcsim.life.options import LifeOptions
from imcsim.life.spares import SpareCost
from imcsim.mapping.rule import MappingRule
from imcsim.memory.macro import Macro
from imcsim.trace.given import TraceLike, read_trace


@dataclass(frozen=True)
class Outlook:
    """How long a chip lives at the measured wear per task.

    Parameters
    ----------
    chip, method, dataset, network, tasks, tasks_per_day
        What was measured, and the rate at which tasks come.
    options
        Wear rule and levers.
    memory, endurance
        Name of the memory that wears; scale and shape of the cycles to failure of its cells, None where it states
        none: then only the guaranteed cycles tell of failures.
    rates
        Cycles per task of every cell, as the levers leave them.
    first_failure, one_percent, spare_limited
        Tasks until the first cell fails, until 1 % of cells have, and (with spares) until a PE has too few lines; None
        if that never happens, or is not known.
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
    memory: str
    endurance: Endurance | None
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
    trace: TraceLike,
    chip: ChipLike,
    options: LifeOptions | None = None,
    ledger: WearLedger | None = None,
    *,
    rule: str | MappingRule = "im2col",
) -> Outlook:
    """Return the outlook of ``chip`` if it learns streams like ``trace`` without end.

    Parameters
    ----------
    trace, chip
        What is learned, and where, as :func:`imcsim.chip.price.price` takes them. What a lever changes of the chip must
        be in it, as :func:`imcsim.life.chips.chip_for` loads it.
    options
        Wear rule and levers; None: no lever.
    ledger
        Wear to go by, of as many tasks as it holds; None: that of ``trace``.
    rule
        The mapping rule, by name or itself.

    Raises
    ------
    ConfigError
        If the chip has no memory that wears, the ledger is of another mapping, or a lever does not suit the chip.
    TraceError
        If the trace does not fit the chip.
    """
    resolved = given_chip(chip)
    return outlook_of(place(read_trace(trace), resolved.config, rule), resolved.origins, options, ledger)


def outlook_of(
    placed: Placed,
    origins: Mapping[str, Origin],
    options: LifeOptions | None = None,
    ledger: WearLedger | None = None,
) -> Outlook:
    """Return the outlook of a trace placed on a chip whose values have ``origins``, else as :func:`outlook`."""
    chosen, meta, horizon = options or LifeOptions(), placed.trace.meta, placed.chip.horizon
    macro = worn_memory(placed.chip)
    spent, cache = charged(placed), _cache(placed, chosen, ledger)
    worn = cache.ledger if cache is not None else ledger or wear_ledger(placed, spent.writes.commits)
    home = placed.home.layout
    WearLedger(macro.geometry, meta.layers, macro.copies, laid=home.laid).check_same_cells(worn)
    worn = worn if worn.layout is not None else replace(worn, layout=home)
    saving = verify_saving(macro, chosen)
    rates, levers = pull(placed, macro, cell_rates(worn, macro, chosen), worn, chosen, cache)
    fails, report = failing(rates, worn, macro, chosen), report_of(spent, origins)
    measured = worn.tasks if cache is None else meta.tasks
    worst, cell, margin = rates.worst, macro.memory.endurance, macro.memory.ageing.margin_cycles
    energy = LifeEnergy.of(report, macro, meta.tasks, saving, levers)
    return Outlook(
        chip=placed.chip.name, method=meta.method, dataset=meta.dataset, network=meta.network,
        tasks=measured, tasks_per_day=horizon.tasks_per_day, options=chosen, memory=macro.name,
        endurance=weibull_of(macro), cells=rates.cells * rates.copies, worst_cycles_per_task=worst, rates=rates,
        first_failure=fails.first, one_percent=fails.one_percent, spare_limited=fails.spare_limited,
        layers=fails.layers, pe_tasks=fails.pe_tasks, pe_dies_first=fails.pe_dies_first,
        guaranteed_tasks=cell.guaranteed_cycles / worst if worst else None,
        margin_tasks=margin / worst if worst and margin else None,
        published_range=_range(rates, macro, origins),
        pe_layer=np.concatenate([np.full(len(r), i) for i, r in enumerate(rates.layers.values())]),
        energy=energy_along(energy, rates, macro.memory.ageing, expected_life(rates, macro) or 0.0),
        area_m2=report.area.total + (0.0 if levers.spares is None else levers.spares.area_m2), levers=levers,
        notes=(*notes_of(macro, chosen, measured, fails.first, levers), *report.warnings),
    )  # fmt: skip


def _cache(placed: Placed, options: LifeOptions, ledger: WearLedger | None) -> CacheUse | None:
    places, away = options.sram_cache_pes, placed.volatile
    if places is None:
        return None
    if away is None or away.memory.pe_count != places:
        at = "sram" if away is None else away.site.at
        raise ConfigError(f"sram-cache={places} needs a hybrid chip with {at}.pe_count = {places}")
    if ledger is not None:
        raise ConfigError("sram-cache plays the stream itself and cannot go by a ledger: leave one of them")
    return sram_cache(placed, options)


def _range(rates: CellRates, macro: Macro, origins: Mapping[str, Origin]) -> tuple[float, float] | None:
    scale, shape = (origins.get(f"{macro.site.at}.cell.endurance_{name}") for name in ("scale_cycles", "shape"))
    if scale is None or shape is None:
        return None
    ends, bits = [], macro.memory.cell_bits
    for at, beta in zip(scale.ends(bits - 1), shape.ends(bits - 1), strict=True):
        found = first_failure(rates.hazard(beta), Endurance(at, beta)) if at and beta else None
        if found is None:
            return None
        ends.append(found.median)
    return ends[0], ends[1]
