"""Laws checked each time a trace is priced; a broken one stops the pricing.

The recounts here use other paths than the charges: layer totals of the trace instead of per-PE sums.
"""

import math

import numpy as np

from imcsim.chip.assign import Assignment
from imcsim.chip.config import ChipConfig
from imcsim.chip.profile import profile_of
from imcsim.chip.traffic import Traffic
from imcsim.chip.writes import Programming
from imcsim.core.cost import Breakdown
from imcsim.core.errors import ConservationError
from imcsim.trace.schema import Policy
from imcsim.trace.trace import Trace


def check_assignment(trace: Trace, chip: ChipConfig, where: Assignment) -> None:
    """Every PE is in one memory; SRAM + RRAM cells = cells mapped; a frozen PE has no level change."""
    masks = (where.sram_training, where.rram_training, where.sram_frozen, where.rram_frozen)
    _demand(bool((np.sum(masks, axis=0) == 1).all()), "each PE must be in exactly one memory")
    profile = profile_of(trace, chip.geometry)
    weights = (profile.grid.rows * profile.grid.outputs).sum()
    mapped = sum(spec.weight_count for spec in trace.meta.layers)
    _demand(int(weights) == mapped, "SRAM and RRAM PEs together must hold every weight once")
    frozen = where.sram_frozen | where.rram_frozen
    if not frozen.any():
        return
    used: set[Policy] = {part.write_policy for part in (chip.rram, chip.sram) if part is not None}
    committed: set[Policy] = {"task"} if chip.commit != "never" else set()
    for policy in sorted(used | committed):
        hit = (profile.policy(policy).changes * frozen).sum()
        _demand(int(hit) == 0, f"a frozen cell must never be written ({policy} policy)")


def check_writes(trace: Trace, chip: ChipConfig, where: Assignment, done: Programming) -> None:
    """Programming events charged = level changes in the trace, for each memory and task."""
    copies = 2 if chip.input_gradient == "second-copy" else 1
    if chip.sram is None and chip.rram is not None:
        table = profile_of(trace, chip.geometry).transitions(chip.rram.write_policy)
        expected = np.sum([layer.sum(axis=(1, 2)) for layer in table], axis=0) * copies
        _demand(np.array_equal(done.rram_events, expected), "RRAM events must equal the level changes of the trace")
    if chip.rram is None and chip.sram is not None and chip.sram_geometry is not None:
        table = profile_of(trace, chip.sram_geometry).transitions(chip.sram.write_policy)
        expected = np.sum([layer.sum(axis=(1, 2)) for layer in table], axis=0) * copies
        _demand(np.array_equal(done.sram_events, expected), "SRAM events must equal the level changes of the trace")
    if chip.rram is not None and chip.sram is not None and chip.sram_geometry is not None:
        _check_hybrid(trace, chip, where, done, copies)


def _check_hybrid(trace: Trace, chip: ChipConfig, where: Assignment, done: Programming, copies: int) -> None:
    """SRAM events plus those the overflow would have cost in SRAM give the trace's total; commits give the codes'."""
    if chip.sram is None or chip.sram_geometry is None:
        return
    policy = chip.sram.write_policy
    sram = profile_of(trace, chip.sram_geometry)
    total = np.sum([layer.sum(axis=(1, 2)) for layer in sram.transitions(policy)], axis=0)
    overflow = (sram.policy(policy).changes * where.rram_training).sum(axis=1)
    charged = done.sram_events // copies + overflow
    _demand(np.array_equal(charged, total), "SRAM and overflow events must equal the level changes of the trace")
    if chip.commit == "task":
        rram = profile_of(trace, chip.geometry)
        total = np.sum([layer.sum(axis=(1, 2)) for layer in rram.transitions("task")], axis=0)
        homeless = where.sram_training & ~where.homed_training
        elsewhere = (rram.policy("task").changes * (where.rram_training | homeless)).sum(axis=1)
        charged = done.commit_events // copies + elsewhere
        _demand(np.array_equal(charged, total), "committed events must equal the codes changed by the task")


def check_bytes(chip: ChipConfig, bits: Traffic, by_task: tuple[Breakdown, ...]) -> None:
    """Every bit moved is charged once: buffer, link and DRAM energies divided by energy per bit give the bits."""
    reads = np.sum(list(bits.buffer_reads.values()), axis=0)
    writes = np.sum(list(bits.buffer_writes.values()), axis=0)
    for task, tree in enumerate(by_task):
        expected = reads[task] * chip.buffer.read_energy_j + writes[task] * chip.buffer.write_energy_j
        _demand(_close(tree.part("buffer").total, expected), "every buffer bit must be charged once")
        moved = bits.dram_bits()[task] * chip.dram.energy_j
        _demand(_close(tree.part("dram").total, moved), "every DRAM bit must be charged once")


def check_sum(total: Breakdown, by_task: tuple[Breakdown, ...]) -> None:
    """The stream's energy is the sum of its tasks' energies."""
    _demand(_close(total.total, math.fsum(tree.total for tree in by_task)), "task energies must sum to the total")


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-30)


def _demand(holds: bool, law: str) -> None:
    if not holds:
        raise ConservationError(f"pricing breaks a law: {law}")
