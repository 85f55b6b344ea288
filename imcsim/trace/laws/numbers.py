"""Counts of a trace as Python integers, so that a product of two never overflows.

Shape letters: F placement phases, T tasks, L mapped layers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.trace.trace import Trace

Whole = NDArray[np.object_]  # of Python integers


class Numbers:
    """Counts (F, L), task counts (F, 1) and what layers are (L,); arrays must have passed the law of arrays."""

    def __init__(self, trace: Trace) -> None:
        layers = trace.meta.layers
        self._trace = trace
        self.positions = _whole([layer.positions for layer in layers])
        self.weights = _whole([layer.weight_count for layer in layers])
        self.input_elements = _whole([layer.input_elements for layer in layers])

    def of(self, name: str) -> Whole:
        """Return the counts ``name`` (F, L)."""
        return self._trace.counts[name].astype(object)

    def task(self, name: str) -> Whole:
        """Return the task counts ``name`` (F, 1)."""
        return self._trace.task_counts[name].astype(object)[:, None]

    def by_task(self, amounts: Whole) -> Whole:
        """Return (T, ...): sums of amounts (F, ...) over the phases of each task."""
        last = self._trace.meta.last_phases
        total: Whole = np.add.reduceat(amounts, [0, *(phase + 1 for phase in last[:-1])], axis=0)
        return total


def _whole(values: list[int]) -> Whole:
    out: NDArray[Any] = np.empty(len(values), dtype=object)
    out[:] = values
    return out
