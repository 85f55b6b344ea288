"""What one input vector drives and converts: rows, columns and passes of each PE of a layer.

Shape letters: P PEs of the layer (rising index), K cells per weight.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.tile import Tile

Ints = NDArray[np.int64]
Labels = dict[int, tuple[int, int]]  # row of a PE -> (group, input), or column -> (group, output)


@dataclass(frozen=True)
class PeLines:
    """One input vector in the PEs that it meets (one copy), each (P,).

    ``pe`` index; ``rows`` driven; ``outputs`` converted (K columns of cells each); ``passes`` reads in sequence: more
    than one if inputs or outputs of a PE's tiles get into each other's way.
    """

    pe: Ints
    rows: Ints
    outputs: Ints
    passes: Ints

    @property
    def row_drives(self) -> int:
        """Rows driven by one vector."""
        return int(self.rows.sum())


def pe_lines(layer_map: LayerMap) -> PeLines:
    """Return what one input vector drives and converts in each PE; a row or column of one pass counts once."""
    tiles = layer_map.forward_tiles
    pe = np.fromiter((tile.pe for tile in tiles), np.int64, len(tiles))
    rows = np.fromiter((len(tile.rows) for tile in tiles), np.int64, len(tiles))
    outputs = np.fromiter((len(tile.cols) for tile in tiles), np.int64, len(tiles))
    ids, first, inverse, counts = np.unique(pe, return_index=True, return_inverse=True, return_counts=True)
    lines = np.stack([rows[first], outputs[first], np.ones_like(ids)]) if len(ids) else np.zeros((3, 0), np.int64)
    crowded = np.flatnonzero(counts > 1)
    if len(crowded):
        by_pe: dict[int, list[Tile]] = defaultdict(list)
        for index in np.flatnonzero(counts[inverse] > 1):
            by_pe[int(inverse[index])].append(tiles[index])
        for place in crowded:
            lines[:, place] = _shared(by_pe[int(place)])
    return PeLines(ids, *lines)


def conversions(layer_map: LayerMap) -> int:
    """Column conversions of one vector in one phase: K for each output of each PE."""
    return int(pe_lines(layer_map).outputs.sum()) * layer_map.geometry.encoding.cells_per_weight


def _shared(tiles: Sequence[Tile]) -> tuple[int, int, int]:
    """Rows, outputs and passes of the tiles of one PE."""
    rows = {line for tile in tiles for line in _rows(tile)}
    outputs = {line for tile in tiles for line in _cols(tile)}
    return len(rows), len(outputs), len(_passes(tiles))


def _passes(tiles: Sequence[Tile]) -> list[list[Tile]]:
    """Tiles that can be read together, first fit: no line means two things, and no other tile's cells join in."""
    passes: list[list[Tile]] = []
    for tile in tiles:
        for group in passes:
            if _readable([*group, tile], tiles):
                group.append(tile)
                break
        else:
            passes.append([tile])
    return passes


def _readable(chosen: Sequence[Tile], tiles: Sequence[Tile]) -> bool:
    rows, cols = _labels(map(_rows, chosen)), _labels(map(_cols, chosen))
    return rows is not None and cols is not None and all(_agrees(tile, rows, cols) for tile in tiles)


def _agrees(tile: Tile, rows: Labels, cols: Labels) -> bool:
    mine_r, mine_c = dict(_lines(_rows(tile))), dict(_lines(_cols(tile)))
    crossed_r, crossed_c = mine_r.keys() & rows.keys(), mine_c.keys() & cols.keys()
    if not crossed_r or not crossed_c:
        return True
    return all(mine_r[r] == rows[r] for r in crossed_r) and all(mine_c[c] == cols[c] for c in crossed_c)


def _rows(tile: Tile) -> list[tuple[int, int, int]]:
    return [(tile.row_offset + i, tile.group, row) for i, row in enumerate(tile.rows)]


def _cols(tile: Tile) -> list[tuple[int, int, int]]:
    return [(tile.col_offset + j, tile.group, col) for j, col in enumerate(tile.cols)]


def _lines(lines: Iterable[tuple[int, int, int]]) -> Iterable[tuple[int, tuple[int, int]]]:
    return ((line, (group, index)) for line, group, index in lines)


def _labels(parts: Iterable[list[tuple[int, int, int]]]) -> Labels | None:
    """What each line carries, or None if one carries two things."""
    labels: Labels = {}
    for line, label in (pair for part in parts for pair in _lines(part)):
        if labels.setdefault(line, label) != label:
            return None
    return labels
