"""The trace as arrays; saving and loading are in ``store``, laws in ``conservation``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.core.arrays import Scalar
from imcsim.core.errors import TraceError
from imcsim.crossbar.encoding import Encoding
from imcsim.trace.phase import Phase
from imcsim.trace.placements import Placements
from imcsim.trace.schema import ACCURACIES, Policy, Scenario, TraceMeta

IntArray = NDArray[np.integer]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Trace:
    """What a learner did on a stream: one training run, priced as often as wanted.

    Parameters
    ----------
    meta
        Everything that is not an array.
    counts
        Name of :data:`~imcsim.trace.schema.COUNTS` -> int64 (F, L).
    task_counts
        Name of :data:`~imcsim.trace.schema.TASK_COUNTS` -> int64 (F,).
    codes
        Layer -> (F + 1, G, D, N) weight codes: at deployment, then after each phase.
    changes
        (policy, encoding name, layer) -> (F, K, G, D, N): level changes of each cell during each phase if every
        step ("step") or every epoch ("epoch") were committed.
    transitions
        (policy, encoding name, layer) -> int64 (F, levels, levels): how often a cell went from level i to level j.
    placement
        Layer -> bool (F, G, row tiles, column tiles): True where the PE is trainable. Empty if the method does
        not place PEs. ``trace.placement(task=4)`` gives the masks at the end of one task.
    active
        Layer -> bool (F, G, D, N): weights inside the sparsity mask. Empty for dense methods.
    digital
        Name in the network -> (F + 1, ...): parameters and statistics that digital logic holds (biases, batch-norm),
        at deployment and after each phase; with the codes they are the whole network.
    wear_counts
        Name of :data:`~imcsim.trace.schema.WEAR_COUNTS` -> int64 (F, L); empty where no cell could die.
    work
        Name of a term of ``meta.work_terms`` -> name of :data:`~imcsim.trace.work_term.WORK_AMOUNTS` -> int64 (F,).
    pulses, half_selects
        (encoding name, layer) -> unsigned (F, K, G, D, N): programming pulses that each cell got, and how often it was
        selected by half while others were written. Empty where the learner does not count them.
    input_density, error_density
        (F, L, b): mean share of ones per bit plane (least significant first) of input and error codes.
    input_zero_share, error_zero_share
        (F, L): share of all-zero vectors.
    accuracy
        Name -> (T, T): accuracy a[t, i] on task i after training task t. "class_il" and "task_il" are those of the
        scenarios; others ("exact", "knn", "linear") are the method's own.

    F placement phases, T tasks: each task has at least one phase, and most learners' exactly one. :meth:`by_task` and
    :meth:`at_task` lead from phases to tasks.

    ``cache`` holds what was derived from the arrays, ``verdict`` what :func:`~imcsim.trace.conservation.check_once` has
    found to obey the laws; a copy with other arrays (``dataclasses.replace``) starts without either.
    """

    meta: TraceMeta
    counts: Mapping[str, NDArray[np.int64]]
    task_counts: Mapping[str, NDArray[np.int64]]
    codes: Mapping[str, IntArray]
    changes: Mapping[tuple[Policy, str, str], IntArray]
    transitions: Mapping[tuple[Policy, str, str], NDArray[np.int64]]
    input_density: NDArray[np.float64]
    error_density: NDArray[np.float64]
    input_zero_share: NDArray[np.float64]
    error_zero_share: NDArray[np.float64]
    accuracy: Mapping[str, Matrix]
    placement: Placements = field(default_factory=Placements)
    active: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    digital: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    wear_counts: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    work: Mapping[str, Mapping[str, NDArray[np.int64]]] = field(default_factory=dict)
    pulses: Mapping[tuple[str, str], IntArray] = field(default_factory=dict)
    half_selects: Mapping[tuple[str, str], IntArray] = field(default_factory=dict)
    cache: dict[object, object] = field(default_factory=dict, repr=False, compare=False)
    verdict: tuple[tuple[object, object], ...] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "placement", Placements(self.placement, _last(self.meta)))
        object.__setattr__(self, "cache", {})  # what was derived from other arrays must not come along with a copy

    def encoding(self, encoding: Encoding) -> str:
        """Return the key of ``encoding``; TraceError if its level changes were not recorded."""
        names = [known.name for known in self.meta.encodings]
        if encoding.name not in names:
            raise TraceError(
                f"the trace counts level changes for {', '.join(names)}, not for {encoding.name}: "
                f"record it again with that encoding, or choose a chip with one of these"
            )
        return encoding.name

    @property
    def phases(self) -> tuple[Phase, ...]:
        """(F,): the placement phases; where the header tells none, each task is one."""
        steps = self.task_counts["optimizer_steps"]
        whole = (Phase(task=task, first_step=0, steps=int(steps[task])) for task in range(self.meta.tasks))
        return self.meta.placement_phases or tuple(whole)

    def by_task(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return (T, ...): sums of ``array`` (F, ...) over the phases of each task.

        For amounts, which add up; of a state the entries at ``meta.last_phases`` are meant, of a peak the largest.
        """
        last = self.meta.last_phases
        if len(last) == len(array):
            return array
        wide = np.float64 if array.dtype.kind == "f" else np.int64
        total: NDArray[Any] = np.add.reduceat(array, [0, *(phase + 1 for phase in last[:-1])], axis=0, dtype=wide)
        return total

    def at_task(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return (T + 1, ...): the entries of ``array`` (F + 1, ...) at deployment and after each task."""
        last = self.meta.last_phases
        return array if len(last) + 1 == len(array) else array[[0, *(phase + 1 for phase in last)]]

    @property
    def class_il(self) -> Matrix:
        """(T, T): Class-IL accuracy; 0 where it is not served."""
        return self._of_scenario("class-il")

    @property
    def task_il(self) -> Matrix:
        """(T, T): Task-IL accuracy; 0 where it is not served."""
        return self._of_scenario("task-il")

    def _of_scenario(self, scenario: Scenario) -> Matrix:
        known = self.accuracy.get(ACCURACIES[scenario])
        return np.zeros((self.meta.tasks, self.meta.tasks)) if known is None else known

    def task_changes(self, encoding: Encoding, layer: str) -> NDArray[np.uint8]:
        """Return (F, K, G, D, N): 1 where a cell's level differs between consecutive commits of whole phases."""
        levels = encoding.levels(self.codes[layer])  # (K, F+1, G, D, N)
        return np.asarray((levels[:, 1:] != levels[:, :-1]).swapaxes(0, 1), dtype=np.uint8)

    def task_transitions(self, encoding: Encoding, layer: str) -> NDArray[np.int64]:
        """Return (F, levels, levels): transitions between consecutive commits of whole phases."""
        levels = encoding.levels(self.codes[layer]).astype(np.int64)
        return np.stack(
            [
                transition_counts(levels[:, phase], levels[:, phase + 1], encoding.level_count)
                for phase in range(self.meta.phase_count)
            ]
        )

    @cached_property
    def layer_index(self) -> dict[str, int]:
        """Layer name -> position on the L axis."""
        return {layer.name: i for i, layer in enumerate(self.meta.layers)}


def _last(meta: object) -> tuple[int, ...] | None:
    """Return the last phase of each task; None where the header is none: its law will say so."""
    return meta.last_phases if isinstance(meta, TraceMeta) else None


def transition_counts(old: NDArray[np.int64], new: NDArray[np.int64], level_count: int) -> NDArray[np.int64]:
    """Return (levels, levels): how many cells go from level i to level j; the diagonal (no change) is 0."""
    flat = np.bincount((old * level_count + new).ravel(), minlength=level_count * level_count)
    square = flat.reshape(level_count, level_count).astype(np.int64)
    np.fill_diagonal(square, 0)
    return square
