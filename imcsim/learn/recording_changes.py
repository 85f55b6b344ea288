"""Counts level changes of every cell: codes now against codes at the last commit.

Shape letters: W all mapped weights (flat, layer after layer), K cells per weight, V levels, L layers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imcsim.crossbar.encoding import Encoding


class LevelChanges:
    """Changes per cell and transitions per layer, for one commit policy and several encodings.

    Only weights whose code changed are looked at, through a table of code -> levels.

    Parameters
    ----------
    encodings
        Storage forms to count for.
    sizes
        Weights of each layer.
    limit
        Largest code; codes lie in -limit .. limit.
    commits
        Most commits in one task: chooses the counters' width while a task runs.
    device
        Where the codes live.
    """

    def __init__(
        self, encodings: Sequence[Encoding], sizes: Sequence[int], limit: int, commits: int, device: torch.device
    ) -> None:
        self.encodings = tuple(encodings)
        self.sizes = list(sizes)
        self.limit = limit
        codes = np.arange(-limit, limit + 1)
        self._tables = [torch.from_numpy(e.levels(codes).T.astype(np.int32)).to(device) for e in encodings]
        self._layer = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)).to(device)
        self._dtype = _counter_dtype(commits)
        self.last: Tensor | None = None
        self.counts: list[Tensor] = []
        self.transitions: list[Tensor] = []
        self._clear()

    def _clear(self) -> None:
        device, weights, layers = self._layer.device, len(self._layer), len(self.sizes)
        self.counts = [torch.zeros(weights, t.shape[1], dtype=self._dtype, device=device) for t in self._tables]
        self.transitions = [
            torch.zeros(layers * e.level_count**2, dtype=torch.int64, device=device) for e in self.encodings
        ]

    def commit(self, codes: Tensor) -> None:
        """Count the changes from the last commit to ``codes`` (W,), int16; the first call only deploys."""
        if self.last is not None:
            changed = (codes != self.last).nonzero().squeeze(1)
            if len(changed):
                old, new = (c[changed].long() + self.limit for c in (self.last, codes))
                for number in range(len(self.encodings)):
                    self._count(number, changed, old, new)
        self.last = codes

    def _count(self, number: int, changed: Tensor, old: Tensor, new: Tensor) -> None:
        table, levels = self._tables[number], self.encodings[number].level_count
        before, after = table[old], table[new]  # (changed, K)
        moved = before != after
        self.counts[number].index_add_(0, changed, moved.to(self._dtype))
        key = (self._layer[changed, None] * levels + before) * levels + after
        self.transitions[number] += torch.bincount(key[moved], minlength=len(self.transitions[number]))

    def take(self) -> tuple[list[list[NDArray[np.unsignedinteger]]], list[NDArray[np.int64]]]:
        """Return the task's counters and start anew.

        Returns
        -------
        changes
            Per encoding and layer: (K, weights of the layer), in the smallest unsigned type.
        transitions
            Per encoding: int64 (L, V, V), [from, to], diagonal 0.
        """
        changes = [[_smallest(part.T.cpu().numpy()) for part in torch.split(count, self.sizes)] for count in self.counts]
        squares = [
            total.cpu().numpy().reshape(len(self.sizes), e.level_count, e.level_count)
            for total, e in zip(self.transitions, self.encodings, strict=True)
        ]
        self._clear()
        return changes, squares

    def state_dict(self) -> dict[str, Any]:
        """Return the running counters and the last commit."""
        return {"last": self.last, "counts": self.counts, "transitions": self.transitions}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        device = self._layer.device
        self.last = state["last"].to(device)
        self.counts = [count.to(device) for count in state["counts"]]
        self.transitions = [total.to(device) for total in state["transitions"]]


def _counter_dtype(commits: int) -> torch.dtype:
    for dtype in (torch.uint8, torch.int16):
        if commits <= torch.iinfo(dtype).max:
            return dtype
    return torch.int32


def _smallest(values: NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
    largest = int(values.max(initial=0))
    narrow: NDArray[np.unsignedinteger] = np.ascontiguousarray(values.astype(np.min_scalar_type(largest)))
    return narrow
