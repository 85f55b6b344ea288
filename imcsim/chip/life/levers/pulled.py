"""All levers that move or add writes, pulled on the same rates one after the other."""

from dataclasses import dataclass

from imcsim.chip.config import ChipConfig, RramPart
from imcsim.chip.life.cycles import CellRates
from imcsim.chip.life.ledger import WearLedger
from imcsim.chip.life.levers.refreshing import Refreshing, refresh
from imcsim.chip.life.levers.rotation import Rotation, rotate
from imcsim.chip.life.levers.spare_lines import SpareCost, spare_cost
from imcsim.chip.life.levers.sram_cache import CacheUse
from imcsim.chip.life.levers.swapping import Swapping, swap
from imcsim.chip.life.options import LifeOptions
from imcsim.trace.trace import Trace


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
    trace: Trace, chip: ChipConfig, part: RramPart, rates: CellRates, ledger: WearLedger, options: LifeOptions,
    cache: CacheUse | None,
) -> tuple[CellRates, Pulled]:  # fmt: skip
    """Return the rates with all levers of ``options``, and their costs; rows move with the wear of refresh in them."""
    rotation, swapping, refreshing = None, None, None
    if options.refresh_auto or options.refresh_days is not None:
        refreshing = refresh(rates, ledger, chip, part, options)
        rates = refreshing.rates
    if options.rotate_every_tasks is not None:
        rotation = rotate(trace, rates, ledger, part, options)
        rates = rotation.rates
    if options.swap_every_tasks is not None:
        swapping = swap(trace, rates, ledger, part, options)
        rates = swapping.rates
    spares = spare_cost(chip, part, options) if options.spare_columns or options.spare_rows else None
    return rates, Pulled(rotation, swapping, refreshing, spares, cache)
