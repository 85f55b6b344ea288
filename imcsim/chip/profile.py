"""A trace seen through one layout: per-PE sums that pricing needs, built once and kept with the trace.

Shape letters: F placement phases, P PEs of the network (all layers, in layer order), L mapped layers, K cells per
weight, D fan-in, N outputs per group.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.cell_counts import changes_of_cells, changes_of_codes, levels_of_codes
from imcsim.chip.layout import GridLayout, Layout
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.pe_grid import PeGrid, pe_grid
from imcsim.trace.schema import Policy
from imcsim.trace.trace import Trace, transition_counts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class PolicyProfile:
    """Level changes under one write policy.

    ``changes`` (F, P) programming events; ``row_events`` (F, P) row writes: commits in which at least one cell of a
    row changes, expected over the cells of a row (exact where a task has one commit); ``worst`` (P,) most events of
    any one cell over the whole stream; ``cells`` for each layer, (M,) how many cells have 0, 1, 2, ... of them.
    """

    changes: Ints
    row_events: Floats
    worst: Ints
    cells: tuple[Ints, ...]


@dataclass
class TileProfile:
    """What pricing reads of a trace for one layout. Build with :func:`profile_of`."""

    trace: Trace
    layout: Layout
    _policies: dict[Policy, PolicyProfile] = field(default_factory=dict)
    _between: dict[tuple[int, int], tuple[Ints, Ints]] = field(default_factory=dict)

    @property
    def geometry(self) -> PeGeometry:
        """One PE."""
        return self.layout.geometry

    @property
    def grid(self) -> PeGrid:
        """Shapes of the PEs."""
        return self.layout.grid

    @cached_property
    def level_sums(self) -> Ints:
        """(F + 1, P): sum of cell levels of each PE at each commit."""
        parts = [
            self.layout.sums(levels_of_codes(self.trace.codes[spec.name], self.geometry.encoding), layer)
            for layer, spec in enumerate(self.trace.meta.layers)
        ]
        return np.concatenate(parts, axis=1)

    @cached_property
    def initial_transitions(self) -> list[Ints]:
        """For each layer, all its copies, (levels, levels): events that program the first codes into erased cells."""
        encoding, tables = self.geometry.encoding, []
        for spec, copies in zip(self.trace.meta.layers, self.layout.copies, strict=True):
            codes = self.trace.codes[spec.name][0].astype(np.intp).ravel() - encoding.code_min
            occurrences = np.bincount(codes, minlength=encoding.level_table.shape[1])
            table = np.zeros((encoding.level_count, encoding.level_count), dtype=np.int64)
            for levels in encoding.level_table:
                np.add.at(table[0], levels, occurrences)
            table[0, 0] = 0
            tables.append(table * copies)
        return tables

    def transitions(self, policy: Policy) -> list[Ints]:
        """For each layer, (F, levels, levels) transition counts of one copy under ``policy``."""
        encoding = self.geometry.encoding
        key = self.trace.encoding(encoding)
        names = [spec.name for spec in self.trace.meta.layers]
        if policy == "task":
            cached = self.trace.cache.setdefault(("task-transitions", key), {})
            if not isinstance(cached, dict):
                raise TypeError("the cache of task transitions must be a dict")
            for name in names:
                if name not in cached:
                    cached[name] = self.trace.task_transitions(encoding, name)
            return [cached[name] for name in names]
        return [self.trace.transitions[policy, key, name] for name in names]

    def transitions_of(self, policy: Policy, pes: NDArray[np.bool_]) -> list[Floats]:
        """For each layer and all its copies, (F, levels, levels) transitions of the PEs in ``pes`` (F, P).

        Exact where these are all of a layer's PEs that change, and under policy ``task``, whose codes are known;
        else the layer's transitions, shared out by level changes.
        """
        changes, found = self.policy(policy).changes, []
        layers = zip(self.grid.layer_slices, self.transitions(policy), strict=True)
        for layer, (span, table) in enumerate(layers):
            ours, whole = (changes * pes)[:, span].sum(axis=1), changes[:, span].sum(axis=1)
            share = np.divide(ours, whole, out=np.zeros(len(whole)), where=whole > 0)
            of_pes = table * share[:, None, None]
            for task in np.flatnonzero((share > 0) & (share < 1)) if policy == "task" else ():
                of_pes[task] = self._transitions_in(layer, int(task), int(task) + 1, pes[task, span])
            found.append(of_pes * self.layout.copies[layer])
        return found

    def transitions_between(self, first: int, last: int, pes: NDArray[np.bool_]) -> Ints:
        """Return (levels, levels): transitions of the PEs in ``pes`` (P,) between commits ``first`` and ``last``."""
        levels = self.geometry.encoding.level_count
        found = np.zeros((levels, levels), dtype=np.int64)
        for layer, span in enumerate(self.grid.layer_slices):
            if pes[span].any():
                found += self._transitions_in(layer, first, last, pes[span]) * self.layout.copies[layer]
        return found

    def _transitions_in(self, layer: int, first: int, last: int, pes: NDArray[np.bool_]) -> Ints:
        encoding, name = self.geometry.encoding, self.trace.meta.layers[layer].name
        mine = self.layout.spread(pes, layer)
        levels = encoding.levels(self.trace.codes[name][[first, last]][:, mine]).astype(np.int64)
        return transition_counts(levels[:, 0], levels[:, 1], encoding.level_count)

    def policy(self, policy: Policy) -> PolicyProfile:
        """Return per-PE level changes under ``policy``."""
        if policy not in self._policies:
            self._policies[policy] = self._profile(policy)
        return self._policies[policy]

    def changes_between(self, first: int, last: int) -> Ints:
        """Return (P,) cells whose level differs between commits ``first`` and ``last`` (0 = deployment)."""
        return self._differing(first, last)[0]

    def rows_between(self, first: int, last: int) -> Ints:
        """Return (P,) rows with at least one cell whose level differs between commits ``first`` and ``last``."""
        return self._differing(first, last)[1]

    def _differing(self, first: int, last: int) -> tuple[Ints, Ints]:
        if (first, last) not in self._between:
            cells, rows = [], []
            for layer, spec in enumerate(self.trace.meta.layers):
                levels = self.geometry.encoding.levels(self.trace.codes[spec.name][[first, last]])
                moved = (levels[:, 0] != levels[:, 1]).sum(axis=0, dtype=np.int64)
                events, row_events = self.layout.written(moved[None], np.ones(1), layer)
                cells.append(events[0])
                rows.append(row_events[0].astype(np.int64))  # exact: of one commit
            self._between[first, last] = np.concatenate(cells), np.concatenate(rows)
        return self._between[first, last]

    def cell_changes(self, policy: Policy, layer: str) -> NDArray[np.integer]:
        """Return (F, K, G, D, N) level changes of each cell of ``layer`` under ``policy``."""
        key = self.trace.encoding(self.geometry.encoding)
        if policy == "task":
            return self.trace.task_changes(self.geometry.encoding, layer)
        return self.trace.changes[policy, key, layer]

    def _profile(self, policy: Policy) -> PolicyProfile:
        key = self.trace.encoding(self.geometry.encoding)
        commits = {"step": "optimizer_steps", "epoch": "epochs"}.get(policy)
        phases = len(self.trace.meta.phase_tasks)
        commit_counts = np.ones(phases) if commits is None else self.trace.task_counts[commits].astype(float)
        changes, events, worst, cells = [], [], [], []
        for layer, spec in enumerate(self.trace.meta.layers):
            if policy == "task":
                by_weight, most, counted = changes_of_codes(self.trace.codes[spec.name], self.geometry.encoding)
            else:
                by_weight, most, counted = changes_of_cells(self.trace.changes[policy, key, spec.name])
            changed, rows = self.layout.written(by_weight, commit_counts, layer)
            changes.append(changed)
            events.append(rows)
            worst.append(self.layout.most(most, layer))
            cells.append(counted)
        join = np.concatenate
        return PolicyProfile(join(changes, 1), join(events, 1), join(worst), tuple(cells))


def profile_of(trace: Trace, geometry: PeGeometry, tile: tuple[int, int] | None = None) -> TileProfile:
    """Return the profile of ``trace`` laid out by rule ``im2col`` on PEs of ``geometry``, kept with the trace.

    ``tile``: weights (rows, outputs) of a placement unit; None: those of a PE.
    """
    key = ("tiles", geometry, tile or (geometry.weight_rows, geometry.weight_cols))
    layout = trace.cache.get(key)
    if not isinstance(layout, GridLayout):
        layout = GridLayout(trace.meta.layers, geometry, tile)
        trace.cache[key] = layout
    return profile_on(trace, layout)


def profile_on(trace: Trace, layout: Layout) -> TileProfile:
    """Return the profile of ``trace`` on ``layout``, built at the first call and kept in ``trace.cache``."""
    key = ("profile", layout.key)
    found = trace.cache.get(key)
    if not isinstance(found, TileProfile):
        found = TileProfile(trace, layout)
        trace.cache[key] = found
    return found


__all__ = ["PeGrid", "PolicyProfile", "TileProfile", "pe_grid", "profile_of", "profile_on"]
