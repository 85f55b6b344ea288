"""Replica columns of a PE of offset codes: what they hold, how many there are, and where they lie.

Offset binary adds 2^(b - 1) to every code. What that adds to a column's sum cannot be known from the inputs alone:
wires take a part of it away, and programming and relaxation change it. So a PE has columns of its own that hold code 0,
are driven and converted as all others, and are subtracted. ISAAC has such a column (a unit column sums the inputs for
its biased weights), as has DNN+NeuroSim (a dummy column).

How well they match is a matter of current and place: a column that conducts more, or lies farther from the drivers,
loses more. Half of the cells of a column of weights around zero are raised, so code 0 is held by a pair of columns, one
with its even rows raised and one with its odd rows, which are added. And each converter has a pair beside its own
columns (design choice).

Shape letters: D fan-in, N outputs, K cells per weight.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError
from imcsim.crossbar.encoding import Encoding

PAIR = 2
"""Columns of one replica."""


def replica_levels(encoding: Encoding, rows: int) -> NDArray[np.uint16]:
    """Return the level of the cells of a pair, (rows, 2): code 0's in the top slice, at even and at odd rows.

    Code 0 is lowest in every other slice, so that nothing is left to hold there.
    """
    raised = int(encoding.levels(np.zeros(1, np.int32))[-1, 0])
    even = np.arange(rows) % 2 == 0
    return np.asarray(np.stack((even, ~even), axis=1) * raised, dtype=np.uint16)


@dataclass(frozen=True)
class ReplicaPlaces:
    """Which weights of a PE share a pair, and where it lies among their columns.

    Parameters
    ----------
    weight_cols
        Outputs of a PE.
    weights_per_pair
        Neighbouring outputs that one pair serves: those of one converter.
    """

    weight_cols: int
    weights_per_pair: int

    @classmethod
    def of(cls, weight_cols: int, lines_per_weight: int, columns_per_adc: int) -> "ReplicaPlaces":
        """Return the places for converters that ``columns_per_adc`` lines share; a weight has one pair at most.

        A weight has a line for each of its cells, fewer where they are joined before the converter.

        Raises
        ------
        ConfigError
            If a converter has no column.
        """
        if columns_per_adc < 1:
            raise ConfigError(f"columns_per_adc must be >= 1, got {columns_per_adc}")
        return cls(weight_cols, max(1, columns_per_adc // lines_per_weight))

    @property
    def pairs(self) -> int:
        """Pairs of a PE."""
        return self.used(self.weight_cols)

    def used(self, outputs: int) -> int:
        """Return the pairs of a PE that ``outputs`` use."""
        return -(-outputs // self.weights_per_pair)

    def pair_of(self, outputs: int) -> NDArray[np.int64]:
        """Return the pair of each of ``outputs`` that fill PE after PE, (outputs,)."""
        output = np.arange(outputs)
        pe, within = output // self.weight_cols, output % self.weight_cols
        return np.asarray(pe * self.pairs + within // self.weights_per_pair, dtype=np.int64)

    def order(self, outputs: int, cells_per_weight: int) -> NDArray[np.int64]:
        """Return the columns of a PE with ``outputs`` in use from the drivers on, replicas among them.

        Column c of weights is c, column r of replicas is outputs x K + r. A pair lies in the middle of its weights.
        """
        found: list[int] = []
        for pair in range(self.used(outputs)):
            first = pair * self.weights_per_pair
            last = min(first + self.weights_per_pair, outputs)
            middle = first + -(-(last - first) // 2)
            beside = outputs * cells_per_weight + pair * PAIR
            found += range(first * cells_per_weight, middle * cells_per_weight)
            found += range(beside, beside + PAIR)
            found += range(middle * cells_per_weight, last * cells_per_weight)
        return np.array(found, dtype=np.int64)
