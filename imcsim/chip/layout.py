"""Which weight lies in which PE of a memory, and sums over the weights of rows and PEs.

The PEs of a layout belong to placement units: what a method freezes, and what moves between memories, is a unit; each
memory holds a unit in PEs of its own. :class:`GridLayout` cuts matrices along their axes (rule ``im2col``);
:class:`~imcsim.chip.rule_layout.RuleLayout` takes the map of any rule. Shape letters: A any leading axis, K cells per
weight, G groups, D fan-in, N outputs, P PEs of the network, U placement units, L layers; ``layer`` is a layer's place
in the network. A PE that layers, or copies, share stands among P once for each of them.
"""

from collections.abc import Hashable
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.cell_counts import row_sums, row_writes, stack_rows
from imcsim.core.errors import ConservationError
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.masks import reduce_blocks
from imcsim.mapping.pe_grid import PeGrid
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Counts = NDArray[np.integer]
Mask = NDArray[np.bool_]
Pair = tuple[int, int]
Scalar = TypeVar("Scalar", bound=np.generic)


class Layout(Protocol):
    """The weights of a network in the PEs of one memory."""

    @property
    def key(self) -> Hashable:
        """What tells it from other layouts of the same network."""

    @property
    def laid(self) -> str:
        """The mapping rule, for readers."""

    @property
    def geometry(self) -> PeGeometry:
        """One PE."""

    @property
    def grid(self) -> PeGrid:
        """Shapes of the PEs."""

    @property
    def unit(self) -> Ints:
        """(P,): the placement unit that each PE belongs to."""

    @property
    def pe(self) -> Ints:
        """(P,): the PE itself, from 0; the same number for layers and copies that share one."""

    @property
    def pe_count(self) -> int:
        """PEs that it takes; one that layers share counts once."""

    @property
    def copies(self) -> Ints:
        """(L,): copies of each layer that share its input vectors."""

    @property
    def share(self) -> Floats | None:
        """(P,): share of a layer's vectors that meet the PE; None: all of them meet every PE."""

    @property
    def passes(self) -> Ints | None:
        """(P,): reads in sequence that one vector takes; None: one everywhere."""

    @property
    def inputs(self) -> tuple[Floats, Floats]:
        """(L,) input elements fetched from the buffer, and (L,) sent to the PEs, for one vector."""

    def check(self, trace: Trace) -> None:
        """Raise an ImcsimError unless it has one place in each copy for every weight that is ever not zero."""

    def sums(self, values: Counts, layer: int) -> Ints:
        """Sum over the weights of each PE: (A, G, D, N) -> (A, PEs of the layer)."""

    def most(self, values: Counts, layer: int) -> Ints:
        """Return the largest of the weights of each PE: (G, D, N) -> (PEs of the layer,)."""

    def written(self, changes: Counts, commits: Floats, layer: int) -> tuple[Ints, Floats]:
        """Return level changes and expected row writes of each PE, both (A, PEs of the layer).

        ``changes`` (A, G, D, N) level changes of the cells of each weight in ``commits`` (A,) commits; see
        :func:`..cell_counts.row_writes`.
        """

    def trains(self, placed: Mask, tile: Pair, layer: int) -> Mask:
        """Return (F, PEs of the layer): PEs with a weight that trains, by a placement (F, G, row tiles, columns)."""

    def spread(self, pes: NDArray[Scalar], layer: int) -> NDArray[Scalar]:
        """Give each weight the value of its PE, of the first copy: (PEs of the layer,) -> (G, D, N)."""

    def to_arrays(self, values: NDArray[Scalar], layer: int) -> NDArray[Scalar]:
        """Put cells (K, G, D, N) where they lie: (PEs of the layer, R, C), 0 where there is no weight."""

    def from_arrays(self, arrays: NDArray[Scalar], layer: int) -> NDArray[Scalar]:
        """Collect the cells (K, G, D, N) from where they lie, in the first copy: inverse of :meth:`to_arrays`."""


def in_pes(layout: Layout, values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Add what layers, or copies, that share a PE have there: (A, P) -> (A, PEs)."""
    if layout.pe_count == layout.grid.count:
        return values
    found = np.zeros((layout.pe_count, len(values)), values.dtype)
    np.add.at(found, layout.pe, values.T)
    return found.T


def pes_in(layout: Layout, chosen: Mask) -> Ints:
    """Return how many PEs hold any that is chosen, each once: (..., P) -> (...)."""
    if layout.pe_count == layout.grid.count:
        return np.asarray(chosen.sum(axis=-1), dtype=np.int64)
    counts = [len(np.unique(layout.pe[row])) for row in chosen.reshape(-1, layout.grid.count)]
    return np.array(counts, dtype=np.int64).reshape(chosen.shape[:-1])


def unit_sizes(layout: Layout) -> Ints:
    """Return (U,): PEs that each placement unit takes."""
    if layout.pe_count == layout.grid.count:
        return np.asarray(np.bincount(layout.unit), dtype=np.int64)
    first = np.unique(layout.pe, return_index=True)[1]
    return np.asarray(np.bincount(layout.unit[first]), dtype=np.int64)


class GridLayout:
    """The layout of rule ``im2col``: units are tiles of ``tile`` weights, each cut into PEs of its own.

    Where a PE holds just such a tile, each unit is one PE. PEs of a layer are in order (group, run of rows, run of
    outputs); a run ends where a unit does, or where a PE is full.
    """

    passes = share = None

    def __init__(self, layers: tuple[LayerSpec, ...], geometry: PeGeometry, tile: Pair | None = None) -> None:
        pe = geometry.weight_rows, geometry.weight_cols
        self.layers, self.geometry, self.tile = layers, geometry, tile or pe
        self.key: Hashable = ("im2col", geometry, self.tile)
        self.laid = "im2col" if self.tile == pe else f"im2col in tiles of {self.tile[0]} x {self.tile[1]}"
        rows = [_runs(spec.fan_in, self.tile[0], pe[0]) for spec in layers]
        cols = [_runs(spec.outputs, self.tile[1], pe[1]) for spec in layers]
        self._starts = [(r[0], c[0]) for r, c in zip(rows, cols, strict=True)]
        self._units = [  # of each layer, (PEs of the layer,), from 0
            ((np.arange(spec.groups)[:, None] * (r[1][-1] + 1) + r[1])[..., None] * (c[1][-1] + 1) + c[1]).ravel()
            for spec, r, c in zip(layers, rows, cols, strict=True)
        ]
        self.grid = _grid(layers, geometry, self._starts)
        firsts = np.cumsum([0, *(int(units[-1]) + 1 for units in self._units[:-1])])
        self.unit: Ints = np.concatenate([units + first for units, first in zip(self._units, firsts, strict=True)])
        self.pe: Ints = np.arange(self.grid.count)
        self.copies: Ints = np.ones(len(layers), np.int64)
        each = np.array([spec.groups * spec.fan_in for spec in layers], dtype=np.float64)
        self.inputs = each, each

    @property
    def pe_count(self) -> int:
        """All of them."""
        return self.grid.count

    @property
    def cut(self) -> bool:
        """Whether units are tiles of another size than a PE's."""
        return self.tile != (self.geometry.weight_rows, self.geometry.weight_cols)

    def check(self, trace: Trace) -> None:
        """Every weight is held once."""
        if int(self.grid.weights.sum()) != sum(spec.weight_count for spec in trace.meta.layers):
            raise ConservationError("pricing breaks a law: every weight must have one place in its home memory")

    def sums(self, values: Counts, layer: int) -> Ints:
        """As the protocol says."""
        return np.asarray(reduce_blocks(values, *self._starts[layer]).reshape(len(values), -1), dtype=np.int64)

    def most(self, values: Counts, layer: int) -> Ints:
        """As the protocol says."""
        return np.asarray(reduce_blocks(values, *self._starts[layer], "max").ravel(), dtype=np.int64)

    def written(self, changes: Counts, commits: Floats, layer: int) -> tuple[Ints, Floats]:
        """As the protocol says."""
        rows, cols = self._starts[layer]
        per_row = row_sums(changes, cols)  # (A, G, D, runs of outputs)
        cells = _lengths(cols, self.layers[layer].outputs) * self.geometry.encoding.cells_per_weight
        events = stack_rows(per_row, rows).astype(np.int64)
        return events, stack_rows(row_writes(per_row, commits, cells), rows)

    def trains(self, placed: Mask, tile: Pair, layer: int) -> Mask:
        """As the protocol says; ``tile`` is the unit's own."""
        return np.asarray(placed.reshape(len(placed), -1)[:, self._units[layer]])

    def spread(self, pes: NDArray[Scalar], layer: int) -> NDArray[Scalar]:
        """As the protocol says."""
        spec, (rows, cols) = self.layers[layer], self._starts[layer]
        blocks = pes.reshape(spec.groups, len(rows), len(cols))
        by_output = np.repeat(blocks, _lengths(cols, spec.outputs), axis=-1)
        return np.asarray(np.repeat(by_output, _lengths(rows, spec.fan_in), axis=-2))

    def to_arrays(self, values: NDArray[Scalar], layer: int) -> NDArray[Scalar]:
        """As the protocol says; the cells of a slice lie side by side, slice after slice."""
        arrays = np.zeros((*self._blocks(layer), self.geometry.weight_rows, len(values), self._width), values.dtype)
        arrays[self._cells(layer)] = values.transpose(2, 3, 1, 0)
        return arrays.reshape(-1, self.geometry.weight_rows, len(values) * self._width)

    def from_arrays(self, arrays: NDArray[Scalar], layer: int) -> NDArray[Scalar]:
        """As the protocol says."""
        shape = *self._blocks(layer), self.geometry.weight_rows, arrays.shape[-1] // self._width, self._width
        return np.ascontiguousarray(arrays.reshape(shape)[self._cells(layer)].transpose(3, 2, 0, 1))

    @property
    def _width(self) -> int:
        return self.geometry.weight_cols

    def _blocks(self, layer: int) -> tuple[int, int, int]:
        rows, cols = self._starts[layer]
        return self.layers[layer].groups, len(rows), len(cols)

    def _cells(self, layer: int) -> tuple[slice | Ints, ...]:
        """Place in (G, runs of rows, runs of outputs, R, K, C) of the cells (D, N, G, K)."""
        spec, (rows, cols) = self.layers[layer], self._starts[layer]
        (block_r, row), (block_c, col) = _places(rows, spec.fan_in), _places(cols, spec.outputs)
        return slice(None), block_r[:, None], block_c[None], row[:, None], slice(None), col[None]


def _runs(length: int, unit: int, step: int) -> tuple[Ints, Ints]:
    """Return where runs of at most ``step`` start that end with each unit, and the unit of each run."""
    units = range(0, length, unit)
    starts = [np.arange(first, min(first + unit, length), step) for first in units]
    return np.concatenate(starts), np.repeat(np.arange(len(units)), [len(each) for each in starts])


def _lengths(starts: Ints, length: int) -> Ints:
    return np.diff(np.append(starts, length))


def _places(starts: Ints, length: int) -> tuple[Ints, Ints]:
    """Return, along an axis of ``length``, the run of each index and its place in it."""
    run = np.repeat(np.arange(len(starts)), _lengths(starts, length))
    return run, np.arange(length) - starts[run]


def _grid(layers: tuple[LayerSpec, ...], geometry: PeGeometry, starts: list[tuple[Ints, Ints]]) -> PeGrid:
    """Return the shapes of PEs of ``layers`` whose rows and outputs are cut at ``starts``."""
    heights = [_lengths(r, spec.fan_in) for spec, (r, _) in zip(layers, starts, strict=True)]
    widths = [_lengths(c, spec.outputs) for spec, (_, c) in zip(layers, starts, strict=True)]
    pairs = list(zip(layers, heights, widths, strict=True))
    counts = [spec.groups * len(h) * len(w) for spec, h, w in pairs]
    ends = np.cumsum(counts)
    return PeGrid(
        geometry,
        np.repeat(np.arange(len(layers)), counts),
        np.concatenate([np.tile(np.repeat(h, len(w)), spec.groups) for spec, h, w in pairs]),
        np.concatenate([np.tile(w, spec.groups * len(h)) for spec, h, w in pairs]),
        np.array([len(h) for h in heights]),
        tuple(slice(int(end) - count, int(end)) for end, count in zip(ends, counts, strict=True)),
    )
