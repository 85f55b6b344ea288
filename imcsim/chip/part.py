"""Parts of a chip beside its memories that cost something of their own: regulators, pumps, clock trees.

A sort is one subclass of :class:`ChipPart` in one file, filed with ``@part_sort("name")``; another package names its
own behind an entry point ``imcsim.part``. A chip file holds it as ``[part.NAME]`` with ``sort = "..."``.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, TypeVar

from imcsim.core.charge import Charges
from imcsim.core.config import FrozenConfig
from imcsim.core.registry import Registry


class ChipPart(FrozenConfig):
    """A part that adds charges to those of the rest of the chip."""

    sort: ClassVar[str] = ""
    """The name that its class is filed under."""
    references: ClassVar[Mapping[str, str]] = {}
    """Field -> content kind, for fields that a chip file may give by the name of another file."""

    @abstractmethod
    def charges(self, tree: str, spent: Charges, at: str) -> Charges:
        """Return what the part adds to ``tree``.

        Parameters
        ----------
        tree
            Name of the tree: energy, latency, area, deployment, task_switch, power_up, inference, inference_latency.
        spent
            What everything before it is charged in this tree: a regulator's loss is a share of that.
        at
            Dotted path of the part in the chip's file, for the origins of its values.
        """


PARTS: Registry[type[ChipPart]] = Registry("part sort", None, "imcsim.part")
PartT = TypeVar("PartT", bound=ChipPart)


def part_sort(name: str) -> Callable[[type[PartT]], type[PartT]]:
    """Return a decorator that files a sort of part under ``name``."""

    def add(sort: type[PartT]) -> type[PartT]:
        sort.sort = name
        PARTS.register(name)(sort)
        return sort

    return add
