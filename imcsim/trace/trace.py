"""The trace as arrays; saving and loading are in ``store``, laws in ``conservation``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import TraceError
from imcsim.crossbar.encoding import Encoding
from imcsim.trace.placements import Placements
from imcsim.trace.schema import Policy, TraceMeta

IntArray = NDArray[np.integer]


@dataclass(frozen=True)
class Trace:
    """What a learner did on a stream: one training run, priced as often as wanted.

    Parameters
    ----------
    meta
        Everything that is not an array.
    counts
        Name of :data:`~imcsim.trace.schema.COUNTS` -> int64 (T, L).
    task_counts
        Name of :data:`~imcsim.trace.schema.TASK_COUNTS` -> int64 (T,).
    codes
        Layer -> (T + 1, G, D, N) weight codes: at deployment, then after each task.
    changes
        (policy, encoding name, layer) -> (T, K, G, D, N): level changes of each cell during each task if every
        step ("step") or every epoch ("epoch") were committed.
    transitions
        (policy, encoding name, layer) -> int64 (T, levels, levels): how often a cell went from level i to level j.
    placement
        Layer -> bool (T, G, row tiles, column tiles): True where the PE is trainable. Empty if the method does
        not place PEs. ``trace.placement(task=4)`` gives the masks of one task.
    active
        Layer -> bool (T, G, D, N): weights inside the sparsity mask. Empty for dense methods.
    digital
        Name in the network -> (T + 1, ...): parameters and statistics that digital logic holds (biases, batch-norm),
        at deployment and after each task; with the codes they are the whole network.
    wear_counts
        Name of :data:`~imcsim.trace.schema.WEAR_COUNTS` -> int64 (T, L); empty where no cell could die.
    input_density, error_density
        (T, L, b): mean share of ones per bit plane (least significant first) of input and error codes.
    input_zero_share, error_zero_share
        (T, L): share of all-zero vectors.
    class_il, task_il
        (T, T): accuracy a[t, i] on task i after training task t, Class-IL and Task-IL.

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
    class_il: NDArray[np.float64]
    task_il: NDArray[np.float64]
    placement: Placements = field(default_factory=Placements)
    active: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    digital: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    wear_counts: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    cache: dict[object, object] = field(default_factory=dict, repr=False, compare=False)
    verdict: tuple[tuple[object, object], ...] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "placement", Placements(self.placement))
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

    def task_changes(self, encoding: Encoding, layer: str) -> NDArray[np.uint8]:
        """Return (T, K, G, D, N): 1 where a cell's level differs between consecutive commits of whole tasks."""
        levels = encoding.levels(self.codes[layer])  # (K, T+1, G, D, N)
        return np.asarray((levels[:, 1:] != levels[:, :-1]).swapaxes(0, 1), dtype=np.uint8)

    def task_transitions(self, encoding: Encoding, layer: str) -> NDArray[np.int64]:
        """Return (T, levels, levels): transitions between consecutive commits of whole tasks."""
        levels = encoding.levels(self.codes[layer]).astype(np.int64)
        return np.stack(
            [transition_counts(levels[:, t], levels[:, t + 1], encoding.level_count) for t in range(self.meta.tasks)]
        )

    @cached_property
    def layer_index(self) -> dict[str, int]:
        """Layer name -> position on the L axis."""
        return {layer.name: i for i, layer in enumerate(self.meta.layers)}


def transition_counts(old: NDArray[np.int64], new: NDArray[np.int64], level_count: int) -> NDArray[np.int64]:
    """Return (levels, levels): how many cells go from level i to level j; the diagonal (no change) is 0."""
    flat = np.bincount((old * level_count + new).ravel(), minlength=level_count * level_count)
    square = flat.reshape(level_count, level_count).astype(np.int64)
    np.fill_diagonal(square, 0)
    return square
