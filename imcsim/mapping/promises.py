"""What a rule says of its tiles beyond their place, held against the matrix: kernel positions, frozen PEs.

Each check returns None, or a :class:`~imcsim.mapping.invariants.Violation` that names the first weight at fault.
"""

from collections.abc import Sequence

import numpy as np

from imcsim.mapping.invariants import Mask, Violation, place
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.tile import as_array


def positions_are_true(layer_map: LayerMap, kernel: tuple[int, int]) -> Violation | None:
    """All rows of a tile that names a kernel position belong to it."""
    for tile in layer_map.tiles:
        if tile.position is None:
            continue
        spots = as_array(tile.rows) % (kernel[0] * kernel[1])
        wrong = np.flatnonzero(spots != tile.position[0] * kernel[1] + tile.position[1])
        if len(wrong):
            row = tile.rows[int(wrong[0])]
            weight = tile.group, row, tile.cols[0]
            belongs = divmod(row % (kernel[0] * kernel[1]), kernel[1])
            sentence = (
                f"weight {weight} should be in a PE of kernel position {belongs}, but is "
                f"{place(layer_map, tile, weight)}, which the rule gives to position {tile.position}"
            )
            return Violation(sentence, weight=weight)
    return None


def frozen_pes_hold_no_trainable(maps: Sequence[LayerMap], trainable: Sequence[Mask]) -> Violation | None:
    """A PE that the rule calls frozen holds no trainable weight, and one that it calls trainable holds one."""
    frozen = {tile.pe for layer in maps for tile in layer.tiles if tile.frozen}
    for index, (layer_map, mask) in enumerate(zip(maps, trainable, strict=True)):
        for tile in layer_map.tiles:
            moving = np.argwhere(mask[tile.block])
            if tile.pe in frozen and len(moving):
                weight = tile.group, tile.rows[int(moving[0][0])], tile.cols[int(moving[0][1])]
                where = f"{place(layer_map, tile, weight)}, which the rule calls frozen"
                sentence = f"weight {weight} trains and should be in a trainable PE, but is {where}"
                return Violation(sentence, index, weight)
            if tile.frozen is False and not len(moving):
                weight = tile.group, tile.rows[0], tile.cols[0]
                where = f"{place(layer_map, tile, weight)}, which the rule calls trainable and in which nothing trains"
                return Violation(
                    f"weight {weight} is frozen and should be in a frozen PE, but is {where}", index, weight
                )
    return None
