"""Masks from latent values: the steps of Piggyback, XBM and their kin on plain tensors.

Every function takes a real-valued latent of any shape and returns a mask of that shape; gradients are straight-through.
Ties are named in each function. Shape letters: G groups, I row tiles, N outputs per group.
"""

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
