"""A tile: the block of a layer's weight matrix that lies in one PE, and where in the PE it lies."""

from dataclasses import dataclass

MatrixShape = tuple[int, int, int]


@dataclass(frozen=True)
class Tile:
    """One block of a (G, D, N) weight matrix and its place.

    Parameters
    ----------
    pe
        Index of the PE within the layer, from 0.
    group
        Group of the weight matrix.
    rows, cols
        Ranges along the fan-in D and the outputs N, in weights.
    row_offset, col_offset
        Where in the PE the block's first weight lies, in weights; 0 but for rules that put several tiles in a PE.
    """

    pe: int
    group: int
    rows: range
    cols: range
    row_offset: int = 0
    col_offset: int = 0

    @property
    def weight_count(self) -> int:
        """Weights in the tile."""
        return len(self.rows) * len(self.cols)

    @property
    def index(self) -> tuple[int, slice, slice]:
        """Index of the block in an array (G, D, N)."""
        return self.group, slice(self.rows.start, self.rows.stop), slice(self.cols.start, self.cols.stop)
