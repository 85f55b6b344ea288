"""Owner maps: which task trained a weight, and so which tasks use it. The steps of PackNet and CPG on plain tensors.

An owner map is an integer tensor in the weight's shape: 0 for a free weight, t + 1 for one that task t keeps, -1 for
one that is reserved for growth. Every function leaves its arguments as they are.
"""

from typing import Literal

import torch
from torch import Tensor

Ties = Literal["count", "all"]


def claim(owner: Tensor, task: int) -> Tensor:
    """Return the map in which every free weight belongs to ``task``, as while the task trains them all.

    Source: arunmallya/packnet@7b6032c.
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
    arunmallya/packnet@7b6032c does. Source: PackNet (Mallya and Lazebnik, CVPR 2018).
    """
    mine = owner == task + 1
    gone = cut(weight, mine, round(share * int(mine.sum())), ties)
    return torch.where(gone, torch.zeros_like(owner), owner)


def gradual_sparsity(progress: float, target: float, start: float = 0.0) -> float:
    """Return s(p) = s_T + (s_0 - s_T) (1 - p)^3; a ``progress`` p below 0 counts as 0, one above 1 as 1.

    Source: ivclab/CPG@f1b20ea (gradual magnitude pruning).
    """
    return target + (start - target) * (1 - min(max(progress, 0.0), 1.0)) ** 3


def prune_to(
    weight: Tensor, owner: Tensor, task: int, sparsity: float, ties: Ties = "count", rank_free: bool = False
) -> Tensor:
    """Return the map in which ``sparsity`` of what ``task`` claimed is free; nothing already free is claimed again.

    What the task claimed are its weights and the free ones. Of their n, k = round(sparsity * n), half to even, shall be
    free. ``rank_free`` False: the k - (number already free) smallest of the task's own weights go. True, as in
    ivclab/CPG@f1b20ea: own and free weights are ranked together, and the task's own among the k smallest go. Ties: see
    :func:`cut`.
    """
    mine, free = owner == task + 1, owner == 0
    count = round(sparsity * int((mine | free).sum()))
    if rank_free:
        gone = cut(weight, mine | free, count, ties) & mine
    else:
        gone = cut(weight, mine, min(max(count - int(free.sum()), 0), int(mine.sum())), ties)
    return torch.where(gone, torch.zeros_like(owner), owner)


def units_at(units: int, width: float, widest: float) -> int:
    """Return how many of a layer's ``units`` exist at ``width``: max(1, round(units width / widest)), half to even."""
    return max(1, round(units * width / widest))


def reserve(owner: Tensor, units: int, read: int, units_read: int) -> Tensor:
    """Return the map with the free weights of missing units reserved (-1), those of existing ones free (0).

    Parameters
    ----------
    owner
        (N, m M, ...): rows are units, m columns read one unit.
    units
        Existing units of the N.
    read, units_read
        Existing units of the M that are read, and M.
    """
    there = torch.zeros_like(owner, dtype=torch.bool)
    there[:units, : read * (owner.shape[1] // units_read)] = True
    return torch.where(owner > 0, owner, torch.where(there, 0, -1).to(owner.dtype))


def visible(owner: Tensor, task: int) -> Tensor:
    """Return a bool mask of the weights that serve ``task``: those of it and of earlier tasks."""
    return (owner > 0) & (owner <= task + 1)


def owner_bits(tasks: int) -> int:
    """Return the bits a weight that tell its owner among ``tasks`` tasks, ceil(log2 T); a free weight is 0 itself."""
    return max(tasks - 1, 0).bit_length()
