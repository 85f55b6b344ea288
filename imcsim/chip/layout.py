"""Which weight lies in which PE of a memory, and sums over the weights of rows and PEs.

The PEs of a layout belong to placement units: what a method freezes, and what moves between memories, is a unit; each
memory holds a unit in PEs of its own. Shape letters: A any leading axis, G groups, D fan-in, N outputs, P PEs of the
network, U placement units; ``layer`` is a layer's place in the network.
"""

from collections.abc import Hashable
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.cell_counts import row_events, row_sums, stack_rows, tile_sums
from imcsim.core.errors import ConservationError
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.masks import expand_pe_mask, reduce_to_pes, tile_grid
from imcsim.mapping.pe_grid import PeGrid, pe_grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Counts = NDArray[np.integer]
Mask = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


class Layout(Protocol):
    """The weights of a network in the PEs of one memory."""

    @property
    def key(self) -> Hashable:
        """What tells it from other layouts of the same network."""

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
    def pe_count(self) -> int:
        """PEs that it takes; one that layers share counts once."""

    def check(self, layers: tuple[LayerSpec, ...]) -> None:
        """Raise ConservationError unless it has a place for every weight of ``layers`` that must have one."""

    def sums(self, values: Counts, layer: int) -> Ints:
        """Sum over the weights of each PE: (A, G, D, N) -> (A, PEs of the layer)."""

    def most(self, values: Counts, layer: int) -> Ints:
        """Return the largest of the weights of each PE: (G, D, N) -> (PEs of the layer,)."""

    def rows(self, values: Counts, layer: int) -> Floats:
        """Sum over the weights of each row of each PE: (A, G, D, N) -> (A, ...), for the two methods below."""

    def over_rows(self, per_row: Floats, layer: int) -> Floats:
        """Sum what :meth:`rows` returned over the rows of each PE: (A, PEs of the layer)."""

    def row_events(self, per_row: Floats, commits: Floats, layer: int) -> Floats:
        """Return the expected row writes of each PE, (A, PEs of the layer); see :func:`..cell_counts.row_events`."""

    def trains(self, placed: Mask, tile: tuple[int, int] | None, layer: int) -> Mask:
        """Return (F, PEs of the layer): PEs whose unit trains, by a placement (F, G, row tiles, column tiles)."""

    def spread(self, pes: NDArray[Scalar], layer: int) -> NDArray[Scalar]:
        """Give each weight the value of its PE: (PEs of the layer,) -> (G, D, N)."""


class TileLayout:
    """The layout of rule ``im2col``: each PE is a tile of a layer's matrix, and a placement unit."""

    def __init__(self, layers: tuple[LayerSpec, ...], geometry: PeGeometry) -> None:
        self.layers, self.geometry = layers, geometry
        self.key: Hashable = ("im2col", geometry)
        self.grid = pe_grid(layers, geometry)
        self.unit: Ints = np.arange(self.grid.count)
        self._tile = geometry.weight_rows, geometry.weight_cols

    @property
    def pe_count(self) -> int:
        """All tiles."""
        return self.grid.count

    def check(self, layers: tuple[LayerSpec, ...]) -> None:
        """Every weight is held once."""
        if int(self.grid.weights.sum()) != sum(spec.weight_count for spec in layers):
            raise ConservationError("pricing breaks a law: every weight must have one place in its home memory")

    def sums(self, values: Counts, layer: int) -> Ints:
        """As the protocol says."""
        return tile_sums(values, self.geometry)

    def most(self, values: Counts, layer: int) -> Ints:
        """As the protocol says."""
        return np.asarray(reduce_to_pes(values, self._tile, "max").ravel(), dtype=np.int64)

    def rows(self, values: Counts, layer: int) -> Floats:
        """(A, G, D, column tiles)."""
        return row_sums(values, self.geometry)

    def over_rows(self, per_row: Floats, layer: int) -> Floats:
        """As the protocol says."""
        return stack_rows(per_row, self.geometry)

    def row_events(self, per_row: Floats, commits: Floats, layer: int) -> Floats:
        """As the protocol says."""
        return row_events(per_row, commits, self.layers[layer].outputs, self.geometry)

    def trains(self, placed: Mask, tile: tuple[int, int] | None, layer: int) -> Mask:
        """As the protocol says; ``tile`` is the PE's own."""
        return np.asarray(placed.reshape(len(placed), -1))

    def spread(self, pes: NDArray[Scalar], layer: int) -> NDArray[Scalar]:
        """As the protocol says."""
        shape = self.layers[layer].matrix_shape
        return np.asarray(expand_pe_mask(pes.reshape(tile_grid(shape, self._tile)), shape, self._tile))
