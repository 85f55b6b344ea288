"""Programming: which cells are written when, at what energy and time, and how often each cell has been written.

Shape letters: T tasks, P PEs, L layers. Rules and their sources: docs/accounting.md, sections 3, 4 and 6.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import Assignment
from imcsim.chip.config import ChipConfig, RramPart
from imcsim.chip.profile import PolicyProfile, TileProfile, profile_of
from imcsim.chip.read_cost import conductance_sums, rram_read_out
from imcsim.devices.programming import programming_energy_j, row_write_time_s
from imcsim.trace.schema import Policy
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Commit:
    """PEs programmed from SRAM into RRAM at one moment: ``pes`` (P,) between commits ``first`` and ``last``."""

    task: int
    pes: NDArray[np.bool_]
    first: int
    last: int


@dataclass(frozen=True)
class Programming:
    """Events (T,), energies (T,) in J and times (T,) in s of all writes of a training run.

    ``sram`` in-place writes of SRAM cells, ``rram`` in-place writes of RRAM cells, ``commit`` SRAM -> RRAM, ``load``
    RRAM -> SRAM (``load_read_j`` for reading, ``load_write_j`` for writing).
    """

    sram_events: Ints
    rram_events: Ints
    commit_events: Ints
    load_events: Ints
    sram_j: Floats
    rram_j: Floats
    commit_j: Floats
    load_read_j: Floats
    load_write_j: Floats
    sram_s: Floats
    rram_s: Floats
    commit_s: Floats
    load_s: Floats
    commits: tuple[Commit, ...] = ()
    uncommitted_pes: int = 0


@dataclass
class _Totals:
    tasks: int
    values: dict[str, Floats] = field(default_factory=dict)

    def add(self, name: str, amount: Floats | Ints) -> None:
        self.values[name] = self.values.get(name, np.zeros(self.tasks)) + amount

    def get(self, name: str) -> Floats:
        return self.values.get(name, np.zeros(self.tasks))

    def count(self, name: str) -> Ints:
        return self.get(name).astype(np.int64)

    def result(self, commits: tuple[Commit, ...], uncommitted_pes: int) -> Programming:
        return Programming(
            sram_events=self.count("sram_events"),
            rram_events=self.count("rram_events"),
            commit_events=self.count("commit_events"),
            load_events=self.count("load_events"),
            sram_j=self.get("sram_j"),
            rram_j=self.get("rram_j"),
            commit_j=self.get("commit_j"),
            load_read_j=self.get("load_read_j"),
            load_write_j=self.get("load_write_j"),
            sram_s=self.get("sram_s"),
            rram_s=self.get("rram_s"),
            commit_s=self.get("commit_s"),
            load_s=self.get("load_s"),
            commits=commits,
            uncommitted_pes=uncommitted_pes,
        )


def programming(trace: Trace, chip: ChipConfig, where: Assignment) -> Programming:
    """Return every write of training ``trace`` on ``chip`` with the PEs placed as ``where`` says."""
    totals = _Totals(trace.meta.tasks)
    copies = 2 if chip.input_gradient == "second-copy" else 1
    commits: tuple[Commit, ...] = ()
    if chip.sram is not None:
        _sram_in_place(totals, trace, chip, where, copies)
    if chip.rram is not None:
        profile = _rram_profile(trace, chip)
        _rram_in_place(totals, profile, chip.rram, where, copies)
        if chip.sram is not None:
            commits = plan_commits(where, chip.commit)
            _commits(totals, profile, chip.rram, commits, copies)
            _loads(totals, profile, chip, where, copies)
    last = commits[-1] if commits else None
    committed = last.pes if last is not None and last.task == trace.meta.tasks - 1 else False
    uncommitted = int((where.homed_training[-1] & ~np.asarray(committed)).sum()) if chip.rram is not None else 0
    return totals.result(commits, uncommitted)


def plan_commits(where: Assignment, policy: str) -> tuple[Commit, ...]:
    """Return when which PEs are programmed from SRAM into RRAM.

    ``task``: every PE trained in SRAM, at the end of its task. ``lazy``: when it leaves SRAM, at the start of a later
    task, whatever has changed since RRAM last held it.
    """
    training = where.homed_training
    held = np.zeros(training.shape[1], dtype=np.int64)  # the commit that RRAM holds, per PE
    commits = []
    for task in range(len(training)):
        if policy == "task":
            due, moment = training[task], task + 1
        else:
            before = training[task - 1] if task else np.zeros_like(training[0])
            due, moment = before & ~training[task], task
        for first in np.unique(held[due]):
            pes = due & (held == first)
            commits.append(Commit(task, pes, int(first), moment))
        held[due] = moment
        held[~training[task]] = task + 1  # RRAM holds the current codes of PEs that did not train in SRAM
    return tuple(commits)


def deployment_energy_j(trace: Trace, chip: ChipConfig) -> tuple[float, int]:
    """Return (J, events) of programming the initial codes into erased RRAM; level-0 cells need no event."""
    if chip.rram is None:
        return 0.0, 0
    copies = 2 if chip.input_gradient == "second-copy" else 1
    tables = np.stack(_rram_profile(trace, chip).initial_transitions)
    energy = programming_energy_j(tables, chip.rram.cell, chip.rram.cell_bits, chip.rram.write_rule)
    return float(np.sum(energy)) * copies, int(tables.sum()) * copies


def _rram_profile(trace: Trace, chip: ChipConfig) -> TileProfile:
    geometry = chip.rram_geometry
    if geometry is None:
        raise ValueError("the chip has no RRAM")
    return profile_of(trace, geometry)


def _sram_in_place(totals: _Totals, trace: Trace, chip: ChipConfig, where: Assignment, copies: int) -> None:
    geometry, part = chip.sram_geometry, chip.sram
    if geometry is None or part is None:
        return
    profile = profile_of(trace, geometry).policy(part.write_policy)
    events = (profile.changes * where.sram_training).sum(axis=1) * copies
    rows = (profile.row_events * where.sram_training).max(axis=1, initial=0.0)
    totals.add("sram_events", events)
    totals.add("sram_j", events * part.cell.write_energy_j)
    totals.add("sram_s", rows * part.cell.write_time_s)


def _rram_in_place(totals: _Totals, profile: TileProfile, part: RramPart, where: Assignment, copies: int) -> None:
    if not where.rram_training.any():
        return
    policy: Policy = part.write_policy
    _program(totals, "rram", profile, part, policy, where.rram_training, copies)


def _commits(totals: _Totals, profile: TileProfile, part: RramPart, commits: tuple[Commit, ...], copies: int) -> None:
    tasks = profile.trace.meta.tasks
    whole = np.zeros((tasks, profile.grid.count), dtype=bool)
    for commit in commits:
        if commit.last - commit.first == 1 and commit.last == commit.task + 1:
            whole[commit.task] |= commit.pes
        else:
            _late_commit(totals, profile, part, commit, copies)
    if whole.any():
        _program(totals, "commit", profile, part, "task", whole, copies)


def _late_commit(totals: _Totals, profile: TileProfile, part: RramPart, commit: Commit, copies: int) -> None:
    events = profile.changes_between(commit.first, commit.last) * commit.pes
    rows = (profile.rows_between(commit.first, commit.last) * commit.pes).astype(float)
    table = profile.transitions_between(commit.first, commit.last, commit.pes)
    joules = float(programming_energy_j(table, part.cell, part.cell_bits, part.write_rule))
    at = np.arange(profile.trace.meta.tasks) == commit.task
    totals.add("commit_events", at * int(events.sum()) * copies)
    totals.add("commit_j", at * joules * copies)
    totals.add("commit_s", at * rram_time_s(events[None], rows[None], part)[0])


def _program(
    totals: _Totals,
    kind: str,
    profile: TileProfile,
    part: RramPart,
    policy: Policy,
    pes: NDArray[np.bool_],
    copies: int,
) -> None:
    """Charge the level changes under ``policy`` of the RRAM PEs selected by ``pes`` (T, P) as ``kind``."""
    under: PolicyProfile = profile.policy(policy)
    events = under.changes * pes
    totals.add(f"{kind}_events", events.sum(axis=1) * copies)
    for table in profile.transitions_of(policy, pes):
        totals.add(f"{kind}_j", programming_energy_j(table, part.cell, part.cell_bits, part.write_rule) * copies)
    totals.add(f"{kind}_s", rram_time_s(events, under.row_events * pes, part))


def rram_time_s(events: Ints, rows: Floats, part: RramPart) -> Floats:
    """(T,) seconds: rows of a PE in turn, ``parallel_write_pes`` PEs at once, a row as long as its slowest cell."""
    together = np.divide(events, rows, out=np.ones(rows.shape), where=rows > 0)
    busy = rows * row_write_time_s(part.cell, part.cell_bits, np.maximum(together, 1.0))
    slowest: Floats = np.maximum(busy.max(axis=1, initial=0.0), busy.sum(axis=1) / part.parallel_write_pes)
    return slowest


def _loads(totals: _Totals, profile: TileProfile, chip: ChipConfig, where: Assignment, copies: int) -> None:
    """RRAM -> SRAM for PEs that become trainable: every row is read and every SRAM cell written."""
    geometry, sram, rram = chip.sram_geometry, chip.sram, chip.rram
    if geometry is None or sram is None or rram is None:
        return
    arriving = where.arriving
    cells = profile_of(profile.trace, geometry).grid.cells
    events = (arriving * cells).sum(axis=1) * copies
    rows = (arriving * profile.grid.rows).max(axis=1, initial=0)
    conversion_s = rram.columns_per_adc * rram.adc.time_s(rram.adc_bits, chip.array.rows)
    totals.add("load_events", events)
    read_j = rram_read_out(profile.grid, chip, rram, conductance_sums(profile, rram))
    totals.add("load_read_j", (arriving * read_j).sum(axis=1) * copies)
    totals.add("load_write_j", events * sram.cell.write_energy_j)
    totals.add("load_s", rows * (rram.cell.read_time_s + conversion_s + sram.cell.write_time_s))
