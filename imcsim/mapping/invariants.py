"""What every mapping must keep: each weight in one place per copy, inside its array, read back whole, products exact.

Each check returns None, or a :class:`Violation` that names the first weight for which the law does not hold.
Shape letters: G groups, D fan-in, N outputs per group, K cells per weight, R rows and C columns of a PE.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.arrays import Codes, Ints, Levels, empty_arrays, program, read_back
from imcsim.mapping.arrays import tile_products as forward_of
from imcsim.mapping.arrays import transposed_products as backward_of
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.tile import Tile

Mask = NDArray[np.bool_]
Weight = tuple[int, int, int]


@dataclass(frozen=True)
class Violation:
    """A broken law.

    Parameters
    ----------
    sentence
        Which weight, where it should be, where it is.
    layer
        Which of the layers, for a network's rule.
    weight
        (group, input, output) of the weight that shows it, None if the law is about no single weight.
    """

    sentence: str
    layer: int = 0
    weight: Weight | None = None


def inside_arrays(layer_map: LayerMap) -> Violation | None:
    """Every tile lies inside the matrix and inside its array."""
    groups, fan_in, outputs = layer_map.shape
    cell_rows, cell_cols = layer_map.geometry.rows, layer_map.geometry.cols
    for tile in layer_map.tiles:
        if not (0 <= tile.group < groups and _within(tile.rows, fan_in) and _within(tile.cols, outputs)):
            return Violation(f"{tile} should be a block of the {layer_map.shape} matrix, but it leaves it")
        rows, cols = _span(layer_map, tile)
        fits = rows.start >= 0 and cols.start >= 0 and rows.stop <= cell_rows and cols.stop <= cell_cols
        if tile.pe < 0 or not fits:
            weight = tile.group, tile.rows[-1], tile.cols[-1]
            sentence = (
                f"weight {weight} should be inside an array of {cell_rows} x {cell_cols} cells, "
                f"but is {place(layer_map, tile, weight)}"
            )
            return Violation(sentence, weight=weight)
    return None


def one_place_each(layer_map: LayerMap, zeros: Mask | None = None) -> Violation | None:
    """Every weight lies in exactly one tile of every copy; one that is zero may have no place."""
    for copy in range(layer_map.copies):
        counts = np.zeros(layer_map.shape, dtype=np.int64)
        for tile in layer_map.tiles:
            if tile.copy == copy:
                # one more place for each weight of the tile, also for one that the tile names twice
                np.add.at(counts, tile.block, 1)
        bad = counts != 1 if zeros is None else (counts > 1) | ((counts == 0) & ~zeros)
        wrong = np.argwhere(bad)
        if len(wrong):
            weight = _weight(wrong[0])
            found = [place(layer_map, t, weight) for t in layer_map.tiles if t.copy == copy for _ in _times(t, weight)]
            of_copy = f" of copy {copy}" if layer_map.copies > 1 else ""
            sentence = f"weight {weight} should be in one place{of_copy}, but is {' and '.join(found) or 'nowhere'}"
            return Violation(sentence, weight=weight)
    return None


def one_weight_per_cell(maps: Sequence[LayerMap]) -> Violation | None:
    """No cell holds two weights, of one layer or of two that share a PE; tiles lie inside their arrays."""
    by_pe: dict[int, list[tuple[int, Tile]]] = {}
    for layer, layer_map in enumerate(maps):
        for tile in layer_map.tiles:
            by_pe.setdefault(tile.pe, []).append((layer, tile))
    for tiles in by_pe.values():
        if len(tiles) == 1:
            continue
        geometry = maps[tiles[0][0]].geometry
        taken = np.zeros((geometry.weight_rows, geometry.weight_cols), bool)
        for at, (layer, tile) in enumerate(tiles):
            cells = taken[tile.row_offset : tile.row_offset + tile.height, tile.col_offset :][:, : tile.width]
            if cells.any():
                first = (_shared_cell(maps, other, (layer, tile)) for other in tiles[:at])
                return next(filter(None, first))
            cells[:] = True
    return None


def read_back_equals(layer_map: LayerMap, codes: Codes, arrays: Levels) -> Violation | None:
    """All PEs, read back, give the matrix, for every copy."""
    for copy in range(layer_map.copies):
        found = read_back(layer_map, arrays, copy)
        wrong = np.argwhere(found != codes)
        if len(wrong):
            weight = _weight(wrong[0])
            holders = (t for t in layer_map.tiles if t.copy == copy and len(_times(t, weight)))
            at = next((place(layer_map, tile, weight) for tile in holders), "its missing place")
            return Violation(
                f"weight {weight} should read {int(codes[weight])}, but {at} reads {int(found[weight])}", weight=weight
            )
    return None


def products_equal(layer_map: LayerMap, codes: Codes, arrays: Levels) -> Violation | None:
    """Tile-wise integer products of every copy sum to x @ W exactly; those of transposed reads to e @ W^T.

    Inputs are fixed signed 8-bit codes, four vectors per group.
    """
    groups, fan_in, outputs = layer_map.shape
    wide = codes.astype(np.int64)
    for copy in range(layer_map.copies):
        reads = {tile.read for tile in layer_map.tiles if tile.copy == copy}
        if reads & {"forward", "both"} or not reads:
            x = _vectors(groups, fan_in)
            found = _first_wrong("x @ W", "output", x @ wide, forward_of(layer_map, x, arrays, copy))
            if found is not None:
                return found
        if reads & {"backward", "both"}:
            errors = _vectors(groups, outputs)
            back = backward_of(layer_map, errors, arrays, copy)
            found = _first_wrong("e @ W^T", "input", errors @ wide.swapaxes(1, 2), back)
            if found is not None:
                return found
    return None


def placed(maps: Sequence[LayerMap], zeros: Sequence[Mask | None]) -> Violation | None:
    """Return the first law of placement that ``maps`` break."""
    alone: list[Callable[[int], Violation | None]] = [
        lambda i: inside_arrays(maps[i]),
        lambda i: one_place_each(maps[i], zeros[i]),
    ]
    for check in alone:
        for layer in range(len(maps)):
            if found := check(layer):
                return Violation(found.sentence, layer, found.weight)
    return one_weight_per_cell(maps)


def computes(maps: Sequence[LayerMap], codes: Sequence[Codes]) -> Violation | None:
    """Program all layers, then read back and multiply each; the arrays are shared, so a later layer can spoil one."""
    arrays = empty_arrays(maps)
    for layer_map, matrix in zip(maps, codes, strict=True):
        program(layer_map, matrix, arrays)
    for layer, (layer_map, matrix) in enumerate(zip(maps, codes, strict=True)):
        if found := read_back_equals(layer_map, matrix, arrays) or products_equal(layer_map, matrix, arrays):
            return Violation(found.sentence, layer, found.weight)
    return None


def place(layer_map: LayerMap, tile: Tile, weight: Weight) -> str:
    """Say where in ``tile``'s PE ``weight`` lies: PE, row, columns of cells."""
    per_weight = layer_map.geometry.encoding.cells_per_weight
    along_rows, along_cols = tile.rows.index(weight[1]), tile.cols.index(weight[2])
    if tile.read == "backward":
        along_rows, along_cols = along_cols, along_rows
    left = (tile.col_offset + along_cols) * per_weight
    return f"in PE {tile.pe} at row {tile.row_offset + along_rows}, columns {left}..{left + per_weight - 1}"


def _first_wrong(law: str, line: str, expected: Ints, found: Ints) -> Violation | None:
    wrong = np.argwhere(found != expected)
    if not len(wrong):
        return None
    group, vector, index = at = _weight(wrong[0])
    return Violation(
        f"{line} {index} of group {group} for vector {vector} should be {law} = {int(expected[at])}, "
        f"but its tiles sum to {int(found[at])}"
    )


def _vectors(groups: int, length: int) -> Ints:
    steps = np.arange(groups * 4 * length, dtype=np.int64).reshape(groups, 4, length)
    return steps * 37 % 256 - 128  # 37 is odd, so that all 256 input codes occur


def _within(part: range | tuple[int, ...], length: int) -> bool:
    rising = not isinstance(part, range) or part.step > 0  # a falling range has no slice
    return len(part) > 0 and rising and min(part) >= 0 and max(part) < length


def _span(layer_map: LayerMap, tile: Tile) -> tuple[range, range]:
    per_weight = layer_map.geometry.encoding.cells_per_weight
    rows = range(tile.row_offset, tile.row_offset + tile.height)
    return rows, range(tile.col_offset * per_weight, (tile.col_offset + tile.width) * per_weight)


def _times(tile: Tile, weight: Weight) -> range:
    """One entry for each place that ``weight`` has in ``tile``."""
    if tile.group != weight[0]:
        return range(0)
    return range(tile.rows.count(weight[1]) * tile.cols.count(weight[2]))


def _shared_cell(maps: Sequence[LayerMap], first: tuple[int, Tile], second: tuple[int, Tile]) -> Violation | None:
    (rows_a, cols_a), (rows_b, cols_b) = (_span(maps[layer], tile) for layer, tile in (first, second))
    row, col = max(rows_a.start, rows_b.start), max(cols_a.start, cols_b.start)
    if row >= min(rows_a.stop, rows_b.stop) or col >= min(cols_a.stop, cols_b.stop):
        return None
    names = [f"{_weight_at(maps[layer], tile, row, col)}" for layer, tile in (first, second)]
    if first[0] != second[0]:
        names = [f"{name} of layer {layer}" for name, (layer, _) in zip(names, (first, second), strict=True)]
    sentence = (
        f"cell (row {row}, column {col}) of PE {first[1].pe} should hold one weight, but holds {' and '.join(names)}"
    )
    return Violation(sentence, second[0], _weight_at(maps[second[0]], second[1], row, col))


def _weight_at(layer_map: LayerMap, tile: Tile, row: int, col: int) -> Weight:
    down = row - tile.row_offset
    right = col // layer_map.geometry.encoding.cells_per_weight - tile.col_offset
    if tile.read == "backward":
        down, right = right, down
    return tile.group, tile.rows[down], tile.cols[right]


def _weight(values: NDArray[np.intp]) -> Weight:
    first, second, third = (int(value) for value in values)
    return first, second, third
