"""A map as text: which PE holds each weight of one group, the weight at fault marked; small enough for a terminal."""

from collections.abc import Sequence

import numpy as np

from imcsim.mapping.invariants import Weight
from imcsim.mapping.layer_map import LayerMap

_SIDE = 12  # rows and outputs shown; more are cut around the weight at fault


def picture(layer_map: LayerMap, weight: Weight | None = None) -> str:
    """Return the matrix of the weight's group as rows of PE numbers.

    ``.`` stands for a weight without a place, ``a+b`` for one that lies in two PEs; copies but the first are left out.
    Brackets mark ``weight``.
    """
    group, row, col = weight or (0, 0, 0)
    held = _holders(layer_map, group)
    rows, cols = _window(row, held.shape[0]), _window(col, held.shape[1])
    cells = [[_cell(held[r, c], weight == (group, r, c)) for c in cols] for r in rows]
    heads = [f"n{c}" for c in cols]
    width = max(len(text) for line in [heads, *cells] for text in line)
    label = max(len(f"d{r}") for r in rows)
    lines = [" " * label + "  " + " ".join(head.rjust(width) for head in heads)]
    lines += [
        f"d{r}".ljust(label) + "  " + " ".join(text.rjust(width) for text in line)
        for r, line in zip(rows, cells, strict=True)
    ]
    title = f"PE of each weight of group {group} (d input, n output, '.' nowhere):"
    return "\n".join([title, *lines])


def _holders(layer_map: LayerMap, group: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.object_]]":
    _, fan_in, outputs = layer_map.shape
    held = np.empty((fan_in, outputs), dtype=object)
    for index in np.ndindex(held.shape):
        held[index] = []
    for tile in layer_map.tiles:
        if tile.group == group and tile.copy == 0:
            for row in (r for r in tile.rows if 0 <= r < fan_in):
                for col in (c for c in tile.cols if 0 <= c < outputs):
                    held[row, col].append(tile.pe)
    return held


def _cell(pes: Sequence[int], marked: bool) -> str:
    text = "+".join(map(str, pes)) or "."
    return f"[{text}]" if marked else text


def _window(centre: int, length: int) -> range:
    start = max(0, min(centre - _SIDE // 2, length - _SIDE))
    return range(start, min(length, start + _SIDE))
