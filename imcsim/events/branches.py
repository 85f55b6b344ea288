"""Which layers a layer waits for: the network's graph between those layers that a pass goes through.

A vector needs the same share of the vectors of each layer before it, rounded up. A share of a share, each rounded up,
is at least the share of the whole. So where a layer is reached over others as well, waiting for those waits for it,
and its own edge is left out: an identity shortcut adds nothing to a chain, a shortcut with a layer of its own does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Edges = Sequence[Sequence[int]]


def reversed_edges(edges: Edges) -> tuple[tuple[int, ...], ...]:
    """Return for each layer those that have it in ``edges``."""
    found: list[list[int]] = [[] for _ in edges]
    for layer, others in enumerate(edges):
        for other in others:
            found[other].append(layer)
    return tuple(map(tuple, found))


def nearest(edges: Edges, used: NDArray[np.bool_]) -> tuple[tuple[int, ...], ...]:
    """Return for each layer the nearest ones along ``edges`` that are in use, through those that are not."""
    known: dict[int, tuple[int, ...]] = {}

    def of(layer: int) -> tuple[int, ...]:
        if layer not in known:
            through = [(other,) if used[other] else of(other) for other in edges[layer]]
            known[layer] = tuple(dict.fromkeys(one for some in through for one in some))
        return known[layer]

    return tuple(of(layer) for layer in range(len(edges)))


@dataclass(frozen=True)
class Links:
    """Edges between the layers of one pass: ``sources`` holds, in the order of the pass, what each layer waits for."""

    sources: Mapping[int, tuple[int, ...]]

    def only_next(self, layer: int) -> int | None:
        """Return the layer that alone takes what ``layer`` makes, and takes nothing else; None if there is none."""
        takers = [other for other, sources in self.sources.items() if layer in sources]
        return takers[0] if len(takers) == 1 and self.sources[takers[0]] == (layer,) else None


def links_of(feeds: Edges, used: NDArray[np.bool_], *, backward: bool) -> Links:
    """Return the links of a pass over the layers in use, in its order; errors run against ``feeds``."""
    waits = sources_of(feeds, used, backward=backward)
    return Links({layer: sources for layer, sources in waits.items() if used[layer]})


def sources_of(feeds: Edges, used: NDArray[np.bool_], *, backward: bool) -> dict[int, tuple[int, ...]]:
    """Return for each layer, in the order of the pass, the layers in use that it waits for, implied ones left out."""
    edges = nearest(reversed_edges(feeds) if backward else feeds, used)
    behind: dict[int, set[int]] = {}  # all layers that a layer waits for, directly or not
    found: dict[int, tuple[int, ...]] = {}
    order = range(len(edges))
    for layer in reversed(order) if backward else order:
        implied = set().union(*(behind[other] for other in edges[layer]))
        found[layer] = tuple(other for other in edges[layer] if other not in implied)
        behind[layer] = implied | set(edges[layer])
    return found
