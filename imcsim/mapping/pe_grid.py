"""The shapes of a network's PEs as arrays. Shape letters: P PEs of the network (layer after layer), L mapped layers."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer import LayerSpec

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class PeGrid:
    """Shapes of the network's PEs; arrays are (P,) unless said otherwise.

    ``rows`` and ``outputs`` are those that hold weights; a PE that layers share stands here once for each of them.
    ``row_tiles`` (L,): PEs that hold an output, on average. ``held``: weights of each PE, where they are not one at
    every crossing of a row and an output (None).
    """

    geometry: PeGeometry
    layer: Ints
    rows: Ints
    outputs: Ints
    row_tiles: Ints | Floats = field(metadata={"shape": "(L,)"})
    layer_slices: tuple[slice, ...] = ()
    held: Ints | None = None

    @property
    def count(self) -> int:
        """P."""
        return len(self.layer)

    @property
    def cells_per_weight(self) -> int:
        """K."""
        return self.geometry.encoding.cells_per_weight

    @property
    def cols(self) -> Ints:
        """Used columns of cells of each PE."""
        return self.outputs * self.cells_per_weight

    @property
    def weights(self) -> Ints:
        """Weights of each PE."""
        return self.rows * self.outputs if self.held is None else self.held

    @property
    def cells(self) -> Ints:
        """Cells of each PE that hold a weight."""
        return self.weights * self.cells_per_weight

    @property
    def crossed(self) -> Ints:
        """Cells of each PE at which a used row crosses a used column: what conducts when a vector is read."""
        return self.rows * self.cols

    def by_layer(self, by_pe: Floats) -> Floats:
        """Sum (..., P) over the PEs of each layer: (..., L)."""
        if any(span.start == span.stop for span in self.layer_slices):  # layers without a PE: reduceat cannot
            return np.stack([by_pe[..., span].sum(axis=-1, dtype=np.float64) for span in self.layer_slices], axis=-1)
        starts = [span.start for span in self.layer_slices]
        return np.asarray(np.add.reduceat(by_pe, starts, axis=-1), dtype=np.float64)


def pe_grid(layers: tuple[LayerSpec, ...], geometry: PeGeometry) -> PeGrid:
    """Return the PEs of ``layers``, each layer's in order (group, row tile, column tile)."""
    layer, rows, outputs, row_tiles, slices, start = [], [], [], [], [], 0
    for index, spec in enumerate(layers):
        groups, fan_in, outs = spec.matrix_shape
        tiles_r, tiles_c = geometry.tiles(fan_in, outs)
        heights = np.minimum(geometry.weight_rows, fan_in - geometry.weight_rows * np.arange(tiles_r))
        widths = np.minimum(geometry.weight_cols, outs - geometry.weight_cols * np.arange(tiles_c))
        count = groups * tiles_r * tiles_c
        layer.append(np.full(count, index))
        rows.append(np.tile(np.repeat(heights, tiles_c), groups))
        outputs.append(np.tile(widths, groups * tiles_r))
        row_tiles.append(tiles_r)
        slices.append(slice(start, start + count))
        start += count
    join = np.concatenate
    return PeGrid(geometry, join(layer), join(rows), join(outputs), np.array(row_tiles), tuple(slices))
