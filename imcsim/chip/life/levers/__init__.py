"""Levers on life, as functions of the cells' rates or of the stream, one file each, each with what it costs."""

from imcsim.chip.life.levers.pulled import Pulled, pull
from imcsim.chip.life.levers.refreshing import Refreshing, refresh
from imcsim.chip.life.levers.rotation import Rotation, rotate, rotated_cycles
from imcsim.chip.life.levers.selective_verify import verify_saving
from imcsim.chip.life.levers.spare_lines import SpareCost, spare_cost
from imcsim.chip.life.levers.sram_cache import CacheUse, sram_cache
from imcsim.chip.life.levers.swapping import SwappedPes, Swapping, swap

__all__ = [
    "CacheUse",
    "Pulled",
    "Refreshing",
    "Rotation",
    "SpareCost",
    "SwappedPes",
    "Swapping",
    "pull",
    "refresh",
    "rotate",
    "rotated_cycles",
    "spare_cost",
    "sram_cache",
    "swap",
    "verify_saving",
]
