"""One-shot pruning before training: SNIP's cut over all layers at once, on plain tensors."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor


def keep_most_salient(
    saliency: Mapping[str, Tensor], sparsity: float, ties: Literal["position", "keep"] = "position"
) -> dict[str, Tensor]:
    """Return layer -> bool mask of the round((1 - sparsity) * n) largest scores over *all* layers (SNIP, eq. 6).

    Parameters
    ----------
    saliency
        Layer -> score >= 0 in the parameter's own shape; the layers' order counts for ties.
    sparsity
        Share of all n positions of all layers that goes. A layer may lose more than this share, or everything.
    ties
        "position": exactly that many stay; of equal scores the earlier layer, then the earlier flat position.
        "keep": every position not below the smallest score that stays (a threshold test, as common code does).
    """
    flat = torch.cat([score.flatten() for score in saliency.values()])
    count = round((1 - sparsity) * flat.numel())
    # one ranking over all layers, so that a layer may lose more than its share
    order = torch.argsort(flat, descending=True, stable=True)
    kept = torch.zeros_like(flat, dtype=torch.bool)
    kept[order[:count]] = True
    if ties == "keep" and count:
        kept = flat >= flat[order[count - 1]]
    parts = torch.split(kept, [score.numel() for score in saliency.values()])
    return {name: part.view_as(score) for (name, score), part in zip(saliency.items(), parts, strict=True)}
