"""Counts of a map once more, line by line and cell by cell, without any of the formulas that the map uses."""

from collections.abc import Sequence

import numpy as np

from imcsim.mapping.invariants import Violation
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.lines import conversions, pe_lines
from imcsim.mapping.tile_masks import (
    columns_to_weights,
    pe_ids,
    pes_to_weights,
    slots_to_weights,
    weights_to_columns,
    weights_to_pes,
    weights_to_slots,
)


def counts_differ(maps: Sequence[LayerMap]) -> Violation | None:
    """PEs, cells, conversions and row drives equal those found by walking over all lines and cells of all tiles."""
    for layer, layer_map in enumerate(maps):
        found, counted = _figures(layer_map), _walk(layer_map)
        for name, value in counted.items():
            if found[name] != value:
                return Violation(f"the map should count {value} {name}, but counts {found[name]}", layer)
    return None


def masks_change(layer_map: LayerMap) -> Violation | None:
    """Masks by PE, column segment and element come back unchanged from layer -> PE -> layer."""
    for copy in range(layer_map.copies):
        ids, whole = pe_ids(layer_map, copy), np.ones(layer_map.shape, dtype=bool)
        here = pes_to_weights(layer_map, np.ones(len(ids), dtype=bool), copy)
        segments = np.arange(len(weights_to_columns(layer_map, whole, "any", copy))) * 7 % 3 == 0
        by_pe, element = ids * 5 % 3 == 0, np.arange(whole.size).reshape(whole.shape) * 11 % 7 < 3
        spread, columns = pes_to_weights(layer_map, by_pe, copy), columns_to_weights(layer_map, segments, copy)
        back = slots_to_weights(layer_map, weights_to_slots(layer_map, element, copy), copy)
        kept = {
            "PE": all(np.array_equal(weights_to_pes(layer_map, spread, kind, copy), by_pe) for kind in ("any", "all")),
            "column": np.array_equal(weights_to_columns(layer_map, columns, "all", copy), segments),
            "element": np.array_equal(back[here], element[here]),
        }
        for name, same in kept.items():
            if not same:
                return Violation(f"a mask by {name} should survive layer -> PE -> layer, but changes")
    return None


def _figures(layer_map: LayerMap) -> dict[str, int]:
    return {
        "PEs": layer_map.pe_count,
        "cells": layer_map.cells_used,
        "conversions of a vector": conversions(layer_map),
        "row drives of a vector": pe_lines(layer_map).row_drives,
    }


def _walk(layer_map: LayerMap) -> dict[str, int]:
    geometry = layer_map.geometry
    per_weight = geometry.encoding.cells_per_weight
    taken = np.zeros((1 + max((t.pe for t in layer_map.tiles), default=-1), geometry.rows, geometry.cols), dtype=bool)
    driven: set[tuple[int, ...]] = set()
    converted: set[tuple[int, ...]] = set()
    for tile in layer_map.tiles:
        left = tile.col_offset * per_weight
        for row in range(tile.row_offset, tile.row_offset + tile.height):
            taken[tile.pe, row, left : left + tile.width * per_weight] = True
        if tile.copy == 0 and tile.read != "backward":
            driven.update((tile.pe, tile.row_offset + i, tile.group, row) for i, row in enumerate(tile.rows))
            for j, col in enumerate(tile.cols):
                cells = range(left + j * per_weight, left + (j + 1) * per_weight)
                converted.update((tile.pe, cell, tile.group, col) for cell in cells)
    return {
        "PEs": int(taken.any(axis=(1, 2)).sum()),
        "cells": int(taken.sum()),
        "conversions of a vector": len(converted),
        "row drives of a vector": len(driven),
    }
