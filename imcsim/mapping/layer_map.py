"""A layer, or a whole network, on PEs: tiles and the figures derived from them.

Shape letters: G groups, D fan-in, N outputs per group, R rows and C columns of a PE in cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from imcsim.core.errors import MappingError
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.rule import MAPPING_RULES
from imcsim.mapping.tile import MatrixShape, Tile

__all__ = ["LayerMap", "MatrixShape", "NetworkMap", "Tile", "map_layer", "map_network"]


@dataclass(frozen=True)
class LayerMap:
    """One weight matrix on PEs.

    Parameters
    ----------
    shape
        (G, D, N), in weights.
    geometry
        The PE.
    tiles
        Blocks of the matrix and the PE that holds each.
    """

    shape: MatrixShape
    geometry: PeGeometry
    tiles: tuple[Tile, ...]

    @cached_property
    def pe_count(self) -> int:
        """PEs in use."""
        return len({tile.pe for tile in self.tiles})

    @cached_property
    def tile_grid(self) -> tuple[int, int, int]:
        """(G, row tiles, column tiles): the shape of a mask over PEs."""
        return (
            len({tile.group for tile in self.tiles}),
            len({tile.rows for tile in self.tiles}),
            len({tile.cols for tile in self.tiles}),
        )

    @cached_property
    def rows_used(self) -> int:
        """Rows (word lines) that hold weights, summed over tiles."""
        return sum(len(tile.rows) for tile in self.tiles)

    @cached_property
    def column_segments(self) -> int:
        """Outputs held, summed over tiles: the elements of a mask by column segment."""
        return sum(len(tile.cols) for tile in self.tiles)

    @property
    def cols_used(self) -> int:
        """Columns (bit lines) of cells that hold weights, summed over tiles: K per output."""
        return self.column_segments * self.geometry.encoding.cells_per_weight

    @cached_property
    def cells_used(self) -> int:
        """Cells that hold weights: K per weight."""
        return sum(tile.weight_count for tile in self.tiles) * self.geometry.encoding.cells_per_weight

    @property
    def cells(self) -> int:
        """Cells of the PEs in use, empty ones included."""
        return self.pe_count * self.geometry.rows * self.geometry.cols

    @property
    def utilisation(self) -> float:
        """Share of the PEs' cells that hold weights, 0 to 1."""
        return self.cells_used / self.cells


@dataclass(frozen=True)
class NetworkMap:
    """Layers of a network on PEs of one size, no PE shared between layers.

    Parameters
    ----------
    geometry
        The PE.
    layers
        Layers in order of execution.
    maps
        The map of each.
    """

    geometry: PeGeometry
    layers: tuple[LayerSpec, ...]
    maps: tuple[LayerMap, ...]

    @property
    def pe_count(self) -> int:
        """PEs in use."""
        return sum(layer.pe_count for layer in self.maps)

    @property
    def rows_used(self) -> int:
        """Rows that hold weights, summed over tiles."""
        return sum(layer.rows_used for layer in self.maps)

    @property
    def cols_used(self) -> int:
        """Columns of cells that hold weights, summed over tiles."""
        return sum(layer.cols_used for layer in self.maps)

    @property
    def column_segments(self) -> int:
        """Outputs held, summed over tiles."""
        return sum(layer.column_segments for layer in self.maps)

    @property
    def cells_used(self) -> int:
        """Cells that hold weights."""
        return sum(layer.cells_used for layer in self.maps)

    @property
    def cells(self) -> int:
        """Cells of the PEs in use."""
        return sum(layer.cells for layer in self.maps)

    @property
    def utilisation(self) -> float:
        """Share of the PEs' cells that hold weights, 0 to 1."""
        return self.cells_used / self.cells

    @property
    def weight_count(self) -> int:
        """Mapped weights."""
        return sum(layer.weight_count for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the mapped layers for one sample."""
        return sum(layer.macs for layer in self.layers)


def map_layer(matrix_shape: MatrixShape, geometry: PeGeometry, rule: str = "im2col") -> LayerMap:
    """Put a (G, D, N) weight matrix on PEs by ``rule``.

    Raises
    ------
    MappingError
        If an axis of the matrix is empty.
    ContentError
        If there is no such rule, with the nearest name.
    """
    if len(matrix_shape) != 3 or min(matrix_shape) < 1:
        raise MappingError(f"a weight matrix needs three axes (groups, fan-in, outputs) of >= 1, got {matrix_shape}")
    return LayerMap(matrix_shape, geometry, MAPPING_RULES.get(rule)(matrix_shape, geometry))


def map_network(layers: Sequence[LayerSpec], geometry: PeGeometry, rule: str = "im2col") -> NetworkMap:
    """Put every layer on PEs of its own.

    Raises
    ------
    MappingError
        If there is no layer to map.
    """
    if not layers:
        raise MappingError("the network has no Linear or Conv2d layer to map")
    maps = tuple(map_layer(layer.matrix_shape, geometry, rule) for layer in layers)
    return NetworkMap(geometry, tuple(layers), maps)
