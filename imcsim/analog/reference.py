"""The replica columns of a layer's PEs: what writing left of them, and what time made of it.

What they hold and where they lie: :mod:`imcsim.crossbar.replicas`.

Shape letters: G groups, D fan-in, Q pairs of all PEs side by side.
"""

from dataclasses import dataclass

import numpy as np

from imcsim.analog.cells import CellPhysics, Floats
from imcsim.crossbar.replicas import PAIR, replica_levels
from imcsim.devices import program, relaxed_s, spread_after_programming_s


@dataclass(frozen=True)
class ReplicaCells:
    """Replica cells (G, D, Q, 2), written once.

    They are picked free of stuck ones when a chip is tested (design choice).

    Parameters
    ----------
    programmed_s
        Conductances (S) that writing left.
    normals
        One standard normal for each cell: its path of relaxation.
    time_s
        When they were written, on the chip's clock.
    """

    programmed_s: Floats
    normals: Floats
    time_s: float


def replica_targets_s(grid: tuple[int, int, int], physics: CellPhysics) -> Floats:
    """Return the conductances (S) that replica cells of ``grid`` (G, D, Q) aim at, (G, D, Q, 2)."""
    levels = replica_levels(physics.encoding, grid[1])[None, :, None, :]
    return physics.targets_s(np.broadcast_to(levels, (*grid, PAIR)))


def written_replicas(
    grid: tuple[int, int, int], now_s: float, physics: CellPhysics, generator: np.random.Generator
) -> ReplicaCells:
    """Return the replica cells of ``grid`` (G, D, Q) as they are written at ``now_s``."""
    target_s = replica_targets_s(grid, physics)
    spread = spread_after_programming_s(physics.cell, target_s) if physics.config.programming else 0.0
    left_s = np.asarray(program(target_s.astype(np.float64), spread, generator), dtype=np.float32)
    return ReplicaCells(left_s, generator.standard_normal(target_s.shape, dtype=np.float32), now_s)


def replica_conductances_s(
    cells: ReplicaCells | None, grid: tuple[int, int, int], now_s: float, physics: CellPhysics
) -> Floats:
    """Return the conductances (S) of replica cells (G, D, Q, 2) at ``now_s``; exact before they are written."""
    if cells is None:
        return replica_targets_s(grid, physics)
    if not physics.config.relaxation:
        return cells.programmed_s
    target_s = replica_targets_s(grid, physics)
    aged_s = relaxed_s(physics.cell, target_s, cells.programmed_s, cells.normals, now_s - cells.time_s)
    return np.asarray(aged_s, dtype=np.float32)
