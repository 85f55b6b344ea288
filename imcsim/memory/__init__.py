"""The memories of a chip: sorts of PE that hold weights, what they can do, and what each of it costs.

One file a sort; :class:`imcsim.memory.memory.Memory` says what a sort must know. Nothing here needs a trace. The names
below are those that a sort of another package is written with.
"""

from imcsim.memory.beside import Beside
from imcsim.memory.memory import (
    MEMORIES,
    Activity,
    Component,
    Endurance,
    Lines,
    Memory,
    Numbers,
    Piece,
    ReadTime,
    Weights,
    line_drivers,
    memory_sort,
)
from imcsim.memory.site import Site

__all__ = [
    "MEMORIES",
    "Activity",
    "Beside",
    "Component",
    "Endurance",
    "Lines",
    "Memory",
    "Numbers",
    "Piece",
    "ReadTime",
    "Site",
    "Weights",
    "line_drivers",
    "memory_sort",
]
