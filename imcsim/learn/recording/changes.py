"""Counts level changes of every cell: codes now against codes at the last commit.

Shape letters: W all mapped weights (flat, layer after layer), K cells per weight, A cells of a weight in all encodings,
V levels, L layers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imcsim.crossbar.encoding import Encoding

_DENSE = 1 << 23  # design choice: largest table of code pairs that is counted densely
_WAITING = 1 << 18  # design choice: changed weights held before they are counted; many small steps cost one
_HELD = 1 << 20  # design choice: codes held before commits are compared; commits of small networks are, many at a time


class LevelChanges:
    """Changes per cell and transitions per layer, for one commit policy and several encodings.

    Only weights whose code changed are looked at, through one table of code -> levels in all encodings, side by side: a
    further encoding adds columns, not passes.

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
        self._cells = [e.cells_per_weight for e in encodings]
        levels = np.concatenate([e.levels(codes) for e in encodings])
        self._table = torch.from_numpy(_narrow(levels.T)).to(device)  # (codes, A)
        self._layer = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)).to(device)
        self._dtype = _counter_dtype(commits)
        self._held: list[Tensor] = []  # the last commit compared, and those since
        self.counts = torch.empty(0)
        self.transitions: list[Tensor] = []
        self._waiting: list[tuple[Tensor, Tensor, Tensor]] = []
        self._waiting_weights = 0
        self._clear()

    def _clear(self) -> None:
        device, weights, layers = self._layer.device, len(self._layer), len(self.sizes)
        self.counts = torch.zeros(weights, sum(self._cells), dtype=self._dtype, device=device)
        self.transitions = [
            torch.zeros(layers * e.level_count**2, dtype=torch.int64, device=device) for e in self.encodings
        ]

    def commit(self, codes: Tensor) -> None:
        """Count the changes from the last commit to ``codes`` (W,), int16; the first call only deploys.

        ``codes`` are kept for a while, and must not be changed by the caller.
        """
        self._held.append(codes)
        if len(self._held) * codes.shape[0] > _HELD:
            self._compare()

    def _compare(self) -> None:
        """Find the weights that changed between commits held; keep the last."""
        if len(self._held) < 2:
            return
        weights, joined = len(self._layer), None if len(self._held) == 2 else torch.cat(self._held)
        before, after = self._held if joined is None else (joined[:-weights], joined[weights:])
        changed = _differing(before, after)
        self._waiting.append((changed % weights, before[changed], after[changed]))
        self._waiting_weights += changed.shape[0]
        self._held = self._held[-1:]
        if self._waiting_weights > _WAITING:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        changed, old, new = (torch.cat(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting, self._waiting_weights = [], 0
        old, new = old.int() + self.limit, new.int() + self.limit
        moved = self._table.index_select(0, old) != self._table.index_select(0, new)
        self.counts.index_add_(0, changed, moved.to(self._dtype))
        layer, old, new, often = self._moves(changed, old, new)
        before, after = self._table[old].long(), self._table[new].long()  # (distinct, A)
        parts = zip(torch.split(before, self._cells, 1), torch.split(after, self._cells, 1), strict=True)
        for number, (one, two) in enumerate(parts):
            self._add_transitions(number, layer, one, two, often)

    def _moves(self, changed: Tensor, old: Tensor, new: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return (layer, old, new, how often) of the distinct code changes: far fewer than the changes."""
        span = 2 * self.limit + 1
        key = (self._layer[changed] * span + old) * span + new
        if len(self.sizes) * span**2 <= _DENSE:
            often = torch.bincount(key)
            distinct = often.nonzero().squeeze(1)
            often = often[distinct]
        else:
            distinct, often = torch.unique(key, return_counts=True)
        return distinct // span**2, distinct // span % span, distinct % span, often

    def _add_transitions(self, number: int, layer: Tensor, before: Tensor, after: Tensor, often: Tensor) -> None:
        """Add ``often`` to the transitions of one encoding from levels ``before`` to ``after`` (distinct, K)."""
        levels = self.encodings[number].level_count
        key = (layer[:, None] * levels + before) * levels + after
        times = often[:, None].expand_as(key) * (before != after)
        self.transitions[number].index_add_(0, key.flatten(), times.flatten())

    def take(self) -> tuple[list[list[NDArray[np.unsignedinteger]]], list[NDArray[np.int64]]]:
        """Return the task's counters and start anew.

        Returns
        -------
        changes
            Per encoding and layer: (K, weights of the layer), in the smallest unsigned type.
        transitions
            Per encoding: int64 (L, V, V), [from, to], diagonal 0.
        """
        self._compare()
        self._flush()
        by_layer = [part.T.cpu().numpy() for part in torch.split(self.counts, self.sizes)]
        ends = np.cumsum(self._cells)[:-1]
        each = [[_smallest(cells) for cells in np.split(part, ends)] for part in by_layer]  # by layer and encoding
        changes = [[of_layer[number] for of_layer in each] for number in range(len(self.encodings))]
        squares = [
            total.cpu().numpy().reshape(len(self.sizes), e.level_count, e.level_count)
            for total, e in zip(self.transitions, self.encodings, strict=True)
        ]
        self._clear()
        return changes, squares

    def state_dict(self) -> dict[str, Any]:
        """Return the running counters and the last commit."""
        self._compare()
        self._flush()
        return {"last": self._held[0] if self._held else None, "counts": self.counts, "transitions": self.transitions}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        device = self._layer.device
        self._held = [state["last"].to(device)]
        self.counts = state["counts"].to(device)
        self.transitions = [total.to(device) for total in state["transitions"]]


def _differing(first: Tensor, second: Tensor) -> Tensor:
    """Return the positions where two (W,) differ: on a CPU by numpy, which compares faster and skips runs of False."""
    if first.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(first.numpy() != second.numpy()))
    return (first != second).nonzero().squeeze(1)


def _narrow(levels: NDArray[np.uint16]) -> NDArray[np.integer]:
    dtype = np.uint8 if levels.max() <= np.iinfo(np.uint8).max else np.int32
    return np.ascontiguousarray(levels.astype(dtype))


def _counter_dtype(commits: int) -> torch.dtype:
    for dtype in (torch.uint8, torch.int16):
        if commits <= torch.iinfo(dtype).max:
            return dtype
    return torch.int32


def _smallest(values: NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
    largest = int(values.max(initial=0))
    narrow: NDArray[np.unsignedinteger] = np.ascontiguousarray(values.astype(np.min_scalar_type(largest)))
    return narrow
