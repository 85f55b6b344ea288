"""All levers that move or add writes, pulled on the same rates one after the other."""

from dataclasses import dataclass

from imcsim.chip.placed import Placed
from imcsim.chip.wear.ledger import WearLedger
from imcsim.life.cycles import CellRates
from imcsim.life.failures import expected_life
from imcsim.life.levers.refreshing import Refreshing, refresh
from imcsim.life.levers.rotation import Rotation, rotate
from imcsim.life.levers.sram_cache import CacheUse
from imcsim.life.levers.swapping import Swapping, swap
from imcsim.life.options import LifeOptions
from imcsim.life.spares import SpareCost, spare_cost
from imcsim.memory.macro import Macro
from imcsim.trace.trace import Trace

_ROUNDS = 3  # of fitting the simulated time to the life: each changes it less than the one before


@dataclass(frozen=True)
class Pulled:
    """What each lever costs, None where not chosen."""

    rotation: Rotation | None = None
    swapping: Swapping | None = None
    refreshing: Refreshing | None = None
    spares: SpareCost | None = None
    cache: CacheUse | None = None

    @property
    def moving_j(self) -> float:
        """Energy per task (J) of moving rows."""
        rotation = 0.0 if self.rotation is None else self.rotation.energy_per_task_j
        return rotation + (0.0 if self.swapping is None else self.swapping.energy_per_task_j)

    @property
    def refresh_j(self) -> float:
        """Energy per task (J) of refreshing."""
        return 0.0 if self.refreshing is None else self.refreshing.energy_per_task_j


def pull(
    placed: Placed, macro: Macro, rates: CellRates, ledger: WearLedger, options: LifeOptions, cache: CacheUse | None
) -> tuple[CellRates, Pulled]:  # fmt: skip
    """Return the rates with all levers of ``options``, and their costs; rows move with the wear of refresh in them."""
    rotation, swapping, refreshing, trace = None, None, None, placed.trace
    if options.refresh_auto or options.refresh_days is not None:
        refreshing = refresh(rates, ledger, macro, options, placed.chip.horizon.tasks_per_day)
        rates = refreshing.rates
    if options.rotate_every_tasks is not None:
        rotation = rotate(trace, rates, ledger, macro, options)
        rates = rotation.rates
    if options.swap_every_tasks is not None:
        swapping = _over_life(trace, rates, ledger, macro, options)
        rates = swapping.rates
    spares = spare_cost(macro, options) if options.spare_columns or options.spare_rows else None
    return rates, Pulled(rotation, swapping, refreshing, spares, cache)


def _over_life(
    trace: Trace, rates: CellRates, ledger: WearLedger, macro: Macro, options: LifeOptions
) -> Swapping:  # fmt: skip
    """Swap over the life that follows from it: a short one is not levelled as in the long run."""
    found = swap(trace, rates, ledger, macro, options)
    for _ in range(_ROUNDS):
        life = expected_life(found.rates, macro)
        if life is None or life >= found.simulated_tasks:
            break
        found = swap(trace, rates, ledger, macro, options, life)
    return found
