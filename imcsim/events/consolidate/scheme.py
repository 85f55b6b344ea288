"""How a commit is written, which PEs it writes, and the chips of which that cannot be said.

``in-place``: one copy; the new codes overwrite the old ones row by row. ``two-copy``: the new codes go to the copy that
is not valid, are read back, and one record then names the new copies (design choice: shadow pages of databases, with
PEs for pages, so that PEs that a task did not train need no second writing).

Shape letters: T tasks, P PEs of the network.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from imcsim.chip.config import RramPart
from imcsim.chip.profile import profile_of
from imcsim.core.config import FrozenConfig
from imcsim.core.errors import EventsError
from imcsim.events.consolidate.memory import Memory, deployed, levels_of
from imcsim.events.work import Work

SchemeName = Literal["in-place", "two-copy"]
SCHEMES: tuple[SchemeName, ...] = ("in-place", "two-copy")


class CommitScheme(FrozenConfig):
    """How a commit survives a power cut, or does not.

    Parameters
    ----------
    name
        "in-place" or "two-copy".
    record_slots
        Slots of the ring of records (two-copy). A mark cell takes one event in as many commits; the default is a design
        choice: half as often as the most that a cell of either copy can take.
    """

    name: SchemeName = "two-copy"
    record_slots: int = Field(4, ge=2, le=1 << 16)


def commits_by_task(work: Work) -> NDArray[np.bool_]:
    """(T, P): PEs whose codes go to RRAM at the end of each task, up to the task of ``work``.

    On a hybrid those trained in SRAM; those trained in RRAM too, where RRAM is written once a task.

    Raises
    ------
    EventsError
        Where nothing is written at the end of a task: no RRAM, lazy commits, RRAM written at every step or epoch; or
        where it is written twice, for a transposed second copy.
    """
    part, chip, task = rram_of(work), work.chip, work.task
    if chip.input_gradient == "second-copy":
        raise EventsError(
            "input_gradient = 'second-copy' programs every weight twice, and its consolidation is not modelled; set "
            "input_gradient = 'transposable' or 'digital'"
        )
    stepwise = work.where.rram_training[: task + 1].any(axis=1)
    if part.write_policy != "task" and stepwise.any():
        first = int(stepwise.argmax())
        raise EventsError(
            f"{int(work.where.rram_training[first].sum())} PEs train in RRAM in task {first}, written every "
            f"{part.write_policy}: a power cut leaves them between two tasks at any time, and a trace holds no codes "
            f"from there; set rram.write_policy = 'task'"
        )
    trained = work.where.homed_training
    if chip.commit == "lazy" and trained.any():
        raise EventsError(
            f"commit = 'lazy' leaves the {int(trained[task].sum())} PEs that task {task} trained in SRAM until a later "
            f"task, so that a power cut loses them under any scheme; set commit = 'task'"
        )
    return trained | work.where.rram_training


def rram_of(work: Work) -> RramPart:
    """Return the RRAM of the chip; EventsError if it has none."""
    if work.chip.rram is None:
        raise EventsError(
            f"'{work.chip.name}' has no RRAM: nothing is committed, a power cut loses every weight on the chip, and "
            f"power-up loads them from outside"
        )
    return work.chip.rram


def memory_before(work: Work, scheme: CommitScheme) -> Memory:
    """Return what RRAM holds when the consolidation of the task begins: deployment and every commit since.

    Raises
    ------
    EventsError
        As :func:`commits_by_task`.
    """
    commits, trace = commits_by_task(work), work.trace
    grid = profile_of(trace, work.chip.geometry).grid
    initial = {name: values[0] for name, values in trace.codes.items()}
    memory = deployed(trace.meta.layers, grid, initial, scheme.record_slots if scheme.name == "two-copy" else None)
    for task in range(work.task):
        codes = {name: values[task + 1] for name, values in trace.codes.items()}
        memory = memory.committed(commits[task], levels_of(codes, memory.encoding))
    return memory
