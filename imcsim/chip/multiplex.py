"""A network larger than the chip's SRAM, time-multiplexed: what every pass through it reloads from DRAM.

All SRAM PEs but one keep their tiles; the others take turns in the last one, each loaded once per pass. No order of
loading saves more than one load a pass (L. A. Belady, IBM Systems Journal 5 (1966) 78: for a cyclic sequence the page
needed latest is the one to give up). Shape letters: T tasks, P PEs of the network, L mapped layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig, SramPart
from imcsim.chip.profile import PeGrid, profile_of
from imcsim.core.cost import Breakdown
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reloads:
    """What training reloads, by task, and what one inference does.

    Parameters
    ----------
    energy_j
        Part -> (T,) joules: reading weight codes from DRAM, writing changed ones back, writing SRAM cells.
    time_s, events, loads
        (T,) seconds; SRAM cell writes; PEs loaded.
    inference_j, inference_s
        The same for one sample, which has a pass of its own.
    """

    energy_j: Mapping[str, Floats]
    time_s: Floats
    events: NDArray[np.int64]
    loads: NDArray[np.int64]
    inference_j: Breakdown
    inference_s: float


def reloads(trace: Trace, chip: ChipConfig) -> Reloads | None:
    """Return what does not stay on the chip, None if everything does.

    In training a batch passes a PE before the next is loaded: each step loads every PE without a place once forward,
    and once backward if errors pass its layer; scoring counts as one step. Codes that a step may have changed go back
    to DRAM.
    """
    geometry, part = chip.sram_geometry, chip.sram
    if chip.oversize != "multiplex" or part is None or geometry is None:
        return None
    profile, copies = profile_of(trace, geometry), copies_of(chip)
    grid = profile.grid
    moving = taking_turns(grid.count, chip) * copies
    if not moving.any():
        return None
    forward, backward = passes(trace)
    loads = (forward[:, None] + backward[:, grid.layer]) * moving  # (T, P)
    back = profile.trainable * (moving > 0) * trace.task_counts["optimizer_steps"][:, None]
    alone = moving[None]
    return Reloads(
        energy_j={**load_j(grid, chip, part, loads), "dram_write": _bits(grid, chip, back) * chip.dram.energy_j},
        time_s=load_s(grid, chip, part, loads) + _bits(grid, chip, back) / chip.dram.bandwidth_bits_per_s,
        events=(loads @ grid.cells).astype(np.int64),
        loads=loads.sum(axis=1),
        inference_j=Breakdown({(k,): float(v[0]) for k, v in load_j(grid, chip, part, alone).items()}),
        inference_s=float(load_s(grid, chip, part, alone)[0]),
    )


def passes(trace: Trace) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return passes through the network forward (T,), and back through each layer (T, L); scoring is one each."""
    counts, steps = trace.counts, trace.task_counts["optimizer_steps"]
    scored = (counts["scoring_forward_vectors"] > 0).any(axis=1)
    back = (counts["input_gradient_vectors"] > 0) * steps[:, None] + (counts["scoring_input_gradient_vectors"] > 0)
    return steps + scored, np.asarray(back, dtype=np.int64)


def taking_turns(count: int, chip: ChipConfig) -> NDArray[np.bool_]:
    """Return which of ``count`` PEs have no place of their own: none on a chip that has room or refuses."""
    room = count if chip.oversize == "refuse" or chip.sram is None else chip.sram.pe_count // copies_of(chip)
    return np.arange(count) >= (count if count <= room else max(room - 1, 0))


def held_pes(count: int, chip: ChipConfig) -> int:
    """Return how many of ``count`` PEs are in SRAM at once."""
    if chip.oversize == "multiplex" and chip.sram is not None:
        return min(count, chip.sram.pe_count)
    return count


def copies_of(chip: ChipConfig) -> int:
    """Return how many copies of the weights the chip keeps."""
    return 2 if chip.input_gradient == "second-copy" else 1


def _bits(grid: PeGrid, chip: ChipConfig, loads: NDArray[np.integer]) -> Floats:
    """(T,): bits of the weight codes of ``loads`` (T, P)."""
    return np.asarray(loads @ (grid.rows * grid.outputs) * float(chip.weight_bits), dtype=np.float64)


def load_j(grid: PeGrid, chip: ChipConfig, part: SramPart, loads: NDArray[np.integer]) -> dict[str, Floats]:
    """Part -> (T,) joules of ``loads`` (T, P): codes from DRAM, every SRAM cell written."""
    written = np.asarray(loads @ grid.cells * part.cell.write_energy_j, dtype=np.float64)
    return {"dram_read": _bits(grid, chip, loads) * chip.dram.energy_j, "sram_write": written}


def load_s(grid: PeGrid, chip: ChipConfig, part: SramPart, loads: NDArray[np.integer]) -> Floats:
    """(T,): codes come at DRAM's bandwidth, then rows are written one after the other; nothing overlaps."""
    rows_s = loads @ grid.rows * part.cell.write_time_s
    return np.asarray(_bits(grid, chip, loads) / chip.dram.bandwidth_bits_per_s + rows_s, dtype=np.float64)
