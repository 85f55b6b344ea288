"""One mask update on plain tensors: drop the least important weights, grow others, as many.

Masks are bool in the parameter's own shape, True where the weight exists. "Flat position" is the row-major index.
"""

import torch
from torch import Tensor


def drop_count(active: int, fraction: float) -> int:
    """Return how many of ``active`` weights go at share ``fraction``: cut off, not rounded (google-research/rigl)."""
    return int(active * fraction + 1e-9)  # the guard: 0.3 * 10 must not fall to 2


def drop_smallest(mask: Tensor, score: Tensor, count: int) -> Tensor:
    """Return ``mask`` without the ``count`` active positions of smallest ``score``.

    Ties: of equal scores the later flat position goes first. Scores outside the mask are not looked at.
    """
    keep = max(int(mask.sum()) - count, 0)
    return _top(score, mask, keep)


def grow_largest(mask: Tensor, score: Tensor, count: int, candidates: Tensor | None = None) -> Tensor:
    """Return ``mask`` with the ``count`` inactive positions of largest ``score`` added.

    Ties: of equal scores the earlier flat position is taken first. ``candidates`` (bool, same shape) limits the choice,
    None: every inactive position. If there are fewer, all of them are taken.
    """
    free = ~mask if candidates is None else candidates & ~mask
    return mask | _top(score, free, min(count, int(free.sum())))


def grow_random(mask: Tensor, count: int, generator: torch.Generator, candidates: Tensor | None = None) -> Tensor:
    """Return ``mask`` with ``count`` inactive positions added, all equally likely; ``generator`` lives on the CPU."""
    free = ~mask if candidates is None else candidates & ~mask
    positions = torch.nonzero(free.flatten()).flatten()
    chosen = torch.randperm(len(positions), generator=generator)[:count].to(mask.device)
    grown = mask.flatten().clone()
    grown[positions[chosen]] = True
    return grown.view_as(mask)


def drop_by_sign(mask: Tensor, weight: Tensor, fraction: float) -> Tensor:
    """Return ``mask`` without the smallest positive and the largest negative weights, ``fraction`` of each.

    This is SET as first published (Mocanu et al., Nature Communications 2018): each sign is cut on its own, and an
    active weight of exactly 0, which is the nearest to 0 from both sides, goes too. Counts and ties as in
    :func:`drop_count` and :func:`drop_smallest`.
    """
    positive, negative = mask & (weight > 0), mask & (weight < 0)
    kept = [drop_smallest(side, weight.abs(), drop_count(int(side.sum()), fraction)) for side in (positive, negative)]
    return kept[0] | kept[1]


def rigl_step(
    weight: Tensor,
    mask: Tensor,
    gradient: Tensor,
    fraction: float,
    regrow_dropped: bool = True,
    keep_regrown: bool = False,
    zeros_tie: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return (weight, mask) after RigL's update of one layer (Evci et al., ICML 2020, algorithm 1).

    drop_count(active, fraction) weights of smallest |w| go, and as many positions of largest |gradient| come; new
    weights are 0 and so is everything outside the mask. Ties: the earlier flat position stays, and comes, first, as
    with the stable top-k of google-research/rigl.

    Parameters
    ----------
    weight, mask, gradient
        Same shape; ``gradient`` is dense: that of weights that do not exist is needed too.
    fraction
        f(t), see :class:`~imcsim.learn.sparse.schedules.DropSchedule`.
    regrow_dropped
        Whether a position dropped in this update may come back in it (paper and code: yes).
    keep_regrown
        Whether such a position keeps its weight instead of starting at 0 (the released code).
    zeros_tie
        Whether inactive positions take part in the drop, at score 0, so that an active weight of exactly 0 may lose its
        place to an earlier inactive position (the released code, which ranks the masked weights of the whole layer).
    """
    count = drop_count(int(mask.sum()), fraction)
    score = weight.abs().where(mask, weight.new_zeros(()))
    kept = (
        _top(score, torch.ones_like(mask), int(mask.sum()) - count) if zeros_tie else drop_smallest(mask, score, count)
    )
    grown = grow_largest(kept, gradient.abs(), count, None if regrow_dropped else ~mask)
    return new_weights(weight, mask if keep_regrown else mask & kept, grown), grown


def set_step(
    weight: Tensor, mask: Tensor, fraction: float, generator: torch.Generator, by_sign: bool = False
) -> tuple[Tensor, Tensor]:
    """Return (weight, mask) after SET's update of one layer: the smallest |w| go, as many random positions come at 0.

    ``by_sign`` uses :func:`drop_by_sign`. A dropped position may come back, at 0. Ties as in :func:`drop_smallest`.
    """
    active = int(mask.sum())
    count = drop_count(active, fraction)
    kept = drop_by_sign(mask, weight, fraction) if by_sign else drop_smallest(mask, weight.abs(), count)
    grown = grow_random(kept, active - int(kept.sum()), generator)
    return new_weights(weight, kept, grown), grown


def new_weights(weight: Tensor, known: Tensor, mask: Tensor) -> Tensor:
    """Return the weights inside both masks as they are, and 0 elsewhere."""
    return weight.where(known & mask, weight.new_zeros(()))


def _top(score: Tensor, among: Tensor, count: int) -> Tensor:
    """Return the ``count`` positions of largest score inside ``among``; the earlier flat position wins a tie."""
    flat, inside = score.detach().flatten(), torch.nonzero(among.flatten()).flatten()
    # only positions inside compete; the sort is stable, so that ties go by position
    order = torch.argsort(flat[inside], descending=True, stable=True)
    chosen = torch.zeros_like(flat, dtype=torch.bool)
    chosen[inside[order[:count]]] = True
    return chosen.view_as(among)
