"""One placement phase of a trace on a chip: what is placed where, and what it is charged; nothing is priced anew.

Shape letters: F placement phases, L mapped layers.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imcsim.chip import leakage
from imcsim.chip.assign import Assignment
from imcsim.chip.charged import Charged, charged
from imcsim.chip.config import ChipConfig
from imcsim.chip.placed import Placed, place
from imcsim.chip.traffic import Traffic
from imcsim.core.charge import Charge, Charges
from imcsim.core.errors import EventsError
from imcsim.mapping.rule import MappingRule
from imcsim.trace.conservation import check_once
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Work:
    """Placement phase ``phase`` (from 0, of all phases of the trace) of what ``spent`` charges."""

    spent: Charged
    phase: int

    @property
    def placed(self) -> Placed:
        """What the trace does on the chip."""
        return self.spent.placed

    @property
    def trace(self) -> Trace:
        """What was learned."""
        return self.placed.trace

    @property
    def chip(self) -> ChipConfig:
        """The chip."""
        return self.placed.chip

    @property
    def where(self) -> Assignment:
        """Which placement unit is in which memory."""
        return self.placed.where

    @property
    def bits(self) -> Traffic:
        """Bits moved."""
        return self.spent.bits

    @property
    def task(self) -> int:
        """The task that the phase belongs to."""
        return int(self.trace.meta.phase_tasks[self.phase])

    @property
    def steps(self) -> int:
        """Optimiser steps of the phase."""
        return self.phase_count("optimizer_steps")

    @cached_property
    def arrays(self) -> tuple[str, ...]:
        """(L,): the arrays of each layer, by name; layers that share a PE have theirs together and take turns."""
        layout, names = self.placed.home.layout, self.names
        whose = list(range(len(names)))
        if layout.pe_count < layout.grid.count:
            for pe in range(layout.pe_count):
                mine = {whose[layer] for layer in layout.grid.layer[layout.pe == pe]}
                whose = [min(mine) if one in mine else one for one in whose]
        return tuple(" + ".join(n for n, other in zip(names, whose, strict=True) if other == one) for one in whose)

    @property
    def names(self) -> tuple[str, ...]:
        """Layers, in order."""
        return tuple(spec.name for spec in self.trace.meta.layers)

    def count(self, name: str) -> Ints:
        """(L,) of :data:`~imcsim.trace.schema.COUNTS`."""
        return np.asarray(self.trace.counts[name][self.phase], dtype=np.int64)

    def phase_count(self, name: str) -> int:
        """Return one of :data:`~imcsim.trace.schema.TASK_COUNTS`."""
        return int(self.trace.task_counts[name][self.phase])

    def charges(self, tree: str, *leaves: str) -> Charges:
        """Return the charges of ``tree`` at or below ``leaves``; all of them if none is named."""
        found = self.spent.trees[tree]
        return tuple(c for c in found if not leaves or any(_within(c.leaf, leaf) for leaf in leaves))

    def joules(self, *leaves: str) -> float:
        """Joules of the phase that are charged at or below ``leaves`` of the energy tree."""
        return self.cost(self.charges("energy", *leaves))

    def seconds(self, *leaves: str) -> float:
        """Seconds of the phase that are charged at or below ``leaves`` of the latency tree."""
        return self.cost(self.charges("latency", *leaves))

    def cost(self, charges: Charges) -> float:
        """Return what the phase is charged by all of ``charges``."""
        return sum(float(charge.by_phase[self.phase]) for charge in charges)

    def by_layer(self, charges: Charges) -> Floats:
        """(L,) what the phase is charged by those of ``charges`` that tell layers apart."""
        found = np.zeros(len(self.names))
        for charge in charges:
            if self.tells_layers(charge):
                found += charge.cost[self.phase]
        return found

    def tells_layers(self, charge: Charge) -> bool:
        """Tell whether ``charge`` is by phase and layer."""
        return charge.cost.shape == (self.placed.phases, len(self.names))

    def amount(self, leaf: str) -> float:
        """Return how much the phase is charged for at leaf ``leaf`` of the energy tree."""
        return float(sum(np.sum(np.atleast_1d(c.amount)[self.phase]) for c in self.charges("energy", leaf)))

    def each_j(self, leaf: str) -> float:
        """Joules that one of what is counted at leaf ``leaf`` of the energy tree is charged."""
        return float(self.charges("energy", leaf)[0].each.value)

    def each_s(self, leaf: str) -> float:
        """Seconds that one of what is counted at leaf ``leaf`` of the latency tree is charged."""
        return float(self.charges("latency", leaf)[0].each.value)

    def leakage_w(self) -> float:
        """Watts that flow all through the phase, whatever its parts do."""
        return float(leakage.leakage_w(self.placed)[self.phase])

    def closed_form_energy_j(self) -> float:
        """Training energy of the phase without leakage, which is power over a latency (J)."""
        return self.cost(tuple(c for c in self.charges("energy") if not _within(c.leaf, "leakage")))


def closed_form_s(work: Work, steps: int, *, once: bool) -> float:
    """Return the closed form's seconds of ``steps`` mean steps; with what a task does ``once``, if asked for."""
    single = work.seconds("migration", "scoring")
    return (work.seconds() - single) * steps / work.steps + single * once


def work_of(
    given: Trace | Placed,
    chip: ChipConfig | None = None,
    task: int = -1,
    *,
    phase: int | None = None,
    rule: str | MappingRule = "im2col",
) -> Work:
    """Return a placement phase of task ``task`` of a trace on ``chip``.

    Parameters
    ----------
    given
        A trace, or what a trace does on a chip, which is then not given.
    task
        From 0; -1 is the last.
    phase
        Of a task whose placement changes, which of its phases, from 0; None: its last.
    rule
        The mapping rule of a trace, by name or itself.

    Raises
    ------
    EventsError
        If there is no such task or phase, if it has no optimiser step, or for a trace without a chip.
    TraceError
        If the trace cannot be priced on this chip.
    """
    index = _phase(check_once(given if isinstance(given, Trace) else given.trace), task, phase)
    if isinstance(given, Placed):
        placed = given
    elif chip is None:
        raise EventsError("a trace needs a chip to run on: give both, or what imcsim.chip.placed.place returns")
    else:
        placed = place(given, chip, rule)
    work = Work(charged(placed), index)
    if work.steps < 1:
        which = "" if work.trace.meta.phase_tasks.count(work.task) == 1 else f"phase {work.phase} in "
        raise EventsError(f"{which}task {work.task} of the trace has no optimiser step")
    return work


def shares(weights: Floats | Ints) -> Floats:
    """Return ``weights`` (L,) scaled to a sum of one; equal shares if all are 0."""
    total = weights.sum()
    if total <= 0:
        return np.full(len(weights), 1.0 / len(weights))
    return np.asarray(weights / total, dtype=np.float64)


def _phase(trace: Trace, task: int, phase: int | None) -> int:
    tasks = trace.meta.tasks
    if not -tasks <= task < tasks:
        raise EventsError(f"the trace has tasks 0 to {tasks - 1}, got {task}")
    mine = [index for index, its in enumerate(trace.meta.phase_tasks) if its == task % tasks]
    if phase is not None and not -len(mine) <= phase < len(mine):
        raise EventsError(f"task {task % tasks} has phases 0 to {len(mine) - 1}, got {phase}")
    return mine[-1 if phase is None else phase]


def _within(leaf: str, above: str) -> bool:
    return leaf == above or leaf.startswith(f"{above}.")
