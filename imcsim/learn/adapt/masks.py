"""Masks from latent values: the steps of Piggyback, XBM, XMA and their kin on plain tensors.

Every function takes a real-valued latent of any shape and returns a mask of that shape; gradients are straight-through.
Ties are named in each function. Shape letters: G groups, I row tiles, N outputs per group.
"""

import torch
from torch import Tensor

from imcsim.learn.adapt.adaptor import straight_through


def binary_mask(latent: Tensor, threshold: float) -> Tensor:
    """Return 1 where ``latent`` > ``threshold``, else 0; a latent equal to the threshold is off.

    The gradient is that of the identity. Source: Piggyback (Mallya et al., ECCV 2018, eq. 1 and section 3.1);
    arunmallya/piggyback@5a6094c src/modnets/layers.py (Binarizer).
    """
    return straight_through((latent > threshold).to(latent.dtype), latent)


def ternary_mask(latent: Tensor, threshold: float) -> Tensor:
    """Return 1 where ``latent`` > ``threshold``, -1 where it is < 0, else 0 (both bounds are 0 when met exactly).

    The gradient is that of the identity. Source: arunmallya/piggyback@5a6094c src/modnets/layers.py (Ternarizer).
    """
    hard = (latent > threshold).to(latent.dtype) - (latent < 0).to(latent.dtype)
    return straight_through(hard, latent)


def shift_mask(latent: Tensor, lowest: int, highest: int, zero: bool = False) -> Tensor:
    """Return the power of two next to |``latent``| on a logarithmic scale: 2^round(log2 |m|), within a set of levels.

    The gradient is that of |m|: sign(m), and 0 where m is exactly 0. Ties: a log2 half-way between two integers goes to
    the even one.

    Parameters
    ----------
    latent
        Real values of any sign; only their magnitude counts.
    lowest, highest
        Ends of the shifts; exponents beyond them are cut to them.
    zero
        Whether 0 is a level too: it takes what rounds below ``lowest``, which is cut to 2^lowest otherwise.

    Notes
    -----
    Source: XMA (DAC 2022) for masks of column segments that are shifts; the rounding, the levels and the gradient are
    our reading.
    """
    magnitude = latent.abs()
    exponent = torch.round(torch.log2(magnitude))  # -inf for 0, which every rule below takes as the lowest
    hard = torch.exp2(exponent.clamp(lowest, highest))
    if zero:
        hard = torch.where(exponent < lowest, torch.zeros_like(hard), hard)
    return straight_through(hard, magnitude)
