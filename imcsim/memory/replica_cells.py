"""What the replica columns and rows of a PE of offset codes add to its reads and to its area.

Read from its rows, a PE has a pair of columns for each converter (:mod:`imcsim.crossbar.replicas`). Read from its
columns, as for input gradients, it has a pair of rows that holds code 0 for every output; their word lines are open in
reads of the top slice alone. A replica column is a line of its own, also where the columns of a weight are joined: all
of code 0 stands in the top slice. Shape letter: P PEs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.core.charge import Price
from imcsim.crossbar.replicas import PAIR, ReplicaPlaces, replica_levels
from imcsim.mapping.pe_grid import Floats, Ints, PeGrid
from imcsim.memory.beside import Beside
from imcsim.memory.memory import Piece
from imcsim.memory.site import Site


@dataclass(frozen=True)
class ReplicaCells:
    """The replicas of one sort of PE.

    Parameters
    ----------
    places
        Where its columns lie.
    raised_level
        Level of the cell of a pair that is raised.
    pair_s
        Conductance (S) of the two cells of a pair that share a row.
    origins
        Paths of the values of the chip that they follow from.
    """

    places: ReplicaPlaces
    raised_level: int
    pair_s: float
    origins: tuple[str, ...] = ()

    @classmethod
    def of(cls, site: Site, by_level: Floats, lines_per_adc: int, lines_per_weight: int) -> "ReplicaCells":
        """Return those of PEs at ``site``: of a pair, one cell is raised and one is not.

        ``by_level``: conductance (S) of a cell at each level.
        """
        encoding = site.geometry.encoding
        places = ReplicaPlaces.of(site.geometry.weight_cols, lines_per_weight, lines_per_adc)
        low, raised = sorted(int(level) for level in replica_levels(encoding, 1)[0])
        own = site.of("reference", "sign", "cell_bits", "columns_per_adc", "joined_columns")
        return cls(places, raised, float(by_level[low] + by_level[raised]), own)

    @property
    def columns(self) -> int:
        """Replica columns of a PE."""
        return PAIR * self.places.pairs

    def columns_in_use(self, grid: PeGrid) -> Ints:
        """Return (P,) replica columns beside the outputs of each PE."""
        return np.asarray(PAIR * -(-grid.outputs // self.places.weights_per_pair), dtype=np.int64)

    def of_columns_s(self, grid: PeGrid) -> Floats:
        """Return (P,) siemens of the replica columns: a pair of cells in each used row."""
        return np.asarray(grid.rows * self.columns_in_use(grid) / PAIR * self.pair_s, dtype=np.float64)

    def of_rows_s(self, grid: PeGrid) -> Floats:
        """Return (P,) siemens of the replica rows, as the top slice's columns drive them: a pair for each output."""
        return np.asarray(grid.outputs * self.pair_s, dtype=np.float64)

    def beside_columns(self, grid: PeGrid, passes: NDArray[np.integer], site: Site) -> Beside:
        """Return them as a forward read of ``passes`` (P,) row passes meets them: each converts all columns."""
        return Beside(
            lines=np.asarray(self.columns_in_use(grid) * passes, dtype=np.int64),
            siemens=self.of_columns_s(grid),
            subtracted=grid.outputs,
            across=self.columns,
            along=PAIR if site.transposable else 0,
            origins=self.origins,
        )

    def beside_rows(self, grid: PeGrid) -> Beside:
        """Return them as a transposed read meets them: a pair of rows; no sum of such reads is charged."""
        return Beside(
            lines=np.full(grid.count, PAIR),
            siemens=self.of_rows_s(grid),
            subtracted=np.zeros(grid.count, dtype=np.int64),
            across=PAIR,
            along=self.columns,
            origins=self.origins,
        )

    def raised(self, grid: PeGrid, site: Site) -> Ints:
        """Return (P,) cells that are raised: one of each pair, in used rows, and for used outputs of replica rows."""
        columns = grid.rows * self.columns_in_use(grid) // PAIR
        return columns + grid.outputs if site.transposable else columns

    def area(self, site: Site, cell: Price) -> Piece:
        """Return the cells that a PE has for them: columns, and rows where it is read from its columns, too."""
        cells = site.rows * self.columns + (PAIR * site.cols if site.transposable else 0)
        return Piece(cells, "replica cells", cell.also(*self.origins, "array.rows", "array.cols"))
