"""A trace seen through one PE geometry: per-PE sums that pricing needs, built once and kept with the trace.

Shape letters: T tasks, P PEs of the network (all layers, in layer order), L mapped layers, K cells per weight,
D fan-in, N outputs per group.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.cell_counts import (
    changes_of_cells,
    changes_of_codes,
    levels_of_codes,
    row_events,
    row_sums,
    stack_rows,
    tile_sums,
)
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.masks import expand_pe_mask, reduce_to_pes, tile_grid
from imcsim.trace.schema import Policy
from imcsim.trace.trace import Trace, transition_counts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class PeGrid:
    """Shapes of the network's PEs; arrays are (P,) unless said otherwise."""

    geometry: PeGeometry
    layer: Ints
    rows: Ints
    outputs: Ints
    row_tiles: Ints | Floats = field(metadata={"shape": "(L,)"})
    layer_slices: tuple[slice, ...] = ()

    @property
    def count(self) -> int:
        """P."""
        return len(self.layer)

    @property
    def cells_per_weight(self) -> int:
        """K."""
        return self.geometry.encoding.cells_per_weight

    @property
    def cols(self) -> Ints:
        """Used columns of cells of each PE."""
        return self.outputs * self.cells_per_weight

    @property
    def cells(self) -> Ints:
        """Cells of each PE that hold a weight."""
        return self.rows * self.cols


@dataclass(frozen=True)
class PolicyProfile:
    """Level changes under one write policy.

    ``changes`` (T, P) programming events; ``row_events`` (T, P) row writes: commits in which at least one cell of a
    row changes, expected over the cells of a row (exact where a task has one commit); ``worst`` (P,) most events of
    any one cell over the whole stream; ``cells`` for each layer, (M,) how many cells have 0, 1, 2, ... of them.
    """

    changes: Ints
    row_events: Floats
    worst: Ints
    cells: tuple[Ints, ...]


@dataclass
class TileProfile:
    """What pricing reads of a trace for one geometry. Build with :func:`profile_of`."""

    trace: Trace
    geometry: PeGeometry
    _policies: dict[Policy, PolicyProfile] = field(default_factory=dict)
    _between: dict[tuple[int, int], tuple[Ints, Ints]] = field(default_factory=dict)

    @cached_property
    def grid(self) -> PeGrid:
        """Shapes of the PEs."""
        return pe_grid(self.trace.meta.layers, self.geometry)

    @cached_property
    def level_sums(self) -> Ints:
        """(T + 1, P): sum of cell levels of each PE at each commit."""
        parts = [
            tile_sums(levels_of_codes(self.trace.codes[spec.name], self.geometry.encoding), self.geometry)
            for spec in self.trace.meta.layers
        ]
        return np.concatenate(parts, axis=1)

    @cached_property
    def initial_transitions(self) -> list[Ints]:
        """For each layer, (levels, levels): events that program the initial codes into erased cells (level 0)."""
        encoding, tables = self.geometry.encoding, []
        for spec in self.trace.meta.layers:
            codes = self.trace.codes[spec.name][0].astype(np.intp).ravel() - encoding.code_min
            occurrences = np.bincount(codes, minlength=encoding.level_table.shape[1])
            table = np.zeros((encoding.level_count, encoding.level_count), dtype=np.int64)
            for levels in encoding.level_table:
                np.add.at(table[0], levels, occurrences)
            table[0, 0] = 0
            tables.append(table)
        return tables

    @cached_property
    def trainable(self) -> NDArray[np.bool_]:
        """(T, P): PEs that the method trains; all, if it places none."""
        tasks = self.trace.meta.tasks
        parts = []
        for spec, span in zip(self.trace.meta.layers, self.grid.layer_slices, strict=True):
            placed = self.trace.placement.get(spec.name)
            size = span.stop - span.start
            parts.append(np.ones((tasks, size), bool) if placed is None else placed.reshape(tasks, size))
        return np.concatenate(parts, axis=1)

    def transitions(self, policy: Policy) -> list[Ints]:
        """For each layer, (T, levels, levels) transition counts under ``policy``."""
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
        """For each layer, (T, levels, levels) transitions under ``policy`` of the PEs in ``pes`` (T, P).

        Exact where these are all of a layer's PEs that change, and under policy ``task``, whose codes are known;
        else the layer's transitions, shared out by level changes.
        """
        changes, found = self.policy(policy).changes, []
        layers = zip(self.trace.meta.layers, self.grid.layer_slices, self.transitions(policy), strict=True)
        for spec, span, table in layers:
            ours, whole = (changes * pes)[:, span].sum(axis=1), changes[:, span].sum(axis=1)
            share = np.divide(ours, whole, out=np.zeros(len(whole)), where=whole > 0)
            of_pes = table * share[:, None, None]
            for task in np.flatnonzero((share > 0) & (share < 1)) if policy == "task" else ():
                of_pes[task] = self._transitions_in(spec, int(task), int(task) + 1, pes[task, span])
            found.append(of_pes)
        return found

    def transitions_between(self, first: int, last: int, pes: NDArray[np.bool_]) -> Ints:
        """Return (levels, levels): transitions of the PEs in ``pes`` (P,) between commits ``first`` and ``last``."""
        levels = self.geometry.encoding.level_count
        found = np.zeros((levels, levels), dtype=np.int64)
        for spec, span in zip(self.trace.meta.layers, self.grid.layer_slices, strict=True):
            if pes[span].any():
                found += self._transitions_in(spec, first, last, pes[span])
        return found

    def _transitions_in(self, spec: LayerSpec, first: int, last: int, pes: NDArray[np.bool_]) -> Ints:
        encoding, tile = self.geometry.encoding, (self.geometry.weight_rows, self.geometry.weight_cols)
        mine = expand_pe_mask(pes.reshape(tile_grid(spec.matrix_shape, tile)), spec.matrix_shape, tile)
        levels = encoding.levels(self.trace.codes[spec.name][[first, last]][:, mine]).astype(np.int64)
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
            for spec in self.trace.meta.layers:
                levels = self.geometry.encoding.levels(self.trace.codes[spec.name][[first, last]])
                moved = (levels[:, 0] != levels[:, 1]).sum(axis=0, dtype=np.int64)
                per_row = row_sums(moved[None], self.geometry)
                cells.append(stack_rows(per_row, self.geometry)[0].astype(np.int64))
                rows.append(stack_rows((per_row > 0).astype(np.float64), self.geometry)[0].astype(np.int64))
            self._between[first, last] = np.concatenate(cells), np.concatenate(rows)
        return self._between[first, last]

    def cell_changes(self, policy: Policy, layer: str) -> NDArray[np.integer]:
        """Return (T, K, G, D, N) level changes of each cell of ``layer`` under ``policy``."""
        key = self.trace.encoding(self.geometry.encoding)
        if policy == "task":
            return self.trace.task_changes(self.geometry.encoding, layer)
        return self.trace.changes[policy, key, layer]

    def _profile(self, policy: Policy) -> PolicyProfile:
        key = self.trace.encoding(self.geometry.encoding)
        commits = {"step": "optimizer_steps", "epoch": "epochs"}.get(policy)
        tasks = self.trace.meta.tasks
        commit_counts = np.ones(tasks) if commits is None else self.trace.task_counts[commits].astype(float)
        changes, events, worst, cells = [], [], [], []
        for spec in self.trace.meta.layers:
            if policy == "task":
                by_weight, most, counted = changes_of_codes(self.trace.codes[spec.name], self.geometry.encoding)
            else:
                by_weight, most, counted = changes_of_cells(self.trace.changes[policy, key, spec.name])
            per_row = row_sums(by_weight, self.geometry)
            changes.append(stack_rows(per_row, self.geometry).astype(np.int64))
            events.append(row_events(per_row, commit_counts, spec.outputs, self.geometry))
            tile = (self.geometry.weight_rows, self.geometry.weight_cols)
            worst.append(reduce_to_pes(most, tile, "max").ravel().astype(np.int64))
            cells.append(counted)
        join = np.concatenate
        return PolicyProfile(join(changes, 1), join(events, 1), join(worst), tuple(cells))


def profile_of(trace: Trace, geometry: PeGeometry) -> TileProfile:
    """Return the profile of ``trace`` for ``geometry``, built at the first call and kept in ``trace.cache``."""
    key = ("profile", geometry)
    found = trace.cache.get(key)
    if not isinstance(found, TileProfile):
        found = TileProfile(trace, geometry)
        trace.cache[key] = found
    return found


def pe_grid(layers: tuple[LayerSpec, ...], geometry: PeGeometry) -> PeGrid:
    """Return the PEs of ``layers``, each layer's in order (group, row tile, column tile)."""
    layer, rows, outputs, row_tiles, slices, start = [], [], [], [], [], 0
    for index, spec in enumerate(layers):
        groups, fan_in, outs = spec.matrix_shape
        tiles_r, tiles_c = geometry.tiles(fan_in, outs)
        heights = np.minimum(geometry.weight_rows, fan_in - geometry.weight_rows * np.arange(tiles_r))
        widths = np.minimum(geometry.weight_cols, outs - geometry.weight_cols * np.arange(tiles_c))
        count = groups * tiles_r * tiles_c
        layer.append(np.full(count, index))
        rows.append(np.tile(np.repeat(heights, tiles_c), groups))
        outputs.append(np.tile(widths, groups * tiles_r))
        row_tiles.append(tiles_r)
        slices.append(slice(start, start + count))
        start += count
    join = np.concatenate
    return PeGrid(geometry, join(layer), join(rows), join(outputs), np.array(row_tiles), tuple(slices))
