"""Which code a cell gets: pure functions of the stored codes and the master copies, any shape.

A code step is ``scale`` in the master copy's unit; ``steps`` is 1 / scale rounded to float32, as everywhere
(:func:`imcsim.crossbar.quantise.weight_codes`). A master copy of exactly 0 is stored as 0 at once: masks close a weight
so, whatever the rule.
"""

import torch
from torch import Tensor


def distance(codes: Tensor, weight: Tensor, scale: float, steps: float) -> Tensor:
    """Return how far ``weight`` is from its stored ``codes``, in code steps: exactly 0 for weight = code x scale."""
    return (weight - codes * scale) * steps


def level_aware(codes: Tensor, weight: Tensor, nearest: Tensor, grid: tuple[float, float], threshold: float) -> Tensor:
    """Return the codes after writing the cells whose master copy is at least ``threshold`` code steps away.

    A write stores the nearest code; the others keep theirs, so that a weight at a rounding boundary does not toggle.
    With ``threshold`` 0.5 this is nearest rounding. A tie is written: exactly ``threshold`` away, to the nearest code;
    half-way between two codes, to the even one.

    Source: the programming rule of mixed-precision in-memory training, where changes accumulate in a digital copy until
    they reach a device's granularity (Nandakumar et al., Front. Neurosci. 14:406, 2020, doi 10.3389/fnins.2020.00406).
    There the truncated number of steps is written; we store the nearest code.

    Parameters
    ----------
    codes, nearest
        Stored codes and the codes nearest to ``weight``, floats with integer values.
    grid
        (scale, steps).
    """
    if threshold == 0.5:  # a float distance just below half a step must not undo what rounding has decided
        return nearest
    far = distance(codes, weight, *grid).abs() >= threshold
    return torch.where(far | (weight == 0), nearest, codes)


def stochastic(codes: Tensor, weight: Tensor, grid: tuple[float, float], limit: int, uniform: Tensor) -> Tensor:
    """Return the codes after a change that is rounded at random, so that their mean is the master copy.

    With d the distance in code steps, the code moves by floor(d + u), u uniform in [0, 1): up with probability
    frac(d), and never where d is whole. Codes end at -limit .. limit.

    Source: stochastic rounding, Gupta et al., ICML 2015 (arXiv 1502.02551), there of a weight after its update.

    Parameters
    ----------
    uniform
        u, of the weight's shape.
    """
    moved = (codes + torch.floor(distance(codes, weight, *grid) + uniform)).clamp_(-limit, limit)
    return torch.where(weight == 0, torch.zeros_like(moved), moved)
