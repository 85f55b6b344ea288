"""How much a weight matters: scores on plain tensors, in the parameter's own shape; a larger score stays."""

from torch import Tensor


def magnitude(weight: Tensor) -> Tensor:
    """Return |w|: the score of SET and RigL (Evci et al., ICML 2020, algorithm 1)."""
    return weight.abs()


def mest_importance(weight: Tensor, gradient: Tensor, active: Tensor, gradient_weight: float) -> Tensor:
    """Return |w| + lambda * |g| inside ``active`` and 0 outside (MEST, NeurIPS 2021; boone891214/MEST).

    Parameters
    ----------
    weight, gradient
        Float, same shape. Gradients of weights that do not exist are never looked at: no dense gradient is needed.
    active
        Bool, same shape: weights that exist.
    gradient_weight
        lambda >= 0; 0 leaves the magnitude (default of the released code).
    """
    return (weight.abs() + gradient_weight * gradient.abs()).where(active, weight.new_zeros(()))


def connection_saliency(weight: Tensor, gradient: Tensor) -> Tensor:
    """Return |g * w|: SNIP's connection sensitivity but for its norm, which changes no order (ICLR 2019, eq. 5)."""
    return (weight * gradient).abs()
