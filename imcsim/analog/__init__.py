"""Networks on crossbars: Linear and Conv2d on RRAM and SRAM PEs, programmed, aged and read as the chip does it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imcsim.analog.config import SLOTS, AnalogConfig
    from imcsim.analog.convert import convert
    from imcsim.analog.layer import AnalogConv2d, AnalogLinear
    from imcsim.analog.loading import load_converted
    from imcsim.analog.network import AnalogNetwork
    from imcsim.analog.own_layer import analog_layer
    from imcsim.analog.pes import AnalogCells, LayerPes

_LAZY = {
    "AnalogCells": "imcsim.analog.pes",
    "LayerPes": "imcsim.analog.pes",
    "analog_layer": "imcsim.analog.own_layer",
    "SLOTS": "imcsim.analog.config",
    "AnalogConfig": "imcsim.analog.config",
    "AnalogConv2d": "imcsim.analog.layer",
    "AnalogLinear": "imcsim.analog.layer",
    "AnalogNetwork": "imcsim.analog.network",
    "convert": "imcsim.analog.convert",
    "load_converted": "imcsim.analog.loading",
}

__all__ = [
    "SLOTS",
    "AnalogCells",
    "AnalogConfig",
    "AnalogConv2d",
    "AnalogLinear",
    "AnalogNetwork",
    "LayerPes",
    "analog_layer",
    "convert",
    "load_converted",
]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module 'imcsim.analog' has no attribute '{name}'")
    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
