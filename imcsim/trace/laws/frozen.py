"""A frozen PE never changes, and what trains lies in PEs that train.

Shape letters: F placement phases, G groups, D fan-in, N outputs per group.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.trace.laws.demand import demand, demand_each
from imcsim.trace.trace import Trace


def check(trace: Trace) -> None:
    """Check each layer whose PEs are placed."""
    for layer in trace.placement:
        tile = trace.meta.pe_tile
        demand(tile is not None, "a placement needs pe_tile in the header")
        if tile is None:
            continue
        codes = trace.codes[layer]
        weights = _weights(trace.placement[layer], tile, codes.shape[2:])
        demand(not ((codes[1:] != codes[:-1]) & ~weights).any(), f"layer '{layer}': a frozen PE changed its codes")
        for (policy, encoding, name), changes in trace.changes.items():
            if name == layer:  # a phase at a time: a large layer has tens of millions of cells
                hit = any(
                    (np.bitwise_or.reduce(cells, axis=0)[~trains] != 0).any()
                    for cells, trains in zip(changes, weights, strict=True)
                )
                demand(not hit, f"layer '{layer}', {encoding}, '{policy}': a frozen cell was written")
        trains = trace.counts["trainable_weights"][:, trace.layer_index[layer]]
        placed = weights.reshape(len(weights), -1).sum(axis=1)
        demand_each(trains <= placed, f"more weights of layer '{layer}' train than lie in PEs that train", trace.meta)


def _weights(trainable: NDArray[np.bool_], tile: tuple[int, int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return (F, G, D, N): whether each weight lies in a PE that trains; nothing larger is made for any PE."""
    rows, cols = np.arange(shape[0]) // tile[0], np.arange(shape[1]) // tile[1]
    weights: NDArray[np.bool_] = trainable[:, :, rows][..., cols]
    return weights
