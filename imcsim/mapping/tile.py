"""A tile: the block of a layer's weight matrix that lies in one PE, and where in the PE it lies.

Index sets are ranges (of any step) where the matrix keeps its order, tuples of indices where a rule permutes it.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

MatrixShape = tuple[int, int, int]
Indices = range | tuple[int, ...]
Read = Literal["forward", "backward", "both"]


class Tile(NamedTuple):
    """One block of a (G, D, N) weight matrix and its place; a named tuple, as a large model has millions.

    Parameters
    ----------
    pe
        Index of the PE, from 0: within the layer, or within the network for rules that see all layers.
    group
        Group of the weight matrix.
    rows, cols
        Indices along the fan-in D and the outputs N, in weights, in the order in which they lie in the PE.
    row_offset, col_offset
        Where in the PE the block's first weight lies, in weights; 0 but for rules that put several tiles in a PE.
    copy
        Which copy of the weights this tile belongs to, from 0; each copy holds the whole layer.
    read
        "forward": inputs on the rows. "backward": the tile lies transposed, outputs along the PE's rows, and is read
        for input gradients only. "both": lies as "forward" and is read from either side.
    position
        (kernel row, kernel column) that all rows of the tile belong to, for rules that keep them apart.
    frozen
        True: the rule says that the tile holds no trainable weight; False: that it holds one; None: it says nothing.
    """

    pe: int
    group: int
    rows: Indices
    cols: Indices
    row_offset: int = 0
    col_offset: int = 0
    copy: int = 0
    read: Read = "forward"
    position: tuple[int, int] | None = None
    frozen: bool | None = None

    @property
    def weight_count(self) -> int:
        """Weights in the tile."""
        return len(self.rows) * len(self.cols)

    @property
    def block(self) -> tuple[Any, ...]:
        """Index of the block in an array (..., G, D, N), with ``...`` before it; a view where both are ranges."""
        if isinstance(self.rows, range) and isinstance(self.cols, range):
            return ..., self.group, as_slice(self.rows), as_slice(self.cols)
        # rows against outputs: every weight whose row and whose output the tile holds
        return ..., self.group, as_array(self.rows)[:, None], as_array(self.cols)[None, :]

    @property
    def height(self) -> int:
        """Rows of the PE that the tile takes, in weights."""
        return len(self.cols) if self.read == "backward" else len(self.rows)

    @property
    def width(self) -> int:
        """Columns of the PE that the tile takes, in weights."""
        return len(self.rows) if self.read == "backward" else len(self.cols)


def as_slice(indices: range) -> slice:
    """Return the slice that a rising range stands for."""
    return slice(indices.start, indices.stop, indices.step)


def as_array(indices: Indices) -> NDArray[np.intp]:
    """Return the indices as an array."""
    if isinstance(indices, range):
        return np.arange(indices.start, indices.stop, indices.step, dtype=np.intp)
    return np.array(indices, dtype=np.intp)


def cut(indices: Indices, step: int) -> list[Indices]:
    """Return ``indices`` in runs of ``step``; the last may be shorter."""
    return [indices[start : start + step] for start in range(0, len(indices), step)]
