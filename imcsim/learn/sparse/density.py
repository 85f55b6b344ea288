"""How a network's density is spread over its layers: uniform, or Erdos-Renyi-Kernel (ERK)."""

from collections.abc import Sequence
from math import prod
from typing import Literal

Distribution = Literal["uniform", "erk"]
Shape = tuple[int, ...]


def layer_densities(shapes: Sequence[Shape], sparsity: float, distribution: Distribution) -> list[float]:
    """Return the density of each layer so that the layers together have ``sparsity``.

    Parameters
    ----------
    shapes
        Weight shapes: (out, in, kh, kw) of a convolution, (out, in) of a linear layer.
    sparsity
        Of all weights of these layers together, 0 <= sparsity < 1.
    distribution
        "uniform": the same in each. "erk": proportional to (n_in + n_out + kh + kw) / (n_in n_out kh kw).
    """
    return erk_densities(shapes, sparsity) if distribution == "erk" else [1 - sparsity] * len(shapes)


def erk_densities(shapes: Sequence[Shape], sparsity: float) -> list[float]:
    """Return ERK's densities: eps * sum(shape) / prod(shape), at most 1, eps solved for the global target.

    Where a layer would pass 1 the densest is made dense (all that share the largest value), and eps is solved anew over
    the others. Source: Evci et al., ICML 2020, section 3; google-research/rigl sparse_utils.py.
    """
    sizes, raw = [prod(shape) for shape in shapes], [sum(shape) / prod(shape) for shape in shapes]
    target, dense = (1 - sparsity) * sum(sizes), [False] * len(shapes)
    while not all(dense):
        left = target - sum(size for size, full in zip(sizes, dense, strict=True) if full)
        scale = left / sum(size * r for size, r, full in zip(sizes, raw, dense, strict=True) if not full)
        largest = max(r for r, full in zip(raw, dense, strict=True) if not full)
        if scale * largest <= 1:
            return [1.0 if full else scale * r for r, full in zip(raw, dense, strict=True)]
        dense = [full or r == largest for r, full in zip(raw, dense, strict=True)]
    return [1.0] * len(shapes)
