"""Weights that are not known: every cell in the middle of its window."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.pe_grid import PeGrid


@dataclass(frozen=True)
class MidWindow:
    """Weights of ``grid`` in one phase whose cells are at their middle level."""

    grid: PeGrid

    @property
    def level_sums(self) -> NDArray[np.float64]:
        """(2, P): the same at both ends of the phase."""
        middle = 0.5 * (self.grid.geometry.encoding.level_count - 1)
        return np.tile(self.grid.cells * middle, (2, 1))
