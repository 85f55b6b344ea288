"""What a trace does on a chip, worked out once: which PE is where in each phase, what is written when, which bits move.

``price``, ``explain``, ``events``, ``life``, ``crash`` and ``map`` are handed it. Shape letters: F placement phases, P
PEs of a memory, L mapped layers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import Assignment, assign, check_match
from imcsim.chip.config import ChipConfig
from imcsim.chip.floor_plan import layer_hops
from imcsim.chip.layout import Layout, in_pes, pes_in
from imcsim.chip.layouts import layouts_of
from imcsim.chip.profile import PolicyProfile, TileProfile, profile_on
from imcsim.core.charge import Price
from imcsim.mapping.pe_grid import PeGrid
from imcsim.mapping.rule import MappingRule
from imcsim.memory.macro import Macro
from imcsim.memory.memory import Activity, Memory, activity
from imcsim.memory.site import Site
from imcsim.trace.conservation import check_once
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Bank:
    """One memory of a chip and the weights of a trace in its PEs.

    Parameters
    ----------
    macro, profile
        The memory, and the trace as its PEs see it.
    holds, trains
        (F, P): PEs whose weights are here, and train here, in each phase.
    arrives, homed, elsewhere
        (F, P): PEs whose weights come from home at the start of a phase; train away from a home that keeps them; train
        in the chip's other memory.
    """

    macro: Macro
    profile: TileProfile
    holds: Mask
    trains: Mask
    arrives: Mask
    homed: Mask
    elsewhere: Mask

    @property
    def name(self) -> str:
        """The memory's name."""
        return self.macro.name

    @property
    def memory(self) -> Memory:
        """What its PEs can do, and what that costs."""
        return self.macro.memory

    @property
    def site(self) -> Site:
        """Its place on the chip."""
        return self.macro.site

    @property
    def copies(self) -> int:
        """Copies of every weight that the chip asks for; copies that a mapping rule makes have PEs among P."""
        return self.macro.copies

    @property
    def layout(self) -> Layout:
        """Which weight lies in which of its PEs."""
        return self.profile.layout

    @property
    def grid(self) -> PeGrid:
        """Shapes of its PEs, of one copy."""
        return self.profile.grid

    @property
    def share(self) -> Floats | None:
        """(P,) share of a layer's vectors that meet the PE, where copies share them."""
        return self.layout.share

    @property
    def at(self) -> str:
        """Dotted path of the memory in the chip's file."""
        return self.macro.site.at

    @property
    def write_price(self) -> Price:
        """What one level change costs (J)."""
        return self.macro.memory.write_energy(self.macro.site)

    @property
    def write_leaf(self) -> str:
        """Last name of leaves of writes."""
        return self.macro.memory.write_leaf(self.macro.site)

    @property
    def in_place(self) -> PolicyProfile:
        """Level changes at the memory's own write policy."""
        return self.profile.policy(self.macro.memory.write_policy)

    @property
    def by_task(self) -> PolicyProfile:
        """Level changes between the codes at the ends of phases."""
        return self.profile.policy("task")

    def pes(self, units: NDArray[Scalar]) -> NDArray[Scalar]:
        """Give each PE the value of its placement unit: (..., U) -> (..., P)."""
        return np.asarray(units[..., self.layout.unit])

    def count(self, chosen: Mask) -> Ints:
        """Return how many PEs of one copy hold any that is chosen: (..., P) -> (...)."""
        return pes_in(self.layout, chosen)

    def merged(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """Add what shares a PE: (F, P) -> (F, PEs)."""
        return in_pes(self.layout, values)


@dataclass(frozen=True)
class Placed:
    """One trace on one chip.

    Parameters
    ----------
    where
        Which placement unit is in which memory in each phase.
    nonvolatile, volatile
        The memory that keeps its weights without power, and the one that does not; None where the chip has none.
    """

    trace: Trace
    chip: ChipConfig
    where: Assignment
    nonvolatile: Bank | None
    volatile: Bank | None

    @property
    def home(self) -> Bank:
        """The memory in which weights rest."""
        found = self.nonvolatile or self.volatile
        if found is None:  # a chip has a memory
            raise ValueError("the chip has no memory")
        return found

    @property
    def banks(self) -> tuple[Bank, ...]:
        """Its memories, the one that keeps its weights first."""
        return tuple(bank for bank in (self.nonvolatile, self.volatile) if bank is not None)

    @property
    def hybrid(self) -> bool:
        """Whether weights move between two memories."""
        return self.nonvolatile is not None and self.volatile is not None

    @property
    def phases(self) -> int:
        """F."""
        return len(self.trace.meta.phase_tasks)

    @property
    def copies(self) -> int:
        """Copies of every weight."""
        return self.chip.copies

    @cached_property
    def sides(self) -> tuple[Floats, Floats]:
        """(L,) inputs and (L,) outputs of each layer's weight matrices, all groups together."""
        layers = self.trace.meta.layers
        inputs = np.array([spec.groups * spec.fan_in for spec in layers], dtype=np.float64)
        return inputs, np.array([spec.groups * spec.outputs for spec in layers], dtype=np.float64)

    @cached_property
    def moved(self) -> tuple[Floats, Floats]:
        """(L,) inputs that one vector fetches from the buffer, and (L,) inputs and outputs that it sends over links."""
        fetched, sent = self.home.layout.inputs
        return fetched, sent + self.sides[1]

    def hops(self, copy: int = 0) -> Floats:
        """(L,) hops of each layer's bits; ``copy`` 1 is a second copy, after the first."""
        layout = self.home.layout
        pes = layout.pe + copy * layout.pe_count
        return layer_hops(self.chip, [pes[span] for span in layout.grid.layer_slices])

    @cached_property
    def weights(self) -> Floats:
        """(L,) weights of each layer."""
        return np.array([spec.weight_count for spec in self.trace.meta.layers], dtype=np.float64)

    @cached_property
    def positions(self) -> Floats:
        """(L,) input vectors of one image."""
        return np.array([spec.positions for spec in self.trace.meta.layers], dtype=np.float64)

    def activity(self, density: str) -> Activity:
        """How busy the lines of input or error vectors are, by the trace's field of that name; kept with the trace."""
        key = ("activity", density, self.chip.dac_bits)
        found = self.trace.cache.get(key)
        if not isinstance(found, Activity):
            found = activity(getattr(self.trace, density), self.chip.dac_bits)
            self.trace.cache[key] = found
        return found

    @cached_property
    def counts(self) -> Mapping[str, Floats]:
        """(F, L) of each count of the trace."""
        return {name: np.asarray(count, dtype=np.float64) for name, count in self.trace.counts.items()}

    @cached_property
    def phase_counts(self) -> Mapping[str, Floats]:
        """(F,) of each count of the trace that is not by layer."""
        return {name: np.asarray(count, dtype=np.float64) for name, count in self.trace.task_counts.items()}

    @cached_property
    def serving(self) -> "Placed":
        """Where the weights are read once a task is learned: at home if they are committed, else where they trained.

        Residents of a hybrid are read where they stay.
        """
        if self.nonvolatile is None or self.chip.commit != "task":
            return self
        resident = np.zeros_like(self.where.volatile_training) | self.where.resident
        nowhere = np.zeros_like(resident)
        where = Assignment(nowhere, nowhere, resident, ~resident, self.where.resident)
        return Placed(self.trace, self.chip, where, *_banks(self.trace, where, self.profiles))

    @property
    def profiles(self) -> Iterator[tuple[Macro, TileProfile]]:
        """Each memory with the trace in it."""
        return ((bank.macro, bank.profile) for bank in self.banks)


def place(trace: Trace, chip: ChipConfig, rule: str | MappingRule = "im2col") -> Placed:
    """Return what ``trace`` does on ``chip``.

    Parameters
    ----------
    rule
        The mapping rule, by name or itself.

    Raises
    ------
    TraceError
        If the trace cannot be priced on this chip: other bits, masks for another PE size, or it does not fit.
    MappingError
        If the rule lays the network as the chip cannot read it, or cannot lay it in the chip's PEs.
    ConservationError
        If a law of the trace does not hold.
    """
    check_match(check_once(trace), chip)
    macros = chip.macros
    profiles = [profile_on(trace, layout) for layout in layouts_of(trace, chip, rule)]
    where = assign(chip, profiles[0], profiles[1] if len(profiles) > 1 else None)
    return Placed(trace, chip, where, *_banks(trace, where, zip(macros, profiles, strict=True)))


def _banks(
    trace: Trace, where: Assignment, profiles: Iterator[tuple[Macro, TileProfile]]
) -> tuple[Bank | None, Bank | None]:
    found: dict[bool, Bank] = {}
    for macro, profile in profiles:
        volatile, unit = macro.memory.volatile, profile.layout.unit
        trains, elsewhere = where.volatile_training, where.nonvolatile_training
        if not volatile:
            trains, elsewhere = elsewhere, trains
        units = (where.within(volatile=volatile), trains, where.arriving, where.homed_training, elsewhere)
        alike = np.array_equal(unit, np.arange(trains.shape[1]))  # each unit is one PE, and they are in order
        masks = units if alike else tuple(mask[:, unit] for mask in units)
        found[volatile] = Bank(macro, profile, *masks)
    return found.get(False), found.get(True)
