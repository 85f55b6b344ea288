"""A layer on PEs: tiles and the figures derived from them.

Shape letters: G groups, D fan-in, N outputs per group, R rows and C columns of a PE in cells.
"""

from dataclasses import dataclass
from functools import cached_property

from imcsim.core.errors import MappingError
from imcsim.mapping.called import rule_of, tiles_by
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.rule import NEEDS, given_needs, level_of
from imcsim.mapping.tile import MatrixShape, Tile

__all__ = ["LayerMap", "MatrixShape", "Tile", "map_layer"]


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
    def copies(self) -> int:
        """Copies of the weights, transposed ones included."""
        return max((tile.copy for tile in self.tiles), default=0) + 1

    @cached_property
    def forward_copies(self) -> int:
        """Copies that inputs can be sent to."""
        return max(len({tile.copy for tile in self.tiles if tile.read != "backward"}), 1)

    @cached_property
    def forward_tiles(self) -> tuple[Tile, ...]:
        """The tiles that one input vector meets: those of the first copy."""
        if self.copies == 1:
            return self.tiles
        return tuple(tile for tile in self.tiles if tile.copy == 0 and tile.read != "backward")

    @cached_property
    def tile_grid(self) -> tuple[int, int, int]:
        """(groups, row index sets, column index sets); for ``im2col`` the shape of a mask over PEs."""
        return (
            len({tile.group for tile in self.tiles}),
            len({tile.rows for tile in self.tiles}),
            len({tile.cols for tile in self.tiles}),
        )

    @cached_property
    def rows_used(self) -> int:
        """Rows (word lines) that hold weights, summed over tiles."""
        return sum(tile.height for tile in self.tiles)

    @cached_property
    def column_segments(self) -> int:
        """Outputs held (inputs, of a transposed tile), summed over tiles: the elements of a mask by column segment."""
        return sum(tile.width for tile in self.tiles)

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
        """Share of the PEs' cells that hold weights, 0 to 1; 0 for a layer without PEs."""
        return self.cells_used / self.cells if self.cells else 0.0


def map_layer(matrix_shape: MatrixShape, geometry: PeGeometry, rule: str = "im2col", **given: object) -> LayerMap:
    """Put a (G, D, N) weight matrix on PEs by ``rule``.

    Parameters
    ----------
    given
        What the rule needs beyond shape and geometry, by the names of :data:`imcsim.mapping.rule.NEEDS`, and options
        of the rule. A network's rule sees a network of this one layer.

    Raises
    ------
    MappingError
        If an axis of the matrix is empty, or something that the rule needs is not given.
    ContentError
        If there is no such rule, with the nearest name.
    """
    check_shape(matrix_shape)
    function, name = rule_of(rule)
    needs = given_needs(function, name, given)
    if level_of(function) == "network":
        needs = {key: [value] if key in NEEDS and key != "pe_budget" else value for key, value in needs.items()}
    (tiles,) = tiles_by(function, name, [matrix_shape], geometry, [needs])
    return LayerMap(matrix_shape, geometry, tiles)


def check_shape(matrix_shape: MatrixShape) -> None:
    """Raise MappingError unless ``matrix_shape`` is (G, D, N), each at least 1."""
    if len(matrix_shape) != 3 or min(matrix_shape) < 1:
        raise MappingError(f"a weight matrix needs three axes (groups, fan-in, outputs) of >= 1, got {matrix_shape}")
