"""Choosing the PEs that a task may re-program: the most critical ones, within a budget."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor


def choose_pes(scores: Mapping[str, Tensor], budget: float) -> dict[str, Tensor]:
    """Return layer -> bool (G, row tiles, column tiles): the PEs with the highest scores, in the whole network.

    Parameters
    ----------
    scores
        Layer -> (G, row tiles, column tiles), in order of execution; among equal scores the earlier PE is chosen first.
    budget
        Largest share of the PEs to choose: floor(``budget`` x PEs) of them.
    """
    total = sum(score.numel() for score in scores.values())
    count = math.floor(budget * total + 1e-9)  # 0.3 x 10 is 3, whatever floats make of it
    flat = torch.cat([score.detach().cpu().double().flatten() for score in scores.values()])
    chosen = torch.zeros(total, dtype=torch.bool)
    chosen[torch.argsort(flat, descending=True, stable=True)[:count]] = True
    parts = torch.split(chosen, [score.numel() for score in scores.values()])
    return {name: part.view(score.shape) for (name, score), part in zip(scores.items(), parts, strict=True)}
