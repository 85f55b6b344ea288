"""A memory in its place on a chip: what is read, written and paid for as one kind of PE."""

from dataclasses import dataclass
from functools import cached_property

from imcsim.core.errors import ConfigError
from imcsim.mapping.geometry import PeGeometry
from imcsim.memory.data_sheet import DataSheet, data_sheet
from imcsim.memory.memory import Memory
from imcsim.memory.site import Site


@dataclass(frozen=True)
class Macro:
    """One memory (``memory``) at its place (``site``)."""

    memory: Memory
    site: Site

    @property
    def name(self) -> str:
        """The memory's name, as in leaves and tables."""
        return self.site.name

    @property
    def geometry(self) -> PeGeometry:
        """One PE."""
        return self.site.geometry

    @property
    def copies(self) -> int:
        """Copies of every weight that it holds."""
        return self.site.copies

    @cached_property
    def sheet(self) -> DataSheet:
        """Its numbers, worked out once."""
        return data_sheet(self.memory, self.site)

    @property
    def pe_area_m2(self) -> float:
        """Area of one PE."""
        return sum(piece.area_m2 for piece in self.sheet.area.values())

    @property
    def room(self) -> int:
        """PEs that one copy of the weights may take."""
        return self.memory.pe_count // self.site.copies


def checked(memory: Memory, at: str) -> None:
    """Raise ValueError with the path of ``memory`` if parts of it contradict."""
    try:
        memory.check()
    except ConfigError as error:
        raise ValueError(f"[{at}] {error}") from None
