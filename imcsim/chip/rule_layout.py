"""The layout that any mapping rule's map makes of a network, copies and PEs that layers share included.

:mod:`imcsim.chip.layouts` makes one for each memory of a chip from a rule, for all that is priced with ``rule=``.
Rows and columns that one vector meets in a PE are counted once each, in whatever order the rule lays them
(:func:`imcsim.mapping.lines.pe_lines`); what layers share in a PE is added by :func:`imcsim.chip.layout.in_pes`.

Shape letters: A any leading axis, K cells per weight, G groups, D fan-in, N outputs, P PEs of the network (in order of
layer, copy and PE; one that several share stands once for each), U placement units, L layers, M placed weights.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.cell_counts import row_writes
from imcsim.chip.layout import Counts, Floats, Ints, Mask, Pair, Scalar
from imcsim.core.errors import MappingError
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.invariants import inside_arrays
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.lines import PeLines, pe_lines
from imcsim.mapping.masks import expand_pe_mask
from imcsim.mapping.network_map import NetworkMap
from imcsim.mapping.pe_grid import PeGrid
from imcsim.mapping.routing import distinct_outputs, routing
from imcsim.mapping.tile import Tile, as_array
from imcsim.trace.trace import Trace


@dataclass(frozen=True)
class _Places:
    """Where the M placed weights of one layer lie, those of all copies.

    Parameters
    ----------
    order
        (M,) indices into the flat (G, D, N), by PE, then by row of the PE.
    rows
        (M,) row of the PE; ``cols`` (M,) its column, in weights.
    line_starts
        (lines,) where each row of a PE with weights starts in ``order``; ``line_weights`` (lines,) weights of it.
    first_lines
        (PEs of the layer,) where each PE starts in the lines; ``weights`` (PEs of the layer,) weights of it.
    first
        PEs of the layer that hold its first copy; they are the first ones.
    """

    order: Ints
    rows: Ints
    cols: Ints
    line_starts: Ints
    line_weights: Ints
    first_lines: Ints
    weights: Ints
    first: int

    @property
    def firsts(self) -> Ints:
        """(PEs of the layer,) where each PE starts in ``order``."""
        return np.cumsum(self.weights) - self.weights

    @property
    def first_weights(self) -> int:
        """Weights that the first copy places."""
        return int(self.weights[: self.first].sum())


class RuleLayout:
    """The weights of a network in PEs as ``network_map`` lays them; tiles that lie transposed are left out.

    Parameters
    ----------
    network_map
        The map, on this memory's PEs.
    key
        What tells it from other layouts.
    unit
        (PEs,): the placement unit of each PE in rising index; None: PEs that hold copies of one another's weights are
        a unit together, each other PE is one.
    laid
        The rule's name, for readers.
    """

    def __init__(
        self, network_map: NetworkMap, key: Hashable, unit: Ints | None = None, *, laid: str = "a rule"
    ) -> None:
        self.laid, self.key, self.network_map, self.layers = laid, key, network_map, network_map.layers
        self.geometry: PeGeometry = network_map.geometry
        for layer in network_map.maps:
            if (fault := inside_arrays(layer)) is not None:
                raise MappingError(f"the mapping rule cannot be right: {fault.sentence}")
        self._copies = [_forward_copies(layer) for layer in network_map.maps]
        lines = [[pe_lines(copy) for copy in copies] for copies in self._copies]
        self.copies: Ints = np.array([max(len(copies), 1) for copies in self._copies])
        numbers = [
            part.pe + first
            for parts, first in zip(lines, network_map.first_pes, strict=True)
            for part in parts
        ]  # fmt: skip
        ids, pe = np.unique(np.concatenate([*numbers, np.zeros(0, np.int64)]), return_inverse=True)
        self.pe: Ints = pe.astype(np.int64)
        self.pe_count = len(ids)
        self.grid = _grid(network_map, self._copies, lines)
        self.unit: Ints = (_units(network_map, self._copies, ids) if unit is None else unit)[self.pe]
        reads: Ints = np.concatenate([*(part.passes for parts in lines for part in parts), np.zeros(0, np.int64)])
        self.passes = reads if bool((reads > 1).any()) else None
        each = 1.0 / self.copies[self.grid.layer]
        self.share = each if bool((each < 1).any()) else None
        routes = [routing(spec, layer) for spec, layer in zip(self.layers, network_map.maps, strict=True)]
        at = np.array([spec.positions for spec in self.layers], dtype=np.float64)
        self.inputs = np.array([r.fetched for r in routes]) / at, np.array([r.sent for r in routes]) / at
        self._known: dict[int, _Places] = {}
        self._sound = False

    def check(self, trace: Trace) -> None:
        """Every weight that is ever not zero is held once in each copy, none twice; looked at once."""
        if self._sound:
            return
        for layer, spec in enumerate(self.layers):
            for tiles in [copy.tiles for copy in self._copies[layer]] or [()]:
                held = np.zeros(spec.matrix_shape, dtype=np.int64)
                for tile in tiles:
                    np.add.at(held, tile.block, 1)
                twice, missing = (held > 1).any(), held == 0
                if twice or (missing.any() and used_weights(trace, layer)[missing].any()):
                    how = "in several places" if twice else "without a place, though it is not zero all along"
                    raise MappingError(f"the mapping rule leaves a weight of layer '{spec.name}' {how}")
        self._sound = True

    def sums(self, values: Counts, layer: int) -> Ints:
        """As the protocol says."""
        places = self._places(layer)
        return np.asarray(_added(self._lines(values, places), places.first_lines), dtype=np.int64)

    def most(self, values: Counts, layer: int) -> Ints:
        """As the protocol says."""
        places = self._places(layer)
        if not len(places.order):
            return np.zeros(0, np.int64)
        return np.maximum.reduceat(values.reshape(-1)[places.order], places.firsts).astype(np.int64)

    def written(self, changes: Counts, commits: Floats, layer: int) -> tuple[Ints, Floats]:
        """As the protocol says."""
        places = self._places(layer)
        per_row, cells = self._lines(changes, places), places.line_weights * self.geometry.encoding.cells_per_weight
        events = _added(per_row, places.first_lines).astype(np.int64)
        return events, _added(row_writes(per_row, commits, cells), places.first_lines)

    def trains(self, placed: Mask, tile: Pair, layer: int) -> Mask:
        """As the protocol says: a PE trains if any weight in it does."""
        shape = self.layers[layer].matrix_shape
        return np.stack([self.sums(expand_pe_mask(phase, shape, tile)[None], layer)[0] > 0 for phase in placed])

    def spread(self, pes: NDArray[Scalar], layer: int) -> NDArray[Scalar]:
        """As the protocol says; weights without a place get 0."""
        places, found = self._places(layer), np.zeros(self.layers[layer].matrix_shape, dtype=pes.dtype)
        first = slice(places.first)
        chosen = np.repeat(pes[first], places.weights[first])
        found.reshape(-1)[places.order[: len(chosen)]] = chosen
        return found

    def to_arrays(self, values: NDArray[Scalar], layer: int) -> NDArray[Scalar]:
        """As the protocol says; the cells of a slice lie side by side, slice after slice."""
        places, width = self._places(layer), self.geometry.weight_cols
        shape = len(places.weights), self.geometry.weight_rows, len(values), width
        arrays = np.zeros(shape, values.dtype)
        arrays[self._pe_of(places), places.rows, :, places.cols] = values.reshape(len(values), -1)[:, places.order].T
        return arrays.reshape(shape[0], shape[1], -1)

    def from_arrays(self, arrays: NDArray[Scalar], layer: int) -> NDArray[Scalar]:
        """As the protocol says; weights without a place get 0."""
        places, width = self._places(layer), self.geometry.weight_cols
        cells = arrays.reshape(len(arrays), self.geometry.weight_rows, -1, width)
        found = np.zeros((cells.shape[2], *self.layers[layer].matrix_shape), arrays.dtype)
        first = slice(places.first_weights)
        picked = cells[self._pe_of(places)[first], places.rows[first], :, places.cols[first]]
        found.reshape(len(found), -1)[:, places.order[first]] = picked.T
        return found

    def _lines(self, values: Counts, places: _Places) -> Floats:
        """Sum over the weights of each row of each PE: (A, lines)."""
        return _added(values.reshape(len(values), -1)[:, places.order], places.line_starts)

    def _pe_of(self, places: _Places) -> Ints:
        return np.repeat(np.arange(len(places.weights)), places.weights)

    def _places(self, layer: int) -> _Places:
        if layer not in self._known:
            self._known[layer] = _places_of(self._copies[layer], self.layers[layer].matrix_shape, self.geometry)
        return self._known[layer]


def used_weights(trace: Trace, layer: int) -> Mask:
    """Return (G, D, N): weights that are not zero at some commit, or whose cells change between two."""
    name = trace.meta.layers[layer].name
    used = (trace.codes[name] != 0).any(axis=0)
    for (_, _, changed), cells in trace.changes.items():
        if changed == name:
            used |= cells.any(axis=(0, 1))
    return np.asarray(used)


def cut_map(network_map: NetworkMap, geometry: PeGeometry) -> tuple[NetworkMap, Callable[[Ints], Ints]]:
    """Lay what each PE of ``network_map`` holds into PEs of another memory.

    An array is cut where those PEs are full; what lies in one piece of it has a PE of its own. PEs that hold the same
    number of weights hold the same tiles.

    Returns
    -------
    tuple
        The map on PEs of ``geometry``; and a function that gives each of its PEs, in rising index, the value of the PE
        that it was cut from, of an array over those.
    """
    size, own = (geometry.weight_rows, geometry.weight_cols), network_map.geometry
    numbers: dict[tuple[int, int, int], int] = {}
    maps = []
    for layer, first in zip(network_map.maps, network_map.first_pes, strict=True):
        tiles = [piece for tile in layer.tiles for piece in _pieces(tile, first, size, numbers)]
        maps.append(LayerMap(layer.shape, geometry, tuple(tiles)))
    if size == (own.weight_rows, own.weight_cols):  # nothing is cut, and PEs keep their order
        maps = [LayerMap(layer.shape, geometry, layer.tiles) for layer in network_map.maps]
        return NetworkMap(geometry, network_map.layers, tuple(maps), network_map.shared), np.asarray
    came_from = np.array([pe for pe, _, _ in numbers], dtype=np.int64)
    held = np.unique([number for layer in maps for number in _forward_pes(layer)]).astype(np.int64)
    place = np.unique(came_from[held], return_inverse=True)[1]
    return NetworkMap(geometry, network_map.layers, tuple(maps), shared=True), lambda values: values[place]


def _forward_pes(layer: LayerMap) -> list[int]:
    return [tile.pe for tile in layer.tiles if tile.read != "backward"]


def _pieces(tile: Tile, first: int, size: Pair, numbers: dict[tuple[int, int, int], int]) -> list[Tile]:
    """Return the pieces of a tile that lie in different PEs of ``size`` weights, numbered as they are met."""
    turned = tile.read == "backward"
    down, across = (tile.cols, tile.rows) if turned else (tile.rows, tile.cols)
    found = []
    for top, skip_r, rows in _cuts(tile.row_offset, len(down), size[0]):
        for left, skip_c, cols in _cuts(tile.col_offset, len(across), size[1]):
            place = tile.pe + first, top, left
            part = (across[cols], down[rows]) if turned else (down[rows], across[cols])
            number = numbers.setdefault(place, len(numbers))
            found.append(tile._replace(pe=number, rows=part[0], cols=part[1], row_offset=skip_r, col_offset=skip_c))
    return found


def _cuts(offset: int, length: int, step: int) -> list[tuple[int, int, slice]]:
    """Return, for each run of ``step`` lines that the ``length`` lines from ``offset`` meet: run, first line, part."""
    found, at = [], 0
    while at < length:
        run, line = divmod(offset + at, step)
        stop = min(length, at + step - line)
        found.append((run, line, slice(at, stop)))
        at = stop
    return found


def _forward_copies(layer: LayerMap) -> list[LayerMap]:
    """Return the copies that inputs are sent to, each as a map of its own."""
    copies: dict[int, list[Tile]] = {}
    for tile in layer.tiles:
        if tile.read != "backward":
            copies.setdefault(tile.copy, []).append(tile._replace(copy=0))
    return [LayerMap(layer.shape, layer.geometry, tuple(copies[copy])) for copy in sorted(copies)]


def _grid(network_map: NetworkMap, copies: list[list[LayerMap]], lines: list[list[PeLines]]) -> PeGrid:
    """Return rows and outputs that a vector meets in each PE, and the weights there."""
    sizes = np.array([sum(len(part.pe) for part in parts) for parts in lines])
    ends = np.cumsum(sizes)
    flat = [part for parts in lines for part in parts]
    empty = np.zeros(0, np.int64)
    held = np.array([int(parts[0].outputs.sum()) if parts else 0 for parts in lines], dtype=np.float64)
    apart = np.array([max(distinct_outputs(layer), 1) for layer in network_map.maps])
    weights = [_weights(c, part) for c, part in zip([c for layer in copies for c in layer], flat, strict=True)]
    rows = np.concatenate([*(part.rows for part in flat), empty])
    outputs, filled = np.concatenate([*(part.outputs for part in flat), empty]), np.concatenate([*weights, empty])
    return PeGrid(
        network_map.geometry,
        np.repeat(np.arange(len(lines)), sizes),
        rows,
        outputs,
        np.maximum(held / apart, 1.0),
        tuple(slice(int(end) - int(size), int(end)) for end, size in zip(ends, sizes, strict=True)),
        None if np.array_equal(filled, rows * outputs) else filled,
    )


def _weights(layer: LayerMap, lines: PeLines) -> Ints:
    place = np.searchsorted(lines.pe, np.fromiter((tile.pe for tile in layer.tiles), np.int64, len(layer.tiles)))
    counts = np.fromiter((tile.weight_count for tile in layer.tiles), np.float64, len(layer.tiles))
    return np.bincount(place, counts, minlength=len(lines.pe)).astype(np.int64)


def _units(network_map: NetworkMap, copies: list[list[LayerMap]], ids: Ints) -> Ints:
    """Return the placement unit of each of the PEs ``ids``: copies of a weight are always in the same memory."""
    parent = {int(pe): int(pe) for pe in ids}

    def root(pe: int) -> int:
        while parent[pe] != pe:
            parent[pe] = parent[parent[pe]]
            pe = parent[pe]
        return pe

    for layer, first in zip(copies, network_map.first_pes, strict=True):
        holders = [_holders(copy) for copy in layer]
        for other in holders[1:]:
            both = (holders[0] >= 0) & (other >= 0)
            for pe, copied in np.unique(np.stack([holders[0][both], other[both]]), axis=1).T:
                parent[root(int(copied) + first)] = root(int(pe) + first)
    return np.unique([root(int(pe)) for pe in ids], return_inverse=True)[1].astype(np.int64)


def _holders(layer: LayerMap) -> Ints:
    """(G, D, N): the PE that holds each weight of a map of one copy, -1 for none."""
    found = np.full(layer.shape, -1, dtype=np.int64)
    for tile in layer.tiles:
        found[tile.block] = tile.pe
    return found


def _places_of(copies: list[LayerMap], shape: tuple[int, int, int], geometry: PeGeometry) -> _Places:
    """Sort the weights of all copies by PE and row."""
    _, fan_in, outputs = shape
    parts, start, first = [], 0, 0
    for copy in copies:
        pes = np.unique([tile.pe for tile in copy.tiles])
        for tile, pe in zip(copy.tiles, np.searchsorted(pes, [tile.pe for tile in copy.tiles]), strict=True):
            rows, cols = as_array(tile.rows)[:, None], as_array(tile.cols)[None]
            index = (tile.group * fan_in + rows) * outputs + cols
            line = (start + int(pe)) * geometry.weight_rows + tile.row_offset + np.arange(len(tile.rows))
            col = tile.col_offset + np.arange(len(tile.cols))
            parts.append((index, np.broadcast_to(line[:, None], index.shape), np.broadcast_to(col, index.shape)))
        start += len(pes)
        first = first or start
    index, line, cols = (
        np.concatenate([np.zeros(0, np.int64), *(part[i].ravel() for part in parts)]) for i in range(3)
    )
    by_line = np.argsort(line, kind="stable")
    lines, starts, counts = np.unique(line[by_line], return_index=True, return_counts=True)
    pe = lines // geometry.weight_rows
    return _Places(
        index[by_line], line[by_line] % geometry.weight_rows, cols[by_line], starts, counts,
        np.searchsorted(pe, np.arange(start)), np.bincount(pe, counts, minlength=start).astype(np.int64), first,
    )  # fmt: skip


def _added(values: Counts | Floats, starts: Ints) -> Floats:
    if not len(starts):
        return np.zeros((len(values), 0))
    return np.asarray(np.add.reduceat(values, starts, axis=1, dtype=np.float64))
