"""Which memory each placement unit is in during each phase: the placement of the method, within what the chip has.

Shape letters: F placement phases, U placement units, P PEs of a memory.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.layout import unit_sizes
from imcsim.chip.profile import TileProfile
from imcsim.core.errors import TraceError
from imcsim.memory.macro import Macro
from imcsim.trace.trace import Trace

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Assignment:
    """(F, U) masks; each unit of each phase is in exactly one of them.

    What trains, and what rests, in the memory that loses its weights without power (``volatile``) and in the one that
    keeps them. ``nonvolatile_training``: all units of a chip without the other, or the overflow of a hybrid, trained
    in place. ``resident`` (U,) units have no home that keeps them: they stay in the volatile memory of a hybrid, a
    task's own and stored with its masks.
    """

    volatile_training: Mask
    nonvolatile_training: Mask
    volatile_resting: Mask
    nonvolatile_resting: Mask
    resident: Mask
    warnings: tuple[str, ...] = ()

    def within(self, *, volatile: bool) -> Mask:
        """Units whose weights sit in that memory."""
        if volatile:
            return self.volatile_training | self.volatile_resting
        return self.nonvolatile_training | self.nonvolatile_resting

    @property
    def resting(self) -> Mask:
        """Units that do not change."""
        return self.volatile_resting | self.nonvolatile_resting

    @cached_property
    def homed_training(self) -> Mask:
        """Units that train away from a home that keeps them, to which commits go."""
        return self.volatile_training & ~self.resident

    @cached_property
    def arriving(self) -> Mask:
        """Units that come from their home to train elsewhere at the start of a phase."""
        training = self.homed_training
        return training & ~np.vstack([np.zeros_like(training[:1]), training[:-1]])


def assign(chip: ChipConfig, home: TileProfile, workplace: TileProfile | None) -> Assignment:
    """Put each unit of each phase into a memory.

    Parameters
    ----------
    home
        The trace in the memory in which weights rest.
    workplace
        The trace in the memory in which a hybrid's weights train; None where there is one memory.

    Raises
    ------
    TraceError
        If the network or its trainable set does not fit the chip.
    """
    trainable = trainable_units(home)
    nothing, nobody = np.zeros_like(trainable), np.zeros(trainable.shape[1], bool)
    _check_capacity(home.layout.pe_count, chip)
    if chip.volatile is None:
        return Assignment(nothing, trainable, nothing, ~trainable, nobody)
    if workplace is None:
        return Assignment(trainable, nothing, ~trainable, nothing, nobody)
    macro, sizes = chip.volatile, unit_sizes(workplace.layout)
    resident = _resident(home)
    needed = int(((trainable | resident) @ sizes).max(initial=0))
    if needed <= macro.room:
        frozen = ~trainable
        return Assignment(trainable, nothing, frozen & resident, frozen & ~resident, resident)
    return _overflowing(chip, macro, home, (trainable, resident, sizes), needed)


def _overflowing(
    chip: ChipConfig, macro: Macro, home: TileProfile, units: tuple[Mask, Mask, Ints], needed: int
) -> Assignment:
    trainable, resident, sizes = units
    name, keeps = macro.name.upper(), chip.home.name.upper()
    if chip.overflow == "refuse":
        raise TraceError(
            f"{needed} PEs train at once but '{chip.name}' has room for {macro.room} in {name}; freeze more, raise "
            f"{macro.site.at}.pe_count, or set overflow = 'rram' to train the rest in place"
        )
    hot = _hottest(home, trainable, resident, sizes, macro.room)
    warning = (
        f"the chip, not the method, set the limit: {needed} PEs train at once and {name} holds {macro.room}; "
        f"the {needed - macro.room} with the fewest level changes train in {keeps} at policy "
        f"'{chip.home.memory.write_policy}'"
    )
    staying = resident & hot.any(axis=0)
    rests = ~trainable & staying
    return Assignment(hot, trainable & ~hot, rests, ~trainable & ~rests, staying, (warning,))


def trainable_units(home: TileProfile) -> Mask:
    """(F, U): units that the method trains; all, if it places none."""
    trace, layout, tile = home.trace, home.layout, home.trace.meta.pe_tile
    pes = np.ones((len(trace.meta.phase_tasks), home.grid.count), bool)
    for layer, (spec, span) in enumerate(zip(trace.meta.layers, home.grid.layer_slices, strict=True)):
        placed = trace.placement.get(spec.name)
        if placed is not None and tile is not None:
            pes[:, span] = layout.trains(placed, tile, layer)
    if np.array_equal(layout.unit, np.arange(home.grid.count)):
        return pes
    units = int(layout.unit.max(initial=-1)) + 1
    return np.stack([np.bincount(layout.unit, phase, minlength=units) > 0 for phase in pes])


def check_match(trace: Trace, chip: ChipConfig) -> None:
    """Raise TraceError if the trace cannot be priced on ``chip``: other bits, or masks for another PE size."""
    for name in ("weight_bits", "input_bits", "error_bits"):
        have, want = getattr(trace.meta, name), getattr(chip, name)
        if have != want:
            raise TraceError(f"the trace was recorded with {name} = {have}, but '{chip.name}' has {want}")
    tiles = {(macro.geometry.weight_rows, macro.geometry.weight_cols): None for macro in chip.macros}
    if trace.placement and trace.meta.pe_tile not in tiles:
        sizes = " and ".join(map(str, tiles))
        wanted = next(iter(tiles))
        raise TraceError(
            f"the masks of method '{trace.meta.method}' are for PEs of {trace.meta.pe_tile} weights (rows, outputs), "
            f"but '{chip.name}' has PEs of {sizes}: train again with pe_tile = {list(wanted)}"
        )


def _check_capacity(needed: int, chip: ChipConfig) -> None:
    macro = chip.home
    if chip.oversize == "multiplex" and macro.memory.pe_count >= 1:
        return
    needed, available = needed * macro.copies, macro.memory.pe_count
    if needed > available:
        at = macro.site.at
        raise TraceError(
            f"the network needs {needed} PEs but '{chip.name}' has {at}.pe_count = {available}; "
            f"raise it (--set {at}.pe_count={needed}) or choose a smaller network"
        )


def _resident(home: TileProfile) -> Mask:
    """(U,): units of the layers that stay in the volatile memory of a hybrid."""
    index = [home.trace.layer_index[name] for name in home.trace.meta.resident_layers]
    return np.bincount(home.layout.unit, np.isin(home.grid.layer, index)) > 0


def _hottest(home: TileProfile, trainable: Mask, resident: Mask, sizes: Ints, room: int) -> Mask:
    """Choose, once for the stream, which units have a right to a place: residents, then the most level changes a step.

    The order is fixed over the stream so that the overflow costs no migration of its own.
    """
    heat = np.bincount(home.layout.unit, home.policy("step").changes.sum(axis=0))
    order = np.lexsort((np.arange(len(heat)), -heat, ~resident))
    hot = np.zeros_like(trainable)
    for phase in range(len(trainable)):
        resting = int((resident & ~trainable[phase]) @ sizes)  # they keep their room while others train
        candidates = order[trainable[phase, order]]
        fits = np.cumsum(sizes[candidates]) <= max(0, room - resting)
        hot[phase, candidates[fits]] = True
    return hot
