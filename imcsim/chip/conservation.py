"""Laws checked each time a trace is priced; a broken one stops the pricing.

The recounts here use other paths than the charges: layer totals of the trace instead of per-PE sums.
"""

import math

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.charged import Charged
from imcsim.chip.placed import Bank, Placed
from imcsim.chip.writes import Writes
from imcsim.core.cost import Breakdown
from imcsim.core.errors import ConservationError
from imcsim.trace.schema import Policy


def check(spent: Charged, energy: Breakdown, by_task: tuple[Breakdown, ...]) -> None:
    """Check all laws of a price."""
    check_assignment(spent.placed)
    check_writes(spent.placed, spent.writes)
    check_bytes(spent, energy)
    check_sum(energy, by_task)


def check_assignment(placed: Placed) -> None:
    """Every unit is in one memory; all weights have a place in their home; a frozen PE has no level change."""
    where = placed.where
    masks = (
        where.volatile_training, where.nonvolatile_training, where.volatile_resting, where.nonvolatile_resting,
    )  # fmt: skip
    _demand(bool((np.sum(masks, axis=0) == 1).all()), "each PE must be in exactly one memory")
    placed.home.layout.check(placed.trace)
    if not where.resting.any():
        return
    home = placed.home
    written = [(bank.memory.write_policy, bank.in_place.changes * bank.rests) for bank in placed.banks]
    written += [("task", home.by_task.changes * home.rests)] if placed.chip.commit != "never" else []
    for policy, hit in written:
        _demand(not hit.any(), f"a frozen cell must never be written ({policy} policy)")


def check_writes(placed: Placed, writes: Writes) -> None:
    """Programming events charged = level changes in the trace, for each memory and phase."""
    for bank in placed.banks:
        if placed.hybrid and not bank.memory.volatile:
            continue
        policy: Policy = bank.memory.write_policy
        if policy == "task" and placed.phases != placed.trace.meta.tasks:
            continue  # changes that several phases make to a PE are told by no phase alone
        total = _of_trace(bank, policy)
        in_place = sum(written.count for written in writes.in_place if written.bank is bank) // bank.copies
        elsewhere = bank.elsewhere if placed.hybrid else np.zeros_like(bank.trains)
        charged = in_place + (bank.in_place.changes * elsewhere).sum(axis=1)
        name = bank.name.upper()
        also = f"{name} and overflow" if placed.hybrid else name
        _demand(np.array_equal(charged, total), f"{also} events must equal the level changes of the trace")
    if placed.hybrid and placed.chip.commit == "task":
        _check_commits(placed, writes)


def _check_commits(placed: Placed, writes: Writes) -> None:
    home = placed.home
    if placed.phases != placed.trace.meta.tasks:
        return
    total = _of_trace(home, "task")
    homeless = home.elsewhere & ~home.homed
    elsewhere = (home.by_task.changes * (home.trains | homeless)).sum(axis=1)
    committed = sum(written.count for written in writes.committed) // home.copies
    _demand(np.array_equal(committed + elsewhere, total), "committed events must equal the codes changed by the task")


def _of_trace(bank: Bank, policy: Policy) -> NDArray[np.int64]:
    """(F,): level changes of the trace, once for each copy that the mapping rule makes of a layer."""
    tables = zip(bank.profile.transitions(policy), bank.layout.copies, strict=True)
    return np.asarray(sum(table.sum(axis=(1, 2)) * copies for table, copies in tables), dtype=np.int64)


def check_bytes(spent: Charged, energy: Breakdown) -> None:
    """Every bit moved is charged once: buffer and DRAM energies divided by energy per bit give the bits."""
    bits, chip = spent.bits, spent.placed.chip
    reads, writes = float(np.sum(list(bits.buffer_reads.values()))), float(np.sum(list(bits.buffer_writes.values())))
    expected = reads * chip.buffer.read_energy_j + writes * chip.buffer.write_energy_j
    _demand(_close(energy.part("buffer").total, expected), "every buffer bit must be charged once")
    moved = float(bits.dram_bits.sum()) * chip.dram.energy_j
    _demand(_close(energy.part("dram").total, moved), "every DRAM bit must be charged once")


def check_sum(total: Breakdown, by_task: tuple[Breakdown, ...]) -> None:
    """The stream's energy is the sum of its tasks' energies."""
    _demand(_close(total.total, math.fsum(tree.total for tree in by_task)), "task energies must sum to the total")


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-30)


def _demand(holds: bool, law: str) -> None:
    if not holds:
        raise ConservationError(f"pricing breaks a law: {law}")
