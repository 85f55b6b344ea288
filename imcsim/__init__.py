"""What it costs, and what it buys, to keep learning on a chip of RRAM and SRAM in-memory arrays.

The public names are imported when they are first used, so that ``import imcsim`` costs nothing; their types are in
``__init__.pyi``, which also gives names to annotate with: ``imcsim.Chip``, ``Trace``, ``Report``, ``Method`` and
``Stream``. ``imcsim.learn`` is a package and, called, the function of the same name.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Chip": "imcsim.chip.given",
    "Method": "imcsim.learn.method",
    "Report": "imcsim.chip.report",
    "Stream": "imcsim.learn.stream",
    "Trace": "imcsim.trace.trace",
    "convert": "imcsim.analog.convert",
    "learn": "imcsim.learn",
    "load": "imcsim.api",
    "load_converted": "imcsim.analog.loading",
    "multi_domain": "imcsim.learn.domains",
    "network_after": "imcsim.learn.rebuild",
    "plot": "imcsim.api",
    "price": "imcsim.chip.price",
    "split": "imcsim.learn.stream",
    "sweep": "imcsim.study.sweep",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'imcsim' has no attribute '{name}'")
    home = import_module(_HOMES[name])
    return home if name == "learn" else getattr(home, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
