"""Rotation: the rows of every written PE move on by one, round the array, every few tasks.

Shape letters: P PEs of a layer, R rows, C columns.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.wear.ledger import WearLedger
from imcsim.core.errors import ConfigError
from imcsim.life.cycles import CellRates, event_cycles
from imcsim.life.event_energy import moves_j
from imcsim.life.options import LifeOptions
from imcsim.memory.macro import Macro
from imcsim.trace.trace import Trace


@dataclass(frozen=True)
class Rotation:
    """Rates after rotation, and its cost per task: programming events and energy (J), copies included."""

    rates: CellRates
    events_per_task: float
    energy_per_task_j: float


def rotate(trace: Trace, rates: CellRates, ledger: WearLedger, macro: Macro, options: LifeOptions) -> Rotation:
    """Move the rows of every written PE on by one row, round the array, every ``rotate_every_tasks`` tasks.

    Over whole turns each row hosts every other for as long, so that a cell is written as often as the mean of its
    column, unused rows included, plus what moving writes: a cell whose level differs from that of the row above is one
    event a move. Codes are those after the last task; nothing is charged for the row table or for reading out.

    Raises
    ------
    ConfigError
        If the options name no period.
    """
    if options.rotate_every_tasks is None:
        raise ConfigError("rotate_every_tasks is not given")
    encoding, layers, events, joules = ledger.geometry.encoding, {}, 0.0, 0.0
    layout = ledger.placed
    for at, (spec, wear) in enumerate(ledger):
        levels = layout.to_arrays(encoding.levels(trace.codes[spec.name][-1]).astype(np.int64), at)
        cycles = event_cycles(wear, macro, options), encoding.level_count
        layer, table = _rotated(rates.layers[spec.name], levels, *cycles, options.rotate_every_tasks)
        layers[spec.name] = layer
        events += float(table.sum()) / options.rotate_every_tasks
        joules += moves_j(table, macro) / options.rotate_every_tasks
    copies = rates.copies
    return Rotation(CellRates(layers, rates.cells, copies, rates.layout), events * copies, joules * copies)


def rotated_cycles(rates: NDArray[np.floating], tasks: int, period: int) -> NDArray[np.float64]:
    """Return (P, R, C) cycles of each physical cell after ``tasks`` tasks of rotation, moves themselves left out.

    Physical row j hosts row j - m after m moves. A whole turn takes ``R * period`` tasks; only then are rows equal.
    """
    total = np.zeros(rates.shape)
    for move, left in enumerate(range(tasks, 0, -period)):
        total += min(period, left) * np.roll(rates.astype(np.float64), move, axis=1)
    return total


def _rotated(
    rates: NDArray[np.float32], levels: NDArray[np.int64], cycles: tuple[float, float], count: int, period: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rates (P, R, C) of a layer, and (levels, levels) transitions of one move of all its rows."""
    above = np.roll(levels, 1, axis=1)
    written = np.asarray(rates.any(axis=(1, 2)))
    distance = np.abs(above - levels)
    moved = np.where(distance == 0, 0.0, np.where(distance == count - 1, *cycles)).mean(axis=1, keepdims=True)
    even = rates.mean(axis=1, keepdims=True, dtype=np.float64) + moved / period
    spread = np.broadcast_to(np.where(written[:, None, None], even, 0.0), rates.shape).astype(np.float32)
    pairs = levels[written].ravel() * count + above[written].ravel()
    table = np.bincount(pairs, minlength=count * count).reshape(count, count)
    np.fill_diagonal(table, 0)
    return spread, table
