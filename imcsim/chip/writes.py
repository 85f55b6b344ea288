"""Which cells are written when, and what that costs: in place, home from where they trained, and on the way there.

With ``commit`` = ``task`` PEs trained elsewhere are programmed at the end of a task, with ``lazy`` when they come to
rest; ``never`` is for chips that have no memory that keeps its weights. A commit writes only cells whose level differs
from what the home holds. ``charge_migration`` says whether moves between memories are charged. PEs that are still
uncommitted at the end are counted.

How long a row takes is the memory's (:meth:`imcsim.memory.memory.Memory.write_time`); how many row writes there are
follows from level changes (:func:`imcsim.chip.cell_counts.row_writes`).

A write to a dead cell, in a trace in which cells wore out, goes on until it is given up; its level change is charged as
every other. Shape letters: F placement phases, P PEs, L layers. Rules and their sources: docs/accounting.md, sections
3, 4 and 6.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.placed import Bank, Placed
from imcsim.core.charge import Charge, Charges, Price
from imcsim.trace.schema import Policy
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

_CELLS = "programming events"


@dataclass(frozen=True)
class Commit:
    """PEs of the home memory programmed with what was learned elsewhere, at one moment.

    ``pes`` (P,) get the difference between commits ``first`` and ``last`` (places in the trace's codes), in ``phase``.
    """

    phase: int
    pes: Mask
    first: int
    last: int

    @property
    def whole(self) -> bool:
        """Whether it is at the end of the phase that alone has changed them."""
        return self.last - self.first == 1 and self.last == self.phase + 1


@dataclass(frozen=True)
class Written:
    """Level changes of one memory that have one reason.

    Parameters
    ----------
    bank, reason
        Where, and why: ``in place`` while training, ``commit`` of what was learned elsewhere, ``load`` from home.
    events, rows
        (F, P) level changes and row writes of each PE, of one copy; (1, P) of a commit in one ``phase``.
    table
        Transitions (F, levels, levels), (levels, levels) in one phase; asked for where their energies differ.
    """

    bank: Bank
    reason: str
    events: Ints
    rows: Floats
    phase: int | None
    table: Callable[[], Floats]
    said: str
    fields: tuple[str, ...]
    origins: tuple[str, ...]

    @property
    def phases(self) -> int:
        """F."""
        return len(self.bank.holds)

    @property
    def count(self) -> Ints:
        """(F,) level changes of all copies."""
        events = self.events.sum(axis=1) * self.bank.copies
        return events if self.phase is None else np.asarray(_at(self.phase, self.phases, events[0]), dtype=np.int64)

    def energy(self, leaf: str, factor: float = 1.0) -> Charge:
        """Return the charge (J) of all copies, ``factor`` of it."""
        each, times = self.bank.sheet.write, self.bank.copies * factor
        table = np.ndim(each.value) > 0
        amount: Floats = self.table() if table else np.asarray(self.events.sum(axis=1), dtype=np.float64)
        if self.phase is not None:
            amount = _at(self.phase, self.phases, amount if table else amount[0])
        if table:
            amount = np.where(np.asarray(each.value) > 0, amount, 0.0)
        return Charge(leaf, amount * times, _CELLS, self.said, self.fields, each.also(*self.origins))

    def time(self, leaf: str, factor: float = 1.0) -> Charge:
        """Return the charge (s): copies are written at the same time."""
        found = self.bank.memory.write_time(self.bank.site, self.bank.merged(self.events), self.bank.merged(self.rows))
        amount = np.asarray(found.amount, dtype=np.float64)
        if self.phase is not None:
            amount = _at(self.phase, self.phases, amount[0])
        formula = f"{found.formula}, {self.reason}"
        return replace(
            found, leaf=leaf, amount=amount * factor, formula=formula, fields=self.fields,
            each=found.each.also(*self.origins),
        )  # fmt: skip


@dataclass(frozen=True)
class Writes:
    """Every write of a training run.

    Parameters
    ----------
    in_place, committed, loaded
        While training; of what was learned elsewhere; from home.
    uncommitted_pes
        PEs that have learned what their home does not hold at its end.
    unfit
        What a reader must know if cells wore otherwise than on this chip.
    """

    in_place: tuple[Written, ...]
    committed: tuple[Written, ...]
    loaded: tuple[Written, ...]
    commits: tuple[Commit, ...]
    uncommitted_pes: int
    unfit: tuple[str, ...]

    @property
    def every(self) -> tuple[Written, ...]:
        """All of them."""
        return (*self.in_place, *self.committed, *self.loaded)

    def events(self, bank: Bank) -> Ints:
        """(F,) level changes of a memory, copies included."""
        mine = (w.count for w in self.every if w.bank is bank)
        return np.asarray(sum(mine, np.zeros(len(bank.holds), np.int64)))


@dataclass(frozen=True)
class WriteCharges:
    """What writes are charged.

    Parameters
    ----------
    energy
        (J) below ``update`` in place and ``migration`` between memories; failed writes below either.
    update, migration, failed
        (s) of ``update``, ``migration`` and ``failed_writes``.
    """

    energy: Charges
    update: Charges
    migration: Charges
    failed: Charges


def writes_of(placed: Placed) -> Writes:
    """Return every write of training, in the order of their leaves."""
    in_place = [w for bank in reversed(placed.banks) for w in _in_place(bank, placed.trace.meta.phase_tasks)]
    commits: tuple[Commit, ...] = ()
    committed, loaded = list[Written](), list[Written]()
    if placed.nonvolatile is not None and placed.volatile is not None:
        commits = plan_commits(placed)
        committed, loaded = _committed(placed.nonvolatile, placed, commits), [_loaded(placed.volatile)]
    last = commits[-1] if commits else None
    due = placed.home.homed[-1]
    here = last.pes if last is not None and last.phase == placed.phases - 1 else np.zeros_like(due)
    uncommitted = int(placed.home.count(due & ~here)) if placed.nonvolatile is not None else 0
    unfit = _unfit(placed.trace, placed.chip)
    return Writes(tuple(in_place), tuple(committed), tuple(loaded), commits, uncommitted, unfit)


def plan_commits(placed: Placed) -> tuple[Commit, ...]:
    """Return when which PEs are programmed at home with what was learned in the volatile memory."""
    training = placed.home.homed
    return commits_by_policy(training, placed.chip.commit, placed.trace.meta.phase_tasks)


def commits_by_policy(training: Mask, policy: str, phase_tasks: Sequence[int]) -> tuple[Commit, ...]:
    """Return when which PEs of the home memory are programmed; ``training`` (F, P) are those that train elsewhere.

    ``task``: every PE trained elsewhere, at the end of its task or of the phase after which it rests. ``lazy``: when it
    comes to rest, at the start of a later phase, whatever has changed since its home last held it.
    """
    held = np.zeros(training.shape[1], dtype=np.int64)  # the commit that the home memory holds, per PE
    commits = []
    for phase in range(len(training)):
        if policy == "task":
            ends = phase + 1 == len(training) or phase_tasks[phase + 1] != phase_tasks[phase]
            stays = np.zeros_like(training[0]) if ends else training[phase + 1]
            due, moment = training[phase] & ~stays, phase + 1
        else:
            before = training[phase - 1] if phase else np.zeros_like(training[0])
            due, moment = before & ~training[phase], phase
        for first in np.unique(held[due]):
            commits.append(Commit(phase, due & (held == first), int(first), moment))
        held[due] = moment
        held[~training[phase]] = phase + 1  # at home lie the current codes of PEs that did not train elsewhere
    return tuple(commits)


def write_charges(placed: Placed, writes: Writes) -> WriteCharges:
    """Return what ``writes`` are charged."""
    update = tuple(w.energy(f"update.{w.bank.sheet.write_leaf}") for w in writes.in_place)
    failed_j, failed_s = _failed_writes(placed, writes)
    return WriteCharges(
        energy=(*_with_absent(placed, update), *_migration_energy(placed, writes), *failed_j),
        update=tuple(w.time("update") for w in writes.in_place),
        migration=_migration_time(placed, writes),
        failed=failed_s,
    )


def _migration_time(placed: Placed, writes: Writes) -> Charges:
    if not placed.hybrid:
        missing = "rram" if placed.nonvolatile is None else "sram"
        nothing = Price(0.0, "nothing to take")
        said = f"the chip has no [{missing}]: nothing migrates"
        return (Charge("migration", np.zeros(placed.phases), "rows", said, (), nothing),)
    charged, own = float(placed.chip.charge_migration), ("charge_migration",)
    commits = tuple(w.time("migration", charged) for w in writes.committed)
    read = tuple(
        Charge("migration", bank.arriving_rows * charged, "rows", said, ("placement",), price.also(*own))
        for bank, price, said in _row_by_row(placed)
    )
    return (*commits, *read)


def _in_place(bank: Bank, phase_tasks: Sequence[int]) -> list[Written]:
    policy: Policy = bank.memory.write_policy
    trains, late = bank.trains, list[Commit]()
    if policy == "task":  # once a task, whatever the phases in which a PE has trained
        commits = commits_by_policy(bank.trains, policy, phase_tasks)
        trains, late = _whole(commits, bank.trains.shape), [commit for commit in commits if not commit.whole]
    under, said = bank.in_place, f"level changes of PEs that train in {bank.name.upper()}"
    shared = "" if policy == "task" or not _by_pair(bank) else ", a layer's table shared out by its PEs' level changes"
    fields = ("transitions", "changes") if _by_pair(bank) else ("changes",)
    said, own = f"{said}, at its write policy{shared}", (f"{bank.at}.write_policy", "input_gradient")
    found = Written(
        bank, "in place", under.changes * trains, under.row_events * trains, None,
        lambda: np.asarray(np.sum(bank.profile.transitions_of(policy, trains), axis=0), dtype=np.float64),
        said, fields, own,
    )  # fmt: skip
    return [found, *(_late(bank, commit, "in place", said, fields, own) for commit in late)]


def _whole(commits: Sequence[Commit], shape: tuple[int, ...]) -> Mask:
    """(F, P): PEs that are written at the end of a phase with what it alone has changed."""
    found = np.zeros(shape, dtype=bool)
    for commit in commits:
        if commit.whole:
            found[commit.phase] |= commit.pes
    return found


def _by_pair(bank: Bank) -> bool:
    return np.ndim(bank.sheet.write.value) > 0


def _committed(bank: Bank, placed: Placed, commits: tuple[Commit, ...]) -> list[Written]:
    whole = _whole(commits, (placed.phases, bank.grid.count))
    own, fields = ("commit", "charge_migration", "input_gradient"), ("codes", "placement")
    under = bank.by_task
    said = "cells that a task left at another level, of PEs trained elsewhere"
    found = [
        Written(
            bank, "commit", under.changes * whole, under.row_events * whole, None,
            lambda: np.asarray(np.sum(bank.profile.transitions_of("task", whole), axis=0), dtype=np.float64),
            said, fields, own,
        )
    ]  # fmt: skip
    several = "cells that are at another level at home when a PE comes to rest, changes of several phases together"
    late = (commit for commit in commits if not commit.whole)
    return [*found, *(_late(bank, commit, "commit", several, fields, own) for commit in late)]


def _late(bank: Bank, commit: Commit, reason: str, said: str, fields: tuple[str, ...], own: tuple[str, ...]) -> Written:
    profile, span = bank.profile, (commit.first, commit.last)
    events = profile.changes_between(*span) * commit.pes
    rows = (profile.rows_between(*span) * commit.pes).astype(float)
    return Written(
        bank, reason, events[None], rows[None], commit.phase,
        lambda: profile.transitions_between(*span, commit.pes).astype(np.float64), said, fields, own,
    )  # fmt: skip


def _loaded(bank: Bank) -> Written:
    """Home -> volatile memory for PEs that become trainable: every cell is written."""
    arriving, own = bank.arrives, ("charge_migration", "input_gradient")
    return Written(
        bank, "load", arriving * bank.grid.cells, (arriving * bank.grid.rows).astype(float), None,
        lambda: np.zeros(0), "cells of PEs that become trainable", ("placement",), own,
    )  # fmt: skip


def _migration_energy(placed: Placed, writes: Writes) -> Charges:
    charged, phases = float(placed.chip.charge_migration), placed.phases
    if placed.nonvolatile is None or placed.volatile is None:
        missing = "rram" if placed.nonvolatile is None else "sram"
        leaves = {"rram_program": _CELLS, "rram_read": "cells read", "sram_write": _CELLS}
        return tuple(_absent(f"migration.{leaf}", missing, of, phases) for leaf, of in leaves.items())
    home, away = placed.nonvolatile, placed.volatile
    commits = (w.energy(f"migration.{home.sheet.write_leaf}", charged) for w in writes.committed)
    loads = (w.energy(f"migration.{away.sheet.write_leaf}", charged) for w in writes.loaded)
    return (*commits, *_read_home(home, charged), *loads)


def _read_home(home: Bank, charged: float) -> Charges:
    """Charges of reading the PEs that become trainable, row by row."""
    times = home.arrives * (home.copies * charged)
    own, found = ("charge_migration", "input_gradient"), []
    for part in home.memory.read_out(home.site, home.profile):
        weighted = times * part.amount
        cost, amount = (weighted * part.each.value).sum(axis=1), np.asarray(weighted.sum(axis=1), dtype=np.float64)
        mean = np.divide(cost, amount, out=np.full(len(amount), float(np.mean(part.each.value))), where=amount > 0)
        fields = ("placement", "codes") if part.codes else ("placement",)
        said = f"{part.formula} of PEs that become trainable"
        each = Price(mean, part.each.formula, part.each.origins).also(*own)
        found.append(Charge(f"migration.{home.name}_read", amount, part.of, said, fields, each))
    return tuple(found)


def _row_by_row(placed: Placed) -> list[tuple[Bank, Price, str]]:
    home, away = placed.banks
    said = "rows of the tallest PE that becomes trainable, by task"
    return [
        (home, home.sheet.row_read, f"{said}, read"),
        (away, away.sheet.row_write, f"{said}, written"),
    ]


def _absent(leaf: str, missing: str, of: str, phases: int) -> Charge:
    """Return the charge of a leaf that is zero because the chip has no ``missing`` memory."""
    said = f"the chip has no [{missing}], so that there are none"
    return Charge(leaf, np.zeros(phases), of, said, (), Price(0.0, "nothing to charge"))


def _with_absent(placed: Placed, update: Charges) -> Charges:
    """Leaves of both memories stand in every tree, so that tables of chips have the same columns."""
    if placed.volatile is None:
        return (_absent("update.sram_write", "sram", _CELLS, placed.phases), *update)
    if placed.nonvolatile is None:
        return (*update, _absent("update.rram_program", "rram", _CELLS, placed.phases))
    return update


def _at(phase: int, phases: int, value: Floats | Ints | float) -> Floats:
    found = np.zeros((phases, *np.shape(value)))
    found[phase] = value
    return found


def _failed_writes(placed: Placed, writes: Writes) -> tuple[Charges, Charges]:
    """Charges (J, s) of failed writes; none without any, or if cells wore otherwise than on this chip."""
    home = placed.nonvolatile
    if not placed.trace.wear_counts or home is None or writes.unfit or home.sheet.failed_write is None:
        return (), ()
    by_layer = placed.trace.wear_counts["failed_writes"].astype(np.float64)
    events = np.asarray(by_layer @ home.layout.copies * float(home.copies), dtype=np.float64)
    own: tuple[str, ...] = ("input_gradient",)
    if placed.hybrid:
        events, own = events * float(placed.chip.charge_migration), (*own, "charge_migration")
    leaf = "migration.failed_writes" if placed.hybrid else "update.failed_writes"
    said, fields = "writes to dead cells that verify finds to have failed", ("failed_writes",)
    joules, seconds = (price.also(*own) for price in home.sheet.failed_write)
    return (
        (Charge(leaf, events, "failed writes", said, fields, joules),),
        (Charge("failed_writes", events, "failed writes", said, fields, seconds),),
    )


def _unfit(trace: Trace, chip: ChipConfig) -> tuple[str, ...]:
    """The sentence that a reader must see if cells wore otherwise than ``chip`` wears them."""
    wear, macro = trace.meta.config.get("wear"), chip.nonvolatile
    if not trace.wear_counts or not wear or macro is None:
        return ()
    policy = macro.memory.write_policy if chip.volatile is None else f"commit ({chip.commit})"
    mine = macro.geometry.encoding.name, policy
    its = wear["encoding"] or trace.meta.encodings[0].name, wear["policy"].replace("commit", "commit (task)")
    if mine == its:
        return ()
    return (
        f"cells wore as {its[0]}, written at every {its[1]}; this chip has {mine[0]}, {mine[1]}: failed writes are not "
        f"charged, and the accuracy is not this chip's",
    )
