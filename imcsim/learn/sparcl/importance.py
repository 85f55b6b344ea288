"""SparCL's steps on plain tensors: importance of weights and gradients, pruning, regrowth, the gradient mask.

Source: SparCL (NeurIPS 2022), sections on task-aware dynamic masking (TDM) and dynamic gradient masking (DGM), and the
released code neu-spiral/SparCL. All tensors have the parameter's own shape; masks are bool, True inside.
"""

import math

import torch
from torch import Tensor


def gradient_importance(current: Tensor, buffer: Tensor | None, alpha: float, beta: float) -> Tensor:
    """Return CGI = alpha * |dL~(D_t)/dw| + beta * |dL(M)/dw| (SparCL, continual gradient importance).

    Parameters
    ----------
    current
        Gradient of the current task's loss, masked to the task's classes.
    buffer
        Gradient of the replay loss; None before anything is replayed.
    alpha, beta
        Weights of the two terms.
    """
    importance = alpha * current.abs()
    return importance if buffer is None else importance + beta * buffer.abs()


def weight_importance(weight: Tensor, current: Tensor, buffer: Tensor | None, alpha: float, beta: float) -> Tensor:
    """Return CWI = |w| + alpha * |dL~(D_t)/dw| + beta * |dL(M)/dw| (SparCL, continual weight importance)."""
    return weight.abs() + gradient_importance(current, buffer, alpha, beta)


def above_percentile(importance: Tensor, share: float, keep_equal: bool = False) -> Tensor:
    """Return True strictly above the ``share`` quantile (linear interpolation) over all positions.

    The quantile lies between the order statistics k = floor(share * (n - 1)) and k + 1, so "strictly above" is
    "greater than order statistic k". Without ties that keeps n - 1 - k positions, at most one more than
    (1 - share) * n; entries tied with order statistic k all go, so with ties fewer may stay. ``share`` = 0 keeps all.
    Source: neu-spiral/SparCL and boone891214/MEST prune at numpy's percentile in this way.

    ``keep_equal`` keeps what equals the quantile, too: where share * (n - 1) is a whole number k, order statistic k and
    all that tie with it; elsewhere whatever is not below order statistic k + 1.

    Raises
    ------
    ValueError
        If ``share`` is outside [0, 1).
    """
    if not 0 <= share < 1:
        raise ValueError(f"share must be in [0, 1), got {share}")
    if share == 0:
        return torch.ones_like(importance, dtype=torch.bool)
    flat = importance.flatten()
    exact = share * (flat.numel() - 1)
    if keep_equal:
        return importance >= flat.kthvalue(math.ceil(exact - 1e-9) + 1).values
    rank = int(exact + 1e-9)  # the guard: 0.9 * 10 must not fall to 8
    return importance > flat.kthvalue(rank + 1).values


def prune(mask: Tensor, importance: Tensor, sparsity: float) -> Tensor:
    """Return the mask without its least important positions, so that at most 1 - sparsity stay.

    Positions outside ``mask`` count as importance 0: the percentile is taken over the dense shape. An active position
    of importance 0 therefore goes with them.
    """
    return mask & above_percentile(_inside(importance, mask), sparsity)


def grow(mask: Tensor, sparsity: float, generator: torch.Generator, truncate: bool = False) -> Tensor:
    """Return the mask with random inactive positions added until :func:`active_target` positions are active.

    Every inactive position is as likely, those just pruned included. The caller's new weights are 0 because weights
    outside the mask are kept at 0. A mask at or above the target is returned as it is. ``generator`` lives on the CPU.
    """
    missing = active_target(mask.numel(), sparsity, truncate) - int(mask.sum())
    if missing <= 0:
        return mask
    grown = mask.flatten().clone()
    inactive = torch.nonzero(~grown).flatten()
    chosen = torch.randperm(len(inactive), generator=generator)[:missing].to(mask.device)
    grown[inactive[chosen]] = True
    return grown.view_as(mask)


def random_mask(like: Tensor, sparsity: float, generator: torch.Generator) -> Tensor:
    """Return a random mask of the shape of ``like`` with round((1 - sparsity) * n) active positions."""
    return grow(torch.zeros_like(like, dtype=torch.bool), sparsity, generator)


def active_target(count: int, sparsity: float, truncate: bool = False) -> int:
    """Return how many of ``count`` weights are active at ``sparsity``: (1 - sparsity) * count, rounded half to even.

    ``truncate`` cuts the fraction off instead (boone891214/MEST).
    """
    exact = (1 - sparsity) * count
    return int(exact + 1e-9) if truncate else round(exact)


def gradient_mask(importance: Tensor, active: Tensor, gradient_sparsity: float, keep_equal: bool = False) -> Tensor:
    """Return the positions to update: active and in the top (1 - gradient_sparsity) of all positions of the layer.

    The share is of the dense shape: at weight sparsity 0.75, gradient sparsity 0.80 updates 80 % of the active weights.
    ``keep_equal``: entries equal to the percentile stay, as in neu-spiral/SparCL (n = 576, q = 0.8: 116, not 115).
    """
    return active & above_percentile(_inside(importance, active), gradient_sparsity, keep_equal)


def _inside(importance: Tensor, mask: Tensor) -> Tensor:
    """Return 0 outside the mask, also where no gradient exists: nan times 0 would be nan."""
    return importance.where(mask, importance.new_zeros(()))
