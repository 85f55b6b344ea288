"""Masks of a stated granularity: which weights freeze, or fall away, together. Such a set of weights is a *piece*.

Shape letters: G groups, D fan-in, N outputs per group.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from imcsim.core.arrays import NumericArray
from imcsim.core.errors import MappingError, nearest
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.tile import MatrixShape

Granularity = Literal["element", "column", "pe", "kernel", "channel", "layer"]
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)


def pieces(
    granularity: Granularity, shape: MatrixShape, geometry: PeGeometry, kernel: tuple[int, int] = (1, 1)
) -> NDArray[np.int64]:
    """Return (G, D, N): for each weight the number of the piece that it belongs to, from 0.

    Parameters
    ----------
    granularity
        "element"; "column" (one output over the rows of a PE); "pe" (a tile of ``im2col``); "kernel" (one 2-D kernel of
        one input and one output channel); "channel" (all weights of an output); "layer".

    Raises
    ------
    MappingError
        For another granularity, with the nearest name.
    """
    if granularity not in GRANULARITIES:
        raise MappingError(f"unknown mask granularity '{granularity}'{nearest(granularity, GRANULARITIES)}")
    group, row, col = np.indices(shape, dtype=np.int64)
    keys = {
        "element": (group, row, col),
        "column": (group, row // geometry.weight_rows, col),
        "pe": (group, row // geometry.weight_rows, col // geometry.weight_cols),
        "kernel": (group, row // (kernel[0] * kernel[1]), col),
        "channel": (group, np.zeros_like(row), col),
        "layer": (np.zeros_like(row),) * 3,
    }[granularity]
    sizes = tuple(int(key.max()) + 1 for key in keys)
    # weights with the same key are one piece; numbered in row-major order of their keys
    return np.asarray(np.ravel_multi_index(keys, sizes), dtype=np.int64)


def lowest(
    scores: Sequence[NumericArray], labels: Sequence[NDArray[np.int64]], share: float
) -> tuple[NDArray[np.bool_], ...]:
    """Choose whole pieces, lowest mean score first, while they hold at most ``share`` of all weights.

    A piece that no longer fits is passed over and smaller ones behind it are tried.

    Parameters
    ----------
    scores
        One value per weight and layer, each (G, D, N).
    labels
        The piece of each weight, from :func:`pieces`.
    share
        0 to 1, of the weights of all layers.

    Returns
    -------
    tuple of NDArray
        Per layer (G, D, N): True where the weight is chosen. Among equal scores earlier pieces come first.
    """
    sizes = [np.bincount(label.ravel()) for label in labels]
    # size of each piece, and the sum of the scores of its weights
    sums = [np.bincount(label.ravel(), score.ravel()) for label, score in zip(labels, scores, strict=True)]
    size = np.concatenate(sizes)
    # pieces of all layers in one order, by mean score; a stable sort leaves ties as they stand
    order = np.argsort(np.concatenate(sums) / size, kind="stable")
    room = int(share * size.sum())
    chosen = np.zeros(len(size), dtype=bool)
    for piece in order:
        if size[piece] <= room:
            chosen[piece], room = True, room - int(size[piece])
    # back to layers: each has as many entries as pieces
    parts = np.split(chosen, np.cumsum([len(part) for part in sizes])[:-1])
    return tuple(part[label] for part, label in zip(parts, labels, strict=True))
