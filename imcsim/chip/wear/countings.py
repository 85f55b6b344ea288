"""Two more countings of writes, beside events and the worst cell: pulses, and the times at which learning writes.

Published chips quote "writes" in four ways, which differ by orders of magnitude: programming events of all cells, the
pulses that those take, the events of the most written cell, and how often an array is updated at all ("update steps").
Shape letters: F placement phases, V levels of a cell.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.charged import Charged
from imcsim.chip.placed import Bank
from imcsim.chip.writes import Written, commits_by_policy

Floats = NDArray[np.float64]


def pulses_of(spent: Charged, bank: Bank) -> float:
    """Return the expected pulses of all programming events of training in ``bank``, copies included.

    A level change takes :attr:`imcsim.memory.memory.Memory.event_pulses` by the levels that it moves; a load of weights
    that take turns, whose levels no trace tells, the mean over all moves. Pulses that a dead cell takes until it is
    given up are not among them.
    """
    pulses = bank.memory.event_pulses.pulses
    found = sum(_pulses(written, pulses) for written in spent.writes.every if written.bank is bank)
    if bank.memory.volatile and spent.reload is not None:
        found += float(np.sum(spent.reload.events)) * float(pulses[1:].mean())
    return found


def update_steps(spent: Charged, bank: Bank) -> int:
    """Return the times at which what was learned is written to ``bank``: by its write policy, and at commits.

    Every step (epoch) of a phase in which any of its PEs train counts, whether or not a level changed.
    """
    placed, policy = spent.placed, bank.memory.write_policy
    if policy == "task":
        commits = commits_by_policy(bank.trains, policy, placed.trace.meta.phase_tasks)
        times = len({commit.phase for commit in commits})
    else:
        count = placed.phase_counts["optimizer_steps" if policy == "step" else "epochs"]
        times = round(float(count[bank.trains.any(axis=1)].sum()))
    if bank is placed.nonvolatile:
        times += len({commit.phase for commit in spent.writes.commits})
    return times


def _pulses(written: Written, pulses: Floats) -> float:
    """Of all copies; by the table of transitions only where moves take different pulses."""
    events, copies = float(written.events.sum()), written.bank.copies
    first = float(pulses[1])
    if np.all(pulses[1:] == first):
        return events * copies * first
    table = written.table()
    if not table.size:
        return events * copies * float(pulses[1:].mean())
    level = np.arange(len(pulses))
    return float((table.reshape(-1, level.size, level.size) * pulses[np.abs(level[:, None] - level)]).sum()) * copies
