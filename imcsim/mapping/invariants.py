"""What every mapping must keep: each weight in one place, inside its array, read back unchanged, products exact.

Each check returns None, or a sentence that names the first weight for which the law does not hold.
Shape letters: G groups, D fan-in, N outputs per group, K cells per weight, R rows and C columns of a PE.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.tile import Tile

Codes = NDArray[np.integer]
Levels = NDArray[np.uint16]


def first_violation(layer_map: LayerMap, codes: Codes) -> str | None:
    """Return the sentence of the first broken invariant of ``layer_map`` for integer ``codes`` (G, D, N), or None."""
    placed = inside_arrays(layer_map) or one_place_each(layer_map) or one_weight_per_cell(layer_map)
    if placed is not None:
        return placed
    arrays = program(layer_map, codes)
    return read_back_equals(layer_map, codes, arrays) or products_equal(layer_map, codes, arrays)


def inside_arrays(layer_map: LayerMap) -> str | None:
    """Every tile lies inside the matrix and inside its array."""
    groups, fan_in, outputs = layer_map.shape
    cell_rows, cell_cols = layer_map.geometry.rows, layer_map.geometry.cols
    for tile in layer_map.tiles:
        if not (0 <= tile.group < groups and _within(tile.rows, fan_in) and _within(tile.cols, outputs)):
            return f"{tile} should be a block of the {layer_map.shape} matrix, but it leaves it"
        rows, cols = _cells(layer_map, tile)
        if tile.pe < 0 or not (_within(rows, cell_rows) and _within(cols, cell_cols)):
            corner = tile.group, tile.rows[-1], tile.cols[-1]
            return (
                f"weight {corner} should be inside an array of {cell_rows} x {cell_cols} cells, but is in PE "
                f"{tile.pe} at {_where(rows[-1:], cols[-layer_map.geometry.encoding.cells_per_weight :])}"
            )
    return None


def one_place_each(layer_map: LayerMap) -> str | None:
    """Every weight lies in exactly one tile."""
    counts = np.zeros(layer_map.shape, dtype=np.int64)
    for tile in layer_map.tiles:
        counts[tile.index] += 1
    wrong = np.argwhere(counts != 1)
    if not len(wrong):
        return None
    weight = _indices(wrong[0])
    places = [_place(layer_map, tile, weight) for tile in layer_map.tiles if _holds(tile, weight)]
    return f"weight {weight} should be in one place, but is {' and '.join(places) or 'nowhere'}"


def one_weight_per_cell(layer_map: LayerMap) -> str | None:
    """No cell holds two weights."""
    by_pe: dict[int, list[Tile]] = {}
    for tile in layer_map.tiles:
        by_pe.setdefault(tile.pe, []).append(tile)
    for tiles in by_pe.values():
        for i, tile in enumerate(tiles):
            for other in tiles[:i]:
                if sentence := _shared_cell(layer_map, other, tile):
                    return sentence
    return None


def program(layer_map: LayerMap, codes: Codes) -> Levels:
    """Return the cell levels (PEs, R, C) of arrays that hold ``codes`` (G, D, N); the K cells of a weight in a row."""
    geometry = layer_map.geometry
    pe_count = 1 + max(tile.pe for tile in layer_map.tiles)
    arrays = np.zeros((pe_count, geometry.rows, geometry.cols), dtype=np.uint16)
    for tile in layer_map.tiles:
        levels = np.moveaxis(geometry.encoding.levels(codes[tile.index]), 0, -1)  # (rows, outputs, K)
        _block(layer_map, tile, arrays)[...] = levels.reshape(len(tile.rows), -1)
    return arrays


def read_back(layer_map: LayerMap, arrays: Levels) -> NDArray[np.int32]:
    """Return the codes (G, D, N) that the cell levels (PEs, R, C) stand for."""
    encoding = layer_map.geometry.encoding
    codes = np.zeros(layer_map.shape, dtype=np.int32)
    for tile in layer_map.tiles:
        cells = _block(layer_map, tile, arrays).reshape(len(tile.rows), len(tile.cols), -1)
        codes[tile.index] = encoding.codes(np.moveaxis(cells, -1, 0))
    return codes


def read_back_equals(layer_map: LayerMap, codes: Codes, arrays: Levels) -> str | None:
    """All PEs, read back, give the matrix."""
    found = read_back(layer_map, arrays)
    wrong = np.argwhere(found != codes)
    if not len(wrong):
        return None
    weight = _indices(wrong[0])
    place = next(_place(layer_map, tile, weight) for tile in layer_map.tiles if _holds(tile, weight))
    return f"weight {weight} should read {int(codes[weight])}, but {place} reads {int(found[weight])}"


def tile_products(layer_map: LayerMap, x: NDArray[np.int64], arrays: Levels) -> NDArray[np.int64]:
    """Return the layer's output (G, B, N) for integer inputs ``x`` (G, B, D), summed over the arrays' columns.

    Each column of cells gives the sum of input times level, as an ideal array does; columns are weighted by their
    cells' significance, and an offset encoding's 2^(b-1) * sum(x) is taken off.
    """
    encoding = layer_map.geometry.encoding
    offset = 1 << (encoding.weight_bits - 1) if encoding.sign == "offset" else 0
    groups, _, outputs = layer_map.shape
    y = np.zeros((groups, x.shape[1], outputs), dtype=np.int64)
    for tile in layer_map.tiles:
        inputs = x[tile.group, :, tile.rows.start : tile.rows.stop]
        columns = inputs @ _block(layer_map, tile, arrays).astype(np.int64)
        partial = columns.reshape(len(inputs), len(tile.cols), -1) @ encoding.significance.astype(np.int64)
        y[tile.group, :, tile.cols.start : tile.cols.stop] += partial - offset * inputs.sum(axis=1, keepdims=True)
    return y


def products_equal(layer_map: LayerMap, codes: Codes, arrays: Levels) -> str | None:
    """Tile-wise integer products sum to x @ W exactly, for a fixed signed 8-bit input of four vectors per group."""
    groups, fan_in, _ = layer_map.shape
    steps = np.arange(groups * 4 * fan_in, dtype=np.int64).reshape(groups, 4, fan_in)
    x = steps * 37 % 256 - 128  # 37 is odd, so that all 256 input codes occur
    expected, found = x @ codes.astype(np.int64), tile_products(layer_map, x, arrays)
    wrong = np.argwhere(found != expected)
    if not len(wrong):
        return None
    group, vector, output = index = _indices(wrong[0])
    return (
        f"output {output} of group {group} for vector {vector} should be x @ W = {int(expected[index])}, "
        f"but its tiles sum to {int(found[index])}"
    )


def _within(part: range, length: int) -> bool:
    return len(part) > 0 and part.step == 1 and part.start >= 0 and part.stop <= length


def _cells(layer_map: LayerMap, tile: Tile) -> tuple[range, range]:
    per_weight = layer_map.geometry.encoding.cells_per_weight
    rows = range(tile.row_offset, tile.row_offset + len(tile.rows))
    return rows, range(tile.col_offset * per_weight, (tile.col_offset + len(tile.cols)) * per_weight)


def _block(layer_map: LayerMap, tile: Tile, arrays: Levels) -> Levels:
    rows, cols = _cells(layer_map, tile)
    return arrays[tile.pe, rows.start : rows.stop, cols.start : cols.stop]


def _holds(tile: Tile, weight: tuple[int, int, int]) -> bool:
    return tile.group == weight[0] and weight[1] in tile.rows and weight[2] in tile.cols


def _where(rows: range, cols: range) -> str:
    return f"row {rows[0]}, columns {cols[0]}..{cols[-1]}"


def _place(layer_map: LayerMap, tile: Tile, weight: tuple[int, int, int]) -> str:
    rows, cols = _cells(layer_map, tile)
    per_weight = layer_map.geometry.encoding.cells_per_weight
    row, col = weight[1] - tile.rows.start, (weight[2] - tile.cols.start) * per_weight
    return f"in PE {tile.pe} at {_where(rows[row:], cols[col : col + per_weight])}"


def _shared_cell(layer_map: LayerMap, first: Tile, second: Tile) -> str | None:
    (rows_a, cols_a), (rows_b, cols_b) = _cells(layer_map, first), _cells(layer_map, second)
    row, col = max(rows_a.start, rows_b.start), max(cols_a.start, cols_b.start)
    if row >= min(rows_a.stop, rows_b.stop) or col >= min(cols_a.stop, cols_b.stop):
        return None
    names = [_weight_at(layer_map, tile, row, col) for tile in (first, second)]
    return (
        f"cell (row {row}, column {col}) of PE {first.pe} should hold one weight, but holds {names[0]} and {names[1]}"
    )


def _weight_at(layer_map: LayerMap, tile: Tile, row: int, col: int) -> tuple[int, int, int]:
    output = col // layer_map.geometry.encoding.cells_per_weight - tile.col_offset
    return tile.group, tile.rows[row - tile.row_offset], tile.cols[output]


def _indices(values: NDArray[np.intp]) -> tuple[int, int, int]:
    first, second, third = (int(value) for value in values)
    return first, second, third
