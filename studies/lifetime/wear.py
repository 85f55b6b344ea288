"""The wear of a trained run on a chip: what each cell goes through per task, once the first task is past.

The first task is left out. A stream has one first task, and for methods over a frozen backbone it is the one that
trains the backbone: repeated for a thousand tasks it would be charged a thousand times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.chip.placed import place
from imcsim.chip.wear.worn import weibull_for, worn_memory
from imcsim.core.sources import Resolved
from imcsim.life import (
    CellRates,
    Endurance,
    LifeOptions,
    Tasks,
    cell_rates,
    first_failure,
    share_failed,
    wear_ledger,
)
from imcsim.trace.trace import Trace

STEP, EPOCH, TASK, HYBRID = "all-RRAM each step", "all-RRAM each epoch", "all-RRAM once a task", "hybrid commit a task"


@dataclass(frozen=True)
class Setup:
    """A chip of the study with further values set on it: a way to write."""

    label: str
    chip: str
    set: Mapping[str, Any]

    def load(
        self, study: Mapping[str, Mapping[str, Any]], more: Mapping[str, Any] | None = None
    ) -> Resolved[ChipConfig]:
        """Return the chip; ``study`` holds what the study sets on each."""
        return load_chip(self.chip, {**study[self.chip], **self.set, **(more or {})})


SETUPS = (
    Setup(STEP, "all-rram-28nm", {}),
    Setup(EPOCH, "all-rram-28nm", {"rram.write_policy": "epoch"}),
    Setup(TASK, "all-rram-28nm", {"rram.write_policy": "task"}),
    Setup(HYBRID, "hybrid-28nm", {}),
    Setup("hybrid lazy commits", "hybrid-28nm", {"commit": "lazy"}),
    Setup("40 nm cell each step", "all-rram-28nm", {"rram.cell": "rram-40nm-pessimistic"}),
    Setup("40 nm cell commit a task", "hybrid-28nm", {"rram.cell": "rram-40nm-pessimistic"}),
    Setup("1-bit offset cells each step", "neurosim-like-22nm-rram", {}),
    Setup("1-bit pairs each step", "mnsim-like-130nm-rram", {}),
)
BY_LABEL = {setup.label: setup for setup in SETUPS}


def later_tasks(trace: Trace) -> Trace:
    """Return ``trace`` without its first task; as it is if that is its only one."""
    if trace.meta.tasks < 2:
        return trace
    by_task = {name: getattr(trace.meta, name)[1:] for name in ("task_classes", "task_sizes", "set_layers")}
    acts = {act: times[1:] for act, times in trace.meta.acts.items()}
    first = trace.meta.last_phases[0] + 1
    later = (phase.model_copy(update={"task": phase.task - 1}) for phase in trace.meta.placement_phases[first:])
    meta = trace.meta.model_copy(update={**by_task, "acts": acts, "placement_phases": tuple(later)})
    changed: dict[str, Any] = {name: _tail(getattr(trace, name), first) for name in _BY_PHASE}
    changed |= {"accuracy": {name: matrix[1:, 1:] for name, matrix in trace.accuracy.items()}}
    return replace(trace, meta=meta, **changed, cache={})


@dataclass(frozen=True)
class Wear:
    """Cycles of every cell per task, the cell's endurance, and optimiser steps per task."""

    rates: CellRates
    endurance: Endurance
    guaranteed_cycles: float
    steps_per_task: float

    def first(self, endurance: Endurance | None = None) -> Tasks | None:
        """Tasks to the first failed cell, None if no cell is written."""
        chosen = endurance or self.endurance
        return first_failure(self.hazard(chosen.shape), chosen)

    def hazard(self, shape: float) -> float:
        """Sum of r^shape over all cells, copies included."""
        return self.rates.hazard(shape)

    def one_percent(self) -> Tasks | None:
        """Tasks until 1 % of the cells have failed."""
        return share_failed(self.rates, self.endurance, 0.01)

    @property
    def mean(self) -> float:
        """Cycles per task of the mean cell."""
        values, counts = self.rates.counts
        return float((counts * values).sum()) / self.rates.cells

    @property
    def per_step(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Cycles per optimiser step that occur, and the share of cells that has each."""
        values, counts = self.rates.counts
        return values / self.steps_per_task, counts / self.rates.cells


def wear_of(trace: Trace, chip: ChipConfig, options: LifeOptions | None = None) -> Wear:
    """Return the wear per task of ``chip`` under ``trace``."""
    macro = worn_memory(chip)
    rates = cell_rates(wear_ledger(place(trace, chip)), macro, options or LifeOptions())
    endurance, guaranteed = weibull_for(macro, "the figures of this study"), macro.memory.endurance.guaranteed_cycles
    steps = float(trace.task_counts["optimizer_steps"].sum()) / trace.meta.tasks
    return Wear(rates, endurance, guaranteed, steps)


def over_seeds(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Return mean and sample standard deviation; None and None where a seed has no value."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known:
        return None, None
    return float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else 0.0


_BY_PHASE = (
    "counts", "task_counts", "codes", "changes", "transitions", "placement", "active", "digital", "wear_counts",
    "work", "pulses", "half_selects", "input_density", "error_density", "input_zero_share", "error_zero_share",
)  # fmt: skip


def _tail(given: Any, first: int) -> Any:
    """Return what was recorded from phase number ``first`` on, of each array of a table."""
    if isinstance(given, Mapping):
        return {key: _tail(value, first) for key, value in given.items()}
    return given[first:]
