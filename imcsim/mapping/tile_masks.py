"""Masks by PE, by column segment and by element of any map, to and from masks by weight.

Shape letters: G groups, D fan-in, N outputs per group, P PEs of the layer (rising index), S column segments (tile by
tile), R x C weights in a PE; leading axes are kept. ``copy`` picks the copy of the weights. For ``im2col`` alone,
:mod:`imcsim.mapping.masks` does the same by reshaping, and faster.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.core.arrays import NumericArray
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.masks import UFUNCS, Reduction, sum_type
from imcsim.mapping.tile import Tile

Array = NumericArray


def pe_ids(layer_map: LayerMap, copy: int = 0) -> NDArray[np.int64]:
    """Return the indices of the PEs that hold a copy, rising: the P axis of masks by PE."""
    return np.unique([tile.pe for tile in _tiles(layer_map, copy)]).astype(np.int64)


def weights_to_pes(layer_map: LayerMap, element: Array, reduction: Reduction = "sum", copy: int = 0) -> Array:
    """Sum (or take the largest, any, all) over a layer's weights in each PE: (..., G, D, N) -> (..., P)."""
    ufunc, ids = UFUNCS[reduction], pe_ids(layer_map, copy)
    by_pe: dict[int, Array] = {}
    for tile in _tiles(layer_map, copy):
        block = element[tile.block]
        value = ufunc.reduce(block, axis=(-2, -1), dtype=sum_type(ufunc, block.dtype))
        by_pe[tile.pe] = ufunc(by_pe[tile.pe], value) if tile.pe in by_pe else value
    return np.stack([by_pe[int(pe)] for pe in ids], axis=-1) if len(ids) else element[..., 0, 0, :0]


def pes_to_weights(layer_map: LayerMap, mask: Array, copy: int = 0) -> Array:
    """Give each weight the value of its PE: (..., P) -> (..., G, D, N); weights without a place get 0."""
    element = np.zeros((*mask.shape[:-1], *layer_map.shape), dtype=mask.dtype)
    place = {int(pe): i for i, pe in enumerate(pe_ids(layer_map, copy))}
    for tile in _tiles(layer_map, copy):
        element[tile.block] = mask[..., place[tile.pe], None, None]
    return element


def weights_to_columns(layer_map: LayerMap, element: Array, reduction: Reduction = "sum", copy: int = 0) -> Array:
    """Sum (or ...) over the weights of each column segment of a copy: (..., G, D, N) -> (..., S)."""
    ufunc = UFUNCS[reduction]
    parts = []
    for tile in _tiles(layer_map, copy):
        block, axis = element[tile.block], -1 if tile.read == "backward" else -2
        parts.append(ufunc.reduce(block, axis=axis, dtype=sum_type(ufunc, block.dtype)))
    return np.concatenate(parts, axis=-1) if parts else element[..., 0, 0, :0]


def columns_to_weights(layer_map: LayerMap, mask: Array, copy: int = 0) -> Array:
    """Give each weight the value of its column segment: (..., S) -> (..., G, D, N)."""
    element = np.zeros((*mask.shape[:-1], *layer_map.shape), dtype=mask.dtype)
    start = 0
    for tile in _tiles(layer_map, copy):
        segment = mask[..., start : start + tile.width]
        # a segment is one line of the array: an output over the rows, or in a transposed tile a row over the outputs
        element[tile.block] = segment[..., :, None] if tile.read == "backward" else segment[..., None, :]
        start += tile.width
    return element


def weights_to_slots(layer_map: LayerMap, element: Array, copy: int = 0) -> Array:
    """Put each weight's value where the weight lies: (G, D, N) -> (P, R, C); 0 where a PE is empty."""
    geometry, ids = layer_map.geometry, pe_ids(layer_map, copy)
    slots = np.zeros((len(ids), geometry.weight_rows, geometry.weight_cols), dtype=element.dtype)
    place = {int(pe): i for i, pe in enumerate(ids)}
    for tile in _tiles(layer_map, copy):
        block = element[tile.block]
        # a transposed tile lies with outputs along the rows of its PE
        _slots_of(slots, tile, place)[...] = block.T if tile.read == "backward" else block
    return slots


def slots_to_weights(layer_map: LayerMap, slots: Array, copy: int = 0) -> Array:
    """Collect each weight's value from its place: (P, R, C) -> (G, D, N)."""
    element = np.zeros(layer_map.shape, dtype=slots.dtype)
    place = {int(pe): i for i, pe in enumerate(pe_ids(layer_map, copy))}
    for tile in _tiles(layer_map, copy):
        block = _slots_of(slots, tile, place)
        element[tile.block] = block.T if tile.read == "backward" else block
    return element


def _tiles(layer_map: LayerMap, copy: int) -> list[Tile]:
    return [tile for tile in layer_map.tiles if tile.copy == copy]


def _slots_of(slots: Array, tile: Tile, place: dict[int, int]) -> Array:
    top, left = tile.row_offset, tile.col_offset
    return slots[place[tile.pe], top : top + tile.height, left : left + tile.width]
