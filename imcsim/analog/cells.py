"""The RRAM cells of one layer: what was aimed at, what programming left, and what time made of it.

Shape letters: G groups, D fan-in, N outputs, K cells per weight.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from imcsim.analog.config import AnalogConfig
from imcsim.crossbar.encoding import Encoding
from imcsim.devices import (
    RramCell,
    apply_stuck,
    program,
    relaxed_s,
    sample_pulses,
    spread_after_programming_s,
    stuck_masks,
)

Floats = NDArray[np.float32]
Masks = tuple[NDArray[np.bool_], NDArray[np.bool_]]


@dataclass(frozen=True)
class Programming:
    """What programming cost: events (cells whose level changed), their pulses, rows written and their slowest cells.

    ``row_pulses`` sums, over the rows written in each PE, the pulses of the row's slowest cell: the rows' time.
    """

    events: int = 0
    pulses: int = 0
    rows: int = 0
    row_pulses: int = 0

    def plus(self, other: "Programming") -> "Programming":
        """Return the sum, field by field."""
        return Programming(
            self.events + other.events,
            self.pulses + other.pulses,
            self.rows + other.rows,
            self.row_pulses + other.row_pulses,
        )


@dataclass(frozen=True)
class CellState:
    """Cells (G, D, N, K) after some programming events.

    Parameters
    ----------
    levels
        Levels aimed at.
    programmed_s
        Conductances (S) that the last event left, before relaxation.
    normals
        One standard normal for each cell, drawn at its last event: its path of relaxation.
    event
        Number of the cell's last event, 0 for a cell that never had one.
    event_times_s
        When each event was, on the chip's clock; entry 0 stands for "never".
    stuck
        Masks of the cells stuck low and stuck high.
    """

    levels: NDArray[np.uint16]
    programmed_s: Floats
    normals: Floats
    event: NDArray[np.uint16]
    event_times_s: tuple[float, ...]
    stuck: Masks


@dataclass(frozen=True)
class CellPhysics:
    """The cell, how codes lie in it, which of its non-idealities are on, and how many weights share a PE's row."""

    cell: RramCell
    encoding: Encoding
    config: AnalogConfig
    weight_cols: int
    levels_s: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = self.cell.conductances_s(self.encoding.cell_bits).astype(np.float32)
        object.__setattr__(self, "levels_s", table)

    def levels_of(self, codes: NDArray[np.integer]) -> NDArray[np.uint16]:
        """Return the levels (G, D, N, K) of codes (G, D, N)."""
        return np.ascontiguousarray(np.moveaxis(self.encoding.levels(codes), 0, -1))

    def targets_s(self, levels: NDArray[np.uint16]) -> Floats:
        """Return the conductances (S) that ``levels`` aim at."""
        return np.asarray(self.levels_s[levels])

    def in_levels(self, conductance_s: Floats, levels: NDArray[np.uint16]) -> Floats:
        """Return conductances in units of one level, the lowest at 0, which is what a reference column subtracts.

        Cells that are exactly where ``levels`` aim come out as whole numbers, without rounding.
        """
        step = self.levels_s[1] - self.levels_s[0]
        return np.asarray(levels + (conductance_s - self.targets_s(levels)) / step, dtype=np.float32)


def fresh_state(shape: tuple[int, ...], physics: CellPhysics, generator: np.random.Generator) -> CellState:
    """Return cells (G, D, N, K) that were never programmed: at the lowest level, some of them stuck."""
    cell, on = physics.cell, physics.config.stuck
    low, high = (cell.stuck_low_fraction, cell.stuck_high_fraction) if on else (0.0, 0.0)
    return CellState(
        levels=np.zeros(shape, np.uint16),
        programmed_s=np.full(shape, physics.levels_s[0]),
        normals=np.zeros(shape, np.float32),
        event=np.zeros(shape, np.uint16),
        event_times_s=(0.0,),
        stuck=stuck_masks(shape, low, high, generator),
    )


def programmed(
    state: CellState,
    levels: NDArray[np.uint16],
    in_rram: NDArray[np.bool_],
    now_s: float,
    physics: CellPhysics,
    generator: np.random.Generator,
) -> tuple[CellState, Programming]:
    """Program the cells of RRAM PEs whose level differs from ``levels``, or that were never programmed.

    A cell that keeps its level keeps its error, its age and its path of relaxation.

    Parameters
    ----------
    in_rram
        Weights (G, D, N) whose PE is in RRAM; the cells of the others stay as they are.
    now_s
        The chip's clock.

    Returns
    -------
    CellState, Programming
        The cells after, and what it cost.
    """
    # all cells of a weight follow its PE; those already at their level get no event
    changed = in_rram[..., None] & ((levels != state.levels) | (state.event == 0))
    count = int(changed.sum())
    if not count:
        return state, Programming()
    target_s = physics.targets_s(levels[changed])
    spread = spread_after_programming_s(physics.cell, target_s) if physics.config.programming else 0.0
    programmed_s, normals = state.programmed_s.copy(), state.normals.copy()
    programmed_s[changed] = program(target_s.astype(np.float64), spread, generator)
    normals[changed] = generator.standard_normal(count, dtype=np.float32)
    event = state.event.copy()
    event[changed] = len(state.event_times_s)
    after = replace(
        state,
        levels=np.where(changed, levels, state.levels),
        programmed_s=programmed_s,
        normals=normals,
        event=event,
        event_times_s=(*state.event_times_s, now_s),
    )
    return after, _cost(changed, physics, generator)


def conductances_s(state: CellState, now_s: float, physics: CellPhysics) -> Floats:
    """Return the conductances (S) at ``now_s`` on the chip's clock, relaxation and stuck cells included."""
    result = state.programmed_s
    if physics.config.relaxation:
        result = _relaxed(state, now_s, physics)
    if physics.config.stuck:
        low_s, high_s = float(physics.levels_s[0]), float(physics.levels_s[-1])
        result = apply_stuck(result, state.stuck, low_s, high_s)
    return np.asarray(result, dtype=np.float32)


def _relaxed(state: CellState, now_s: float, physics: CellPhysics) -> Floats:
    result = state.programmed_s.copy()
    # cells of one programming event have one age; 0 are those that never had one
    for number in np.flatnonzero(np.bincount(state.event.ravel(), minlength=1)):
        if number == 0:
            continue
        chosen = state.event == number
        target_s = physics.targets_s(state.levels[chosen])
        age_s = now_s - state.event_times_s[number]
        result[chosen] = relaxed_s(physics.cell, target_s, state.programmed_s[chosen], state.normals[chosen], age_s)
    return result


def _cost(changed: NDArray[np.bool_], physics: CellPhysics, generator: np.random.Generator) -> Programming:
    """Draw the pulses of each event; a row of a PE is done when its slowest cell is."""
    pulses = np.zeros(changed.shape, np.int64)
    statistics = physics.cell.pulse_statistics(physics.encoding.cell_bits)
    pulses[changed] = sample_pulses(statistics, (int(changed.sum()),), generator)
    starts = np.arange(0, changed.shape[2], physics.weight_cols)
    # a word-line row of a PE is written in parallel: it takes as many pulses as its slowest cell
    slowest = np.maximum.reduceat(pulses.max(axis=-1), starts, axis=-1)
    return Programming(int(changed.sum()), int(pulses.sum()), int((slowest > 0).sum()), int(slowest.sum()))
