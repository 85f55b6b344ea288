"""Parts of a chip beside its memories that cost something of their own: regulators, pumps, clock trees.

A sort is one subclass of :class:`ChipPart` in one file, filed with ``@part_sort("name")``; another package names its
own behind an entry point ``imcsim.part``. A chip file holds it as ``[part.NAME]`` with ``sort = "..."``.

Parts enter in :func:`imcsim.chip.charged.with_parts`, after everything else of a tree and in the order of the file.
Each sees what is charged before it; of training and of one image also over what seconds, so that a mean load follows.
Its charges are leaves below ``part.NAME``.
``price``, ``explain``, one image (:mod:`imcsim.chip.per_image`) and events then show them; events spend them at the
ends of steps (:mod:`imcsim.events.rest`).
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np

from imcsim.core.answers import first, watch, wrong_number, wrong_price
from imcsim.core.charge import Charge, Charges, Floats
from imcsim.core.config import FrozenConfig
from imcsim.core.errors import short
from imcsim.core.registry import Registry
from imcsim.core.sorted_table import wrong_name, wrong_sort

BY_PHASE = ("energy", "latency")
"""Trees whose charges are by phase."""


@dataclass(frozen=True)
class Spent:
    """What a part adds to: one tree, with all that is charged in it before.

    Parameters
    ----------
    tree
        energy, latency, area, deployment, task_switch, power_up, inference or inference_latency.
    charges
        What everything before the part is charged: a regulator's loss is a share of that.
    seconds
        (F,) of training by phase (energy), (1,) of an image (inference); None in other trees.
    """

    tree: str
    charges: Charges
    seconds: Floats | None = None

    @property
    def by_phase(self) -> Floats:
        """(F,) all that is charged before, of training by phase; (1,) in trees that are not by phase."""
        costs = [charge.by_phase for charge in self.charges]
        if self.tree in BY_PHASE:
            return np.asarray(np.sum(costs, axis=0), dtype=np.float64)
        return np.array([sum(float(cost.sum()) for cost in costs)])

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of the trace that they are counted from."""
        return tuple(dict.fromkeys(field for charge in self.charges for field in charge.fields))

    @property
    def origins(self) -> tuple[str, ...]:
        """Dotted paths of the chip's values that they follow from."""
        return tuple(dict.fromkeys(origin for charge in self.charges for origin in charge.each.origins))


class ChipPart(FrozenConfig):
    """A part that adds charges to those of the rest of the chip."""

    sort: ClassVar[str] = ""
    """The name that its class is filed under."""
    references: ClassVar[Mapping[str, str]] = {}
    """Field -> content kind, for fields that a chip file may give by the name of another file."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        watch(cls, {"charges": _wrong_charges}, "part sort")

    @abstractmethod
    def charges(self, spent: Spent, at: str) -> Charges:
        """Return what the part adds to the tree of ``spent``; ``at`` is its own dotted path in the chip's file.

        The leaves are its own names: ``loss`` stands at ``part.NAME.loss`` of the tree.
        """


def _wrong_charges(part: ChipPart, answer: object, spent: Spent, *_: object) -> str | None:
    """Return what is wrong with the charges of a part: each a leaf of its own, by phase where the tree is."""
    if not isinstance(answer, tuple | list):
        return f"a tuple of Charge, got {short(repr(answer), 40)}"
    phases = {charge.by_phase.shape for charge in spent.charges} if spent.tree in BY_PHASE else {(1,), ()}
    return first(_wrong_charge(charge, phases, spent.tree) for charge in answer)


def _wrong_charge(charge: object, phases: set[tuple[int, ...]], tree: str) -> str | None:
    if not isinstance(charge, Charge):
        return f"a tuple of Charge, got {short(repr(charge), 40)} in it"
    names = charge.leaf.split(".") if isinstance(charge.leaf, str) else [charge.leaf]
    wrong = first(wrong_name(name) for name in names)
    if wrong is not None:
        return f"charges whose leaves are each {wrong}"
    wrong = wrong_number(charge.amount, *phases)
    if wrong is None and tree in BY_PHASE and not isinstance(charge.amount, np.ndarray):
        wrong = f"an array by phase, of shape {next(iter(phases), ())}, got {charge.amount!r:.40}"
    if wrong is not None:
        return f"charges, but the amount of '{charge.leaf}' in the tree {tree} is not {wrong}"
    wrong = wrong_price(charge.each, *phases)
    return None if wrong is None else f"charges, but each of '{charge.leaf}' in the tree {tree} is not {wrong}"


PARTS: Registry[type[ChipPart]] = Registry("part sort", None, "imcsim.part", wrong_sort(ChipPart))
PartT = TypeVar("PartT", bound=ChipPart)


def part_sort(name: str) -> Callable[[type[PartT]], type[PartT]]:
    """Return a decorator that files a sort of part under ``name``."""

    def add(sort: type[PartT]) -> type[PartT]:
        sort.sort = name
        PARTS.register(name)(sort)
        return sort

    return add
