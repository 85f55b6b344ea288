"""The array: how codes become cell levels, and what its wires do to a product.

What needs torch is loaded when it is first named.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imcsim.crossbar.encoding import Encoding

if TYPE_CHECKING:
    from imcsim.crossbar.wires.effective import effective_conductance
    from imcsim.crossbar.wires.solve import solve_wires

__all__ = ["Encoding", "effective_conductance", "solve_wires"]

_HOMES = {
    "effective_conductance": "imcsim.crossbar.wires.effective",
    "solve_wires": "imcsim.crossbar.wires.solve",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'imcsim.crossbar' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
