"""Levers on life, as functions of the cells' rates or of the stream, one file each, each with what it costs."""

from imcsim.life.levers.pulled import Pulled, pull
from imcsim.life.levers.refreshing import Refreshing, refresh
from imcsim.life.levers.rotation import Rotation, rotate, rotated_cycles
from imcsim.life.levers.sram_cache import CacheUse, sram_cache
from imcsim.life.levers.swapping import SwappedPes, Swapping, swap

__all__ = [
    "CacheUse",
    "Pulled",
    "Refreshing",
    "Rotation",
    "SwappedPes",
    "Swapping",
    "pull",
    "refresh",
    "rotate",
    "rotated_cycles",
    "sram_cache",
    "swap",
]
