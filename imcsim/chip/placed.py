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
from imcsim.chip.layouts import profiles_of
from imcsim.chip.profile import PolicyProfile, TileProfile
from imcsim.mapping.pe_grid import PeGrid
from imcsim.mapping.rule import MappingRule
from imcsim.memory.data_sheet import DataSheet
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
    places
        PEs that hold weights at once, where those of a network take turns; None: all have a place.
    """

    macro: Macro
    profile: TileProfile
    holds: Mask
    trains: Mask
    arrives: Mask
    homed: Mask
    elsewhere: Mask
    places: int | None = None

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
    def sheet(self) -> DataSheet:
        """The memory's numbers."""
        return self.macro.sheet

    @property
    def in_place(self) -> PolicyProfile:
        """Level changes at the memory's own write policy."""
        return self.profile.policy(self.macro.memory.write_policy)

    @property
    def by_task(self) -> PolicyProfile:
        """Level changes between the codes at the ends of phases."""
        return self.profile.policy("task")

    @cached_property
    def rests(self) -> Mask:
        """(F, P): PEs whose weights do not change, in whichever memory they are."""
        return ~(self.trains | self.elsewhere)

    @cached_property
    def held_pes(self) -> Ints:
        """(F,) PEs that hold weights at once, copies among them."""
        held = self.count(self.holds) * self.copies
        return held if self.places is None else np.minimum(held, self.places)

    @cached_property
    def training_pes(self) -> Ints:
        """(F,) PEs of one copy that train here."""
        return self.count(self.trains)

    @cached_property
    def resting_pes(self) -> Ints:
        """(F,) PEs of one copy that are here and do not change."""
        return self.count(self.holds & ~self.trains)

    @cached_property
    def arriving_rows(self) -> Floats:
        """(F,) used rows of the tallest PE whose weights come from home."""
        rows = self.merged(self.arrives * self.grid.rows)
        return np.asarray(rows.max(axis=1, initial=0), dtype=np.float64)

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

    @cached_property
    def hops(self) -> Floats:
        """(L,) hops of the bits of each layer's inputs and outputs."""
        return self._hops(0)

    @cached_property
    def error_hops(self) -> Floats:
        """(L,) hops of the bits of each layer's errors, which go to the second copy where there is one."""
        return self._hops(1) if self.chip.input_gradient == "second-copy" else self.hops

    def _hops(self, copy: int) -> Floats:
        layout, spans = self.home.layout, self.home.grid.layer_slices
        if self.chip.floor_plan is None:  # a rule may lay nothing of a layer of zeros
            return np.array([self.chip.link.hops if span.stop > span.start else 0.0 for span in spans])
        pes = layout.pe + copy * layout.pe_count
        return layer_hops(self.chip, [pes[span] for span in spans])

    @cached_property
    def weights(self) -> Floats:
        """(L,) weights of each layer."""
        return np.array([spec.weight_count for spec in self.trace.meta.layers], dtype=np.float64)

    @cached_property
    def positions(self) -> Floats:
        """(L,) input vectors of one image."""
        return np.array([spec.positions for spec in self.trace.meta.layers], dtype=np.float64)

    @property
    def input_activity(self) -> Activity:
        """How busy the lines of input vectors are."""
        return self._activity("input_density")

    @property
    def error_activity(self) -> Activity:
        """How busy the lines of error vectors are."""
        return self._activity("error_density")

    def _activity(self, density: str) -> Activity:
        """By the trace's field of that name; kept with the trace."""
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
    def scratch_pes(self) -> int:
        """PEs that hold activations for weight gradients: the widest layer's fan-in bits, one row tile deep."""
        if self.chip.weight_gradient != "sram-array":
            return 0
        widest = max(spec.fan_in for spec in self.trace.meta.layers) * self.chip.input_bits
        return -(-widest // self.chip.array.cols)

    @cached_property
    def switched(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Layers that a task switch rewrites in the memory that keeps its weights, and in the other one."""
        meta = self.trace.meta
        if meta.tasks < 2 or self.nonvolatile is None:
            return (), meta.switched_layers if meta.tasks > 1 else ()
        stays = set(meta.resident_layers) if self.volatile is not None else set()
        switched = meta.switched_layers
        return tuple(n for n in switched if n not in stays), tuple(n for n in switched if n in stays)

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
        return Placed(self.trace, self.chip, where, *_banks(self.chip, where, self.profiles))

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
    profiles = profiles_of(trace, chip, rule)
    where = assign(chip, profiles[0], profiles[1] if len(profiles) > 1 else None)
    return Placed(trace, chip, where, *_banks(chip, where, zip(chip.macros, profiles, strict=True)))


def _banks(
    chip: ChipConfig, where: Assignment, profiles: Iterator[tuple[Macro, TileProfile]]
) -> tuple[Bank | None, Bank | None]:
    found: dict[bool, Bank] = {}
    for macro, profile in profiles:
        volatile, unit = macro.memory.volatile, profile.layout.unit
        trains, rests, elsewhere = where.volatile_training, where.volatile_resting, where.nonvolatile_training
        if not volatile:
            trains, rests, elsewhere = elsewhere, where.nonvolatile_resting, trains
        units = (trains | rests, trains, where.arriving, where.homed_training, elsewhere)
        alike = np.array_equal(unit, np.arange(trains.shape[1]))  # each unit is one PE, and they are in order
        masks = units if alike else tuple(mask[:, unit] for mask in units)
        turns = chip.oversize == "multiplex" and volatile
        holds, trained, arrives, homed, away = masks
        places = macro.memory.pe_count if turns else None
        found[volatile] = Bank(macro, profile, holds, trained, arrives, homed, away, places)
    return found.get(False), found.get(True)
