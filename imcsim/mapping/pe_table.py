"""A network's PEs one by one: whose weights each holds, how full it is, and whether anything in it trains.

Shape letters: P PEs of the network in rising index.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.network_map import NetworkMap

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PeTable:
    """All PEs of a map, each array (P,).

    Parameters
    ----------
    pe
        Index in the network.
    layer
        The layer with the most weights in the PE; the earlier one, if two have as many.
    weights
        Weights in the PE.
    frozen
        Of these, frozen ones.
    utilisation
        Share of the PE's cells that hold weights.
    """

    pe: Ints
    layer: Ints
    weights: Ints
    frozen: Ints
    utilisation: NDArray[np.float64]

    @property
    def trains(self) -> Mask:
        """PEs that hold at least one trainable weight."""
        return self.frozen < self.weights

    @property
    def captured(self) -> float:
        """Share of the frozen weights that lie in PEs in which nothing trains; 0 if none is frozen."""
        total = int(self.frozen.sum())
        return int(self.frozen[~self.trains].sum()) / total if total else 0.0


def pe_table(network_map: NetworkMap, trainable: Mapping[str, Mask] | None = None) -> PeTable:
    """Return the PEs of ``network_map``, copies included.

    Parameters
    ----------
    trainable
        Layer -> (G, D, N), True where the weight trains. None: all do.
    """
    rows = []  # (PE, layer, weights, frozen weights) of each tile
    for index, (spec, layer, first) in enumerate(
        zip(network_map.layers, network_map.maps, network_map.first_pes, strict=True)
    ):
        mask = None if trainable is None else trainable[spec.name]
        for tile in layer.tiles:
            still = 0 if mask is None else tile.weight_count - int(np.count_nonzero(mask[tile.block]))
            rows.append((tile.pe + first, index, tile.weight_count, still))
    # one row a tile; a PE that holds several tiles gets their sums
    pe, layers, weights, frozen = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    ids, place = np.unique(pe, return_inverse=True)
    held = np.bincount(place, weights, minlength=len(ids)).astype(np.int64)
    per_pe = network_map.geometry.rows * network_map.geometry.cols / network_map.geometry.encoding.cells_per_weight
    return PeTable(
        pe=ids,
        layer=_fullest(place, layers, weights, len(ids)),
        weights=held,
        frozen=np.bincount(place, frozen, minlength=len(ids)).astype(np.int64),
        utilisation=held / per_pe,
    )


def trainable_pes(network_map: NetworkMap, trainable: Mapping[str, Mask]) -> tuple[Mask, ...]:
    """Return, per layer, for each of the PEs that an input meets (rising index) whether anything in it trains.

    A PE that layers share trains if anything of any layer in it does.
    """
    table = pe_table(network_map, trainable)
    return tuple(
        table.trains[np.searchsorted(table.pe, np.unique([tile.pe for tile in layer.forward_tiles]) + first)]
        if layer.tiles
        else np.zeros(0, dtype=bool)
        for layer, first in zip(network_map.maps, network_map.first_pes, strict=True)
    )


def _fullest(place: Ints, layers: Ints, weights: Ints, count: int) -> Ints:
    """(P,): the layer with the most weights in each PE."""
    kinds = int(layers.max(initial=0)) + 1
    # one number for each (PE, layer): the weights of that layer in that PE are added up under it
    pairs, inverse = np.unique(place * kinds + layers, return_inverse=True)
    sums = np.bincount(inverse, weights)
    order = np.lexsort((-pairs, sums))  # the last entry of a PE wins: the most weights, then the earlier layer
    chosen = np.zeros(count, dtype=np.int64)
    chosen[pairs[order] // kinds] = pairs[order] % kinds
    return chosen
