"""Which memory each PE is in during each task: the placement of the method, within what the chip has.

Shape letters: T tasks, P PEs of the network.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.profile import TileProfile
from imcsim.core.errors import TraceError
from imcsim.trace.trace import Trace

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Assignment:
    """(T, P) masks; each PE of each task is in exactly one of them.

    ``sram_training`` trains in SRAM, ``rram_training`` trains in place in RRAM (all PEs of a chip without SRAM, or the
    overflow of a hybrid), ``sram_frozen`` and ``rram_frozen`` do not change. ``resident`` (P,) PEs have no home in
    RRAM: they stay in the SRAM of a hybrid, a task's own and stored with its masks.
    """

    sram_training: Mask
    rram_training: Mask
    sram_frozen: Mask
    rram_frozen: Mask
    warnings: tuple[str, ...] = ()
    resident: Mask | None = None

    @property
    def in_sram(self) -> Mask:
        """PEs whose weights sit in SRAM."""
        return self.sram_training | self.sram_frozen

    @property
    def homed_training(self) -> Mask:
        """(T, P): PEs that train in SRAM and have a home in RRAM, to which commits go."""
        return self.sram_training if self.resident is None else self.sram_training & ~self.resident

    @property
    def arriving(self) -> Mask:
        """(T, P): PEs that come from their home in RRAM into SRAM at the start of a task."""
        training = self.homed_training
        return training & ~np.vstack([np.zeros_like(training[:1]), training[:-1]])

    @property
    def in_rram(self) -> Mask:
        """PEs whose weights sit in RRAM."""
        return self.rram_training | self.rram_frozen


def assign(profile: TileProfile, chip: ChipConfig) -> Assignment:
    """Put each PE of each task into a memory.

    Raises
    ------
    TraceError
        If the network or its trainable set does not fit the chip, or the masks are for another PE size.
    """
    check_match(profile.trace, chip)
    trainable = profile.trainable
    nothing = np.zeros_like(trainable)
    copies = 2 if chip.input_gradient == "second-copy" else 1
    _check_capacity(profile.grid.count * copies, chip)
    if chip.sram is None:
        return Assignment(nothing, trainable, nothing, ~trainable)
    if chip.rram is None:
        return Assignment(trainable, nothing, ~trainable, nothing)
    budget = chip.sram.pe_count // copies
    resident = _resident(profile)
    needed = int((trainable | resident).sum(axis=1).max(initial=0))
    if needed <= budget:
        frozen = ~trainable
        return Assignment(trainable, nothing, frozen & resident, frozen & ~resident, resident=resident)
    if chip.overflow == "refuse":
        raise TraceError(
            f"{needed} PEs train at once but '{chip.name}' has room for {budget} in SRAM; freeze more, raise "
            f"sram.pe_count, or set overflow = 'rram' to train the rest in place"
        )
    hot = _hottest(profile, trainable, resident, budget)
    warning = (
        f"the chip, not the method, set the limit: {needed} PEs train at once and SRAM holds {budget}; "
        f"the {needed - budget} with the fewest level changes train in RRAM at policy '{chip.rram.write_policy}'"
    )
    resting = ~trainable & resident & hot.any(axis=0)
    return Assignment(hot, trainable & ~hot, resting, ~trainable & ~resting, (warning,), resident & hot.any(axis=0))


def check_match(trace: Trace, chip: ChipConfig) -> None:
    """Raise TraceError if the trace cannot be priced on ``chip``: other bits, or masks for another PE size."""
    for name in ("weight_bits", "input_bits", "error_bits"):
        have, want = getattr(trace.meta, name), getattr(chip, name)
        if have != want:
            raise TraceError(f"the trace was recorded with {name} = {have}, but '{chip.name}' has {want}")
    tile = (chip.geometry.weight_rows, chip.geometry.weight_cols)
    if trace.placement and trace.meta.pe_tile != tile:
        raise TraceError(
            f"the masks of method '{trace.meta.method}' are for PEs of {trace.meta.pe_tile} weights (rows, outputs), "
            f"but '{chip.name}' has PEs of {tile}: train again with pe_tile = {list(tile)}"
        )


def _check_capacity(needed: int, chip: ChipConfig) -> None:
    part = chip.rram if chip.rram is not None else chip.sram
    if chip.oversize == "multiplex" and part is not None and part.pe_count >= 1:
        return
    available = 0 if part is None else part.pe_count
    if needed > available:
        kind = "rram" if chip.rram is not None else "sram"
        raise TraceError(
            f"the network needs {needed} PEs but '{chip.name}' has {kind}.pe_count = {available}; "
            f"raise it (--set {kind}.pe_count={needed}) or choose a smaller network"
        )


def _resident(profile: TileProfile) -> Mask:
    """(P,): PEs of the layers that stay in SRAM."""
    index = [profile.trace.layer_index[name] for name in profile.trace.meta.resident_layers]
    return np.isin(profile.grid.layer, index)


def _hottest(profile: TileProfile, trainable: Mask, resident: Mask, budget: int) -> Mask:
    """Choose, once for the stream, which PEs have a right to SRAM: residents, then the most level changes a step.

    The order is fixed over the stream so that the overflow costs no migration of its own.
    """
    heat = profile.policy("step").changes.sum(axis=0)
    order = np.lexsort((np.arange(len(heat)), -heat, ~resident))
    hot = np.zeros_like(trainable)
    for task in range(len(trainable)):
        resting = int((resident & ~trainable[task]).sum())  # they keep their room while others train
        hot[task, order[trainable[task, order]][: max(0, budget - resting)]] = True
    return hot
