"""How a commit is written, which PEs it writes, and the chips of which that cannot be said.

``in-place``: one copy; the new codes overwrite the old ones row by row. ``two-copy``: the new codes go to the copy that
is not valid, are read back, and one record then names the new copies (design choice: shadow pages of databases, with
PEs for pages, so that PEs that a task did not train need no second writing).

Shape letters: F placement phases, P PEs of the network.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from imcsim.chip.layout import GridLayout
from imcsim.chip.placed import Bank
from imcsim.chip.writes import commits_by_policy
from imcsim.core.config import FrozenConfig
from imcsim.core.errors import EventsError
from imcsim.events.consolidate.memory import Mask, Memory, deployed, levels_of
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


def commits_by_phase(work: Work) -> Mask:
    """(F, P): PEs whose codes go to their home memory at the end of each phase.

    On a hybrid those trained elsewhere; those trained at home too, where it is written once a task.

    Raises
    ------
    EventsError
        Where nothing is written at the end of a task: no memory that keeps its weights, lazy commits, cells written at
        every step or epoch; or where it is written twice, for a transposed second copy.
    """
    home, chip, phase = home_of(work), work.chip, work.phase
    if chip.input_gradient == "second-copy":
        raise EventsError(
            "input_gradient = 'second-copy' programs every weight twice, and its consolidation is not modelled; set "
            "input_gradient = 'transposable' or 'digital'"
        )
    stepwise = home.trains[: phase + 1].any(axis=1)
    if home.memory.write_policy != "task" and stepwise.any():
        first = int(stepwise.argmax())
        raise EventsError(
            f"{int(home.trains[first].sum())} PEs train in {home.name.upper()} in task "
            f"{work.trace.meta.phase_tasks[first]}, written every {home.memory.write_policy}: a power cut leaves them "
            f"between two tasks at any time, and a trace holds no codes from there; set {home.site.at}.write_policy = "
            f"'task'"
        )
    trained, away = home.pes(work.where.homed_training), work.placed.volatile
    if chip.commit == "lazy" and away is not None and trained.any():
        raise EventsError(
            f"commit = 'lazy' leaves the {int(trained[phase].sum())} PEs that task {work.task} trained in "
            f"{away.name.upper()} until a later task, so that a power cut loses them under any scheme; set commit = "
            f"'task'"
        )
    found = np.zeros_like(home.trains)
    own = commits_by_policy(home.trains, "task", work.trace.meta.phase_tasks)  # of PEs that train where they rest
    for commit in (*work.spent.writes.commits, *own):
        found[commit.phase] |= commit.pes
    return found


def home_of(work: Work) -> Bank:
    """Return the memory that keeps its weights without power; EventsError if the chip has none, or PEs are no tiles."""
    home = work.placed.nonvolatile
    if home is None:
        raise EventsError(
            f"'{work.chip.name}' has no RRAM: nothing is committed, a power cut loses every weight on the chip, and "
            f"power-up loads them from outside"
        )
    layout = home.layout
    if not isinstance(layout, GridLayout) or layout.cut:
        raise EventsError(
            "the rows of a commit are known for weights laid out by rule 'im2col' only, a placement unit in each PE"
        )
    return home


def memory_before(work: Work, scheme: CommitScheme) -> Memory:
    """Return what the home memory holds when the consolidation of the phase begins: deployment, every commit since.

    Raises
    ------
    EventsError
        As :func:`commits_by_phase`.
    """
    commits, trace = commits_by_phase(work), work.trace
    memory = first_memory(work, scheme)
    for phase in range(work.phase):
        codes = {name: values[phase + 1] for name, values in trace.codes.items()}
        if commits[phase].any():  # else no record is written
            memory = memory.committed(commits[phase], levels_of(codes, memory.encoding))
    return memory


def first_memory(work: Work, scheme: CommitScheme) -> Memory:
    """Return what the home memory holds after deployment."""
    initial = {name: values[0] for name, values in work.trace.codes.items()}
    slots = scheme.record_slots if scheme.name == "two-copy" else None
    return deployed(work.trace.meta.layers, home_of(work).grid, initial, slots)
