"""Owner maps: which task trained a weight, and so which tasks use it. The steps of PackNet and CPG on plain tensors.

An owner map is an integer tensor in the weight's shape: 0 for a free weight, t + 1 for one that task t keeps. Every
function leaves its arguments as they are.
"""

from typing import Literal

import torch
from torch import Tensor

Ties = Literal["count", "all"]


def claim(owner: Tensor, task: int) -> Tensor:
    """Return the map in which every free weight belongs to ``task``, as while the task trains them all.

    Source: arunmallya/packnet@7b6032c src/prune.py (make_finetuning_mask).
    """
    return torch.where(owner == 0, torch.full_like(owner, task + 1), owner)


def cut(weight: Tensor, candidates: Tensor, count: int, ties: Ties = "count") -> Tensor:
    """Return a bool mask of the ``count`` candidates of smallest magnitude.

    Parameters
    ----------
    weight
        Any shape.
    candidates
        Bool, same shape: the weights that are ranked.
    count
        How many to choose, 0 .. number of candidates.
    ties
        At the magnitude where the cut falls, "count" takes just as many as are wanted, in the order of the flat tensor;
        "all" takes every candidate of that magnitude, so that more than ``count`` may be chosen. None is taken if
        ``count`` is 0.
    """
    chosen = torch.zeros_like(candidates)
    if count == 0:
        return chosen
    index = candidates.flatten().nonzero().squeeze(1)
    magnitude = weight.detach().abs().flatten()[index]
    order = torch.argsort(magnitude, stable=True)[:count]
    taken = order if ties == "count" else (magnitude <= magnitude[order[-1]]).nonzero().squeeze(1)
    chosen.view(-1)[index[taken]] = True
    return chosen


def prune(weight: Tensor, owner: Tensor, task: int, share: float, ties: Ties = "count") -> Tensor:
    """Return the map in which the smallest ``share`` of the weights of ``task`` are free again.

    The number removed is round(share * weights of the task), half to even. Ties: see :func:`cut`; "all" is what
    arunmallya/packnet@7b6032c src/prune.py (pruning_mask) does. Source: PackNet (Mallya and Lazebnik, CVPR 2018).
    """
    mine = owner == task + 1
    gone = cut(weight, mine, round(share * int(mine.sum())), ties)
    return torch.where(gone, torch.zeros_like(owner), owner)


def visible(owner: Tensor, task: int) -> Tensor:
    """Return a bool mask of the weights that serve ``task``: those of it and of earlier tasks."""
    return (owner > 0) & (owner <= task + 1)


def owner_bits(tasks: int) -> int:
    """Return the bits a weight that tell its owner among ``tasks`` tasks, ceil(log2 T); a free weight is 0 itself."""
    return max(tasks - 1, 0).bit_length()
