"""Writes to dead cells, of a trace in which cells wore out: what finding out costs.

The level change itself is charged as every other (mean pulses). A write that fails goes on to the pulses after which
the controller gives up, taken as the 99th percentile (design choice: 1 % of good writes would be given up, too).
Shape letters: T tasks, L layers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig, RramPart
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FailedWrites:
    """``events`` (T,) of ``each_j`` (J) and ``each_s`` (s) beyond the mean write; ``leaf`` of the energy tree."""

    leaf: str
    events: Floats
    each_j: float
    each_s: float


def failed_writes(trace: Trace, chip: ChipConfig) -> FailedWrites | None:
    """Return the failed writes of ``trace``; None without any, or if cells wore otherwise than on ``chip``."""
    if not trace.wear_counts or chip.rram is None or unfit(trace, chip):
        return None
    part, copies = chip.rram, 2 if chip.input_gradient == "second-copy" else 1
    committed = chip.sram is not None
    events = trace.wear_counts["failed_writes"].sum(axis=1) * float(copies)
    if committed:
        events = events * float(chip.charge_migration)
    leaf = "migration.failed_writes" if committed else "update.failed_writes"
    beyond = extra_pulses(part)
    seconds = beyond * (part.cell.pulse_time_s + part.cell.verify_time_s) / part.parallel_write_pes
    return FailedWrites(leaf, events, beyond * pulse_j(part), seconds)


def extra_pulses(part: RramPart) -> float:
    """Return the pulses of a failed write beyond those of a mean one."""
    mean, most = part.cell.pulse_statistics(part.cell_bits)
    return most - mean


def pulse_j(part: RramPart) -> float:
    """Return the energy (J) of one more pulse and its verify."""
    cell = part.cell
    return cell.set_pulse_share * cell.set_energy_j + (1 - cell.set_pulse_share) * cell.reset_energy_j + (
        cell.verify_energy_j
    )  # fmt: skip


def unfit(trace: Trace, chip: ChipConfig) -> list[str]:
    """Return the sentence that a reader must see if cells wore otherwise than ``chip`` wears them."""
    wear, part, geometry = trace.meta.config.get("wear"), chip.rram, chip.rram_geometry
    if not trace.wear_counts or not wear or part is None or geometry is None:
        return []
    mine = geometry.encoding.name, part.write_policy if chip.sram is None else f"commit ({chip.commit})"
    its = wear["encoding"] or trace.meta.encodings[0].name, wear["policy"].replace("commit", "commit (task)")
    if mine == its:
        return []
    return [
        f"cells wore as {its[0]}, written at every {its[1]}; this chip has {mine[0]}, {mine[1]}: failed writes are not "
        f"charged, and the accuracy is not this chip's"
    ]
