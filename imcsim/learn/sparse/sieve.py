"""SpFDE's two savings on plain values: circular data sieving, and layers frozen from the front.

Source: SpFDE, "Layer Freezing & Data Sieving", NeurIPS 2022. The released repository holds no code, so numbers that the
paper's description leaves open are design choices, named as such.
"""

import torch
from torch import Tensor


def split_samples(count: int, used_share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return (used, removed) sample numbers, int64: round(used_share * count) drawn at random, ascending, and the rest.

    The removed ones are in random order: the queue from which :func:`sieve` takes.
    """
    order = torch.randperm(count, generator=generator)
    used = round(used_share * count)
    return order[:used].sort().values, order[used:]


def sieve(
    used: Tensor, removed: Tensor, scores: Tensor, swap: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return (used, removed) after the ``swap`` least-forgotten used samples changed places with the longest removed.

    Parameters
    ----------
    used, removed
        Sample numbers, int64; ``removed`` is a queue: its head has waited longest and comes back first, so that every
        sample is used again (circular).
    scores
        How often each sample of the task was forgotten since the last sieving, int64 (n,).
    swap
        How many change places; at most as many as there are on either side.
    generator
        Breaks ties between equal scores at random, on the CPU.
    """
    swap = min(swap, len(used), len(removed))
    shuffled = used[torch.randperm(len(used), generator=generator)]
    # the least forgotten samples leave: they are learned; shuffling first breaks ties by chance
    order = torch.argsort(scores[shuffled], stable=True)
    leaving, staying = shuffled[order[:swap]], shuffled[order[swap:]]
    return torch.cat([staying, removed[:swap]]).sort().values, torch.cat([removed[swap:], leaving])


def frozen_front(epoch: int, epochs: int, start: int, most: int) -> int:
    """Return how many layers, counted from the front, are frozen in ``epoch``.

    None before epoch ``start``, ``most`` in the last epoch, in between equal steps, rounded down (design choice).
    """
    if epoch < start or epochs <= start:
        return 0
    return most * (epoch - start + 1) // (epochs - start)
