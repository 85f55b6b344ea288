"""Choosing PEs by remaining life: a method's scores blended with the wear of each PE so far.

Shape letters: T tasks, K cells per weight, G groups, D fan-in, N outputs per group, I row tiles, J column tiles of PEs.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from imcsim.core.arrays import AnyArray
from imcsim.crossbar.encoding import Encoding
from imcsim.learn.placing.pe_blocks import PeTile, column_sums, pe_counts
from imcsim.mapping.layer import LayerSpec


def mean_ranks(values: Tensor) -> Tensor:
    """Return ranks in 0 .. 1 of ``values``, any shape, float64: 0 the smallest, 1 the largest; ties share their mean.

    All equal (or a single value): 0.5.
    """
    flat = values.detach().cpu().double().flatten()
    _, place, often = torch.unique(flat, return_inverse=True, return_counts=True)
    # ranks by distinct value: the last rank that it takes, less half of what ties take before it
    last = often.cumsum(0).double() - 1
    ranks = (last - (often.double() - 1) / 2)[place]
    scaled = ranks / (len(flat) - 1) if len(flat) > 1 else torch.full_like(ranks, 0.5)
    return scaled.view(values.shape)


def with_wear(reasons: Mapping[str, Tensor], wear: Mapping[str, Tensor], life_weight: float) -> dict[str, Tensor]:
    """Return (1 - ``life_weight``) rank(reason) - ``life_weight`` rank(wear): the higher, the rather a PE is written.

    Ranks, because scores of methods have no common unit with events; over all PEs given, layers together. The blend is
    a design choice: 0 keeps the method's order, 1 takes the least worn.

    Parameters
    ----------
    reasons, wear
        Layer -> (G, I, J): the method's score, higher for PEs that it would rather write, and
        :func:`events_by_pe`; layers that ``wear`` lacks have none.
    """
    names = list(reasons)
    worn = [wear.get(name, torch.zeros(reasons[name].shape)) for name in names]
    reason = mean_ranks(torch.cat([reasons[name].detach().cpu().double().flatten() for name in names]))
    wearing = mean_ranks(torch.cat([values.double().flatten() for values in worn]))
    blended = torch.split((1 - life_weight) * reason - life_weight * wearing, [values.numel() for values in worn])
    return {name: part.view(reasons[name].shape) for name, part in zip(names, blended, strict=True)}


def events_by_pe(
    tables: Mapping[str, Sequence[AnyArray]], layers: Sequence[LayerSpec], encoding: Encoding, tile: PeTile
) -> dict[str, Tensor]:
    """Return layer -> float64 (G, I, J): programming events so far per cell of each PE, the mean over cells in use.

    They are the level changes of the finished tasks, in cells of ``encoding``, each step written in place. The mean, so
    that a PE at an edge with few weights counts like a full one.

    Parameters
    ----------
    tables
        Of the recorder: "changes/step/<encoding>/<layer>" -> by task, (K, G, D, N).
    """
    worn = {}
    for spec in layers:
        total = torch.zeros(spec.matrix_shape, dtype=torch.float64)
        for changes in tables.get(f"changes/step/{encoding.name}/{spec.name}", ()):
            # level changes of the cells of a weight, over the cells that a weight has
            total += torch.from_numpy(changes.sum(axis=0, dtype="int64")) / len(changes)
        cells = _pe_sums(torch.ones_like(total), tile)
        worn[spec.name] = (_pe_sums(total, tile) / cells).view(pe_counts(spec, tile))
    return worn


def _pe_sums(matrix: Tensor, tile: PeTile) -> Tensor:
    """(G, D, N) -> (G, I, J)."""
    return column_sums(column_sums(matrix, tile[1]).transpose(1, 2), tile[0]).transpose(1, 2).contiguous()
