"""Power that flows while nothing switches: SRAM cells and the buffer. RRAM keeps its state without power."""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import Assignment
from imcsim.chip.config import ChipConfig
from imcsim.chip.gradients import scratch_pes
from imcsim.chip.multiplex import copies_of, held_pes
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]


def leakage_w(trace: Trace, chip: ChipConfig, where: Assignment) -> dict[str, Floats]:
    """(T,) watts by part during each task; unused SRAM PEs leak unless they are power-gated."""
    watts = {"buffer": np.full(trace.meta.tasks, chip.buffer.leakage_w)}
    if chip.sram is not None:
        powered = _held(chip, where) + scratch_pes(trace, chip)
        if not chip.power_gate_unused:
            powered = np.maximum(powered, chip.sram.pe_count)
        watts["sram"] = powered * float(chip.array.rows * chip.array.cols) * chip.sram.cell.leakage_w
    return watts


def retention_w(trace: Trace, chip: ChipConfig, where: Assignment) -> float:
    """Watts that keep the weights alive between tasks.

    A chip whose weights are committed to RRAM can be switched off; one that keeps them in SRAM cannot.
    """
    if chip.sram is None or (chip.rram is not None and chip.commit == "task"):
        return 0.0
    return float(_held(chip, where)[-1]) * chip.array.rows * chip.array.cols * chip.sram.cell.leakage_w


def _held(chip: ChipConfig, where: Assignment) -> Floats:
    """(T,) SRAM PEs that hold weights during each task, those of a second copy among them."""
    return np.array([held_pes(int(count), chip) for count in where.in_sram.sum(axis=1) * copies_of(chip)], dtype=float)
