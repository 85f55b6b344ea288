"""A network's map as arrays that reads can be charged on, whatever the rule.

Shape letters: L mapped layers, P pairs of a layer and one of its PEs (in order of layer, then PE).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.cell_counts import levels_of_codes
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.lines import PeLines
from imcsim.mapping.network_map import NetworkMap
from imcsim.mapping.pe_grid import PeGrid
from imcsim.mapping.routing import distinct_outputs
from imcsim.mapping.tile_masks import weights_to_pes

Floats = NDArray[np.float64]
Codes = Mapping[str, NDArray[np.integer]]


@dataclass(frozen=True)
class MappedArrays:
    """Shapes of the arrays and the levels in them, ``level_sums`` (2, P): the same before and after."""

    grid: PeGrid
    geometry: PeGeometry
    level_sums: Floats


def mapped_arrays(
    network_map: NetworkMap, geometry: PeGeometry, lines: Sequence[PeLines], codes: Codes | None
) -> MappedArrays:
    """Return the arrays of ``geometry``'s encoding that hold ``codes``, or codes uniform over their range if None."""
    mean = float(geometry.encoding.level_table.sum(axis=0).mean())
    parts = []
    for spec, layer, part in zip(network_map.layers, network_map.maps, lines, strict=True):
        if codes is None:
            parts.append(_weights(layer, part) * mean)
        else:
            summed = levels_of_codes(codes[spec.name], geometry.encoding)
            parts.append(np.asarray(weights_to_pes(layer, summed), dtype=np.float64))
    sums = np.concatenate(parts)
    return MappedArrays(grid_of(network_map, geometry, lines), geometry, np.stack([sums, sums]))


def grid_of(network_map: NetworkMap, geometry: PeGeometry, lines: Sequence[PeLines]) -> PeGrid:
    """Return the rows and outputs of each pair; ``row_tiles`` is the mean number of PEs that hold an output."""
    sizes = [len(part.pe) for part in lines]
    ends = np.cumsum(sizes)
    held = np.array([int(part.outputs.sum()) for part in lines], dtype=np.float64)
    apart = np.array([max(distinct_outputs(layer), 1) for layer in network_map.maps])
    return PeGrid(
        geometry,
        np.repeat(np.arange(len(lines)), sizes),
        np.concatenate([part.rows for part in lines]),
        np.concatenate([part.outputs for part in lines]),
        np.maximum(held / apart, 1.0),
        tuple(slice(int(end) - size, int(end)) for end, size in zip(ends, sizes, strict=True)),
    )


def _weights(layer: LayerMap, lines: PeLines) -> Floats:
    tiles = layer.forward_tiles
    place = np.searchsorted(lines.pe, np.fromiter((tile.pe for tile in tiles), np.int64, len(tiles)))
    counts = np.fromiter((tile.weight_count for tile in tiles), np.float64, len(tiles))
    return np.asarray(np.bincount(place, counts, minlength=len(lines.pe)), dtype=np.float64)
