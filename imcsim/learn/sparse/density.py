"""How a network's density is spread over its layers: uniform, Erdos-Renyi (ER), or with kernels (ERK)."""

from collections.abc import Sequence
from math import floor, prod
from typing import Literal

Distribution = Literal["uniform", "er", "erk"]
Shape = tuple[int, ...]


def layer_densities(
    shapes: Sequence[Shape], sparsity: float, distribution: Distribution, floor_zeros: bool = False
) -> list[float]:
    """Return the density of each layer so that the layers together have ``sparsity``.

    Parameters
    ----------
    shapes
        Weight shapes: (out, in, kh, kw) of a convolution, (out, in) of a linear layer.
    sparsity
        Of all weights of these layers together, 0 <= sparsity < 1.
    distribution
        "uniform": the same in each. "er": see :func:`er_densities`; "erk": see :func:`erk_densities`.
    floor_zeros
        See :func:`erk_densities`; uniform densities do not depend on it.
    """
    if distribution == "uniform":
        return [1 - sparsity] * len(shapes)
    return (erk_densities if distribution == "erk" else er_densities)(shapes, sparsity, floor_zeros)


def erk_densities(shapes: Sequence[Shape], sparsity: float, floor_zeros: bool = False) -> list[float]:
    """Return ERK's densities: eps * (n_in + n_out + kh + kw) / (n_in n_out kh kw), at most 1.

    eps is solved for the global target. Where a layer would pass 1 the densest is made dense (all that share the
    largest value), and eps is solved anew over the others. Source: Evci et al., ICML 2020, section 3;
    google-research/rigl sparse_utils.py.

    Parameters
    ----------
    shapes, sparsity
        As in :func:`layer_densities`.
    floor_zeros
        Whether the target has floor(sparsity * n) zeros for each layer of n weights, as the released code counts them,
        instead of sparsity * n: the target is then up to one weight a layer denser.
    """
    return _spread(shapes, sparsity, [sum(shape) / prod(shape) for shape in shapes], floor_zeros)


def er_densities(shapes: Sequence[Shape], sparsity: float, floor_zeros: bool = False) -> list[float]:
    """Return ER's densities: as :func:`erk_densities`, but eps * (n_in + n_out) / (n_in n_out), whatever the kernel.

    Source: Mocanu et al., Nature Communications 2018; google-research/rigl (ERK without its kernel terms).
    """
    return _spread(shapes, sparsity, [sum(shape[:2]) / prod(shape[:2]) for shape in shapes], floor_zeros)


def floored_sparsity(count: int, sparsity: float) -> float:
    """Return the share of zeros of ``count`` weights of which floor(``sparsity`` * ``count``) are 0."""
    return floor(sparsity * count) / count


def _spread(shapes: Sequence[Shape], sparsity: float, raw: Sequence[float], floor_zeros: bool) -> list[float]:
    sizes, dense = [prod(shape) for shape in shapes], [False] * len(shapes)
    if floor_zeros:
        target: float = sum(size - floor(sparsity * size) for size in sizes)
    else:
        target = (1 - sparsity) * sum(sizes)
    while not all(dense):
        left = target - sum(size for size, full in zip(sizes, dense, strict=True) if full)
        scale = left / sum(size * r for size, r, full in zip(sizes, raw, dense, strict=True) if not full)
        largest = max(r for r, full in zip(raw, dense, strict=True) if not full)
        if scale * largest <= 1:
            return [1.0 if full else scale * r for r, full in zip(raw, dense, strict=True)]
        dense = [full or r == largest for r, full in zip(raw, dense, strict=True)]
    return [1.0] * len(shapes)
