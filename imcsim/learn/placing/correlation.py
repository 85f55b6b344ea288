"""How strongly a gradient block correlates with the inputs of old tasks, one PE at a time.

Source: Hyb-Learn (DAC 2024, doi 10.1145/3649329.3657389) scores PEs by their correlation with earlier tasks; the
paper's formula is unknown to us, and this is our reading: the trust-region test of TRGP (ICLR 2022; code
LYang-666/TRGP), which projects a layer's gradient onto the span of old inputs, taken per PE. The subspace is that of
the PE's own slice of the input, not the PE's block of the layer-wide projector; the two rank PEs differently.

Shape letters: n vectors, G groups, D fan-in, N outputs per group, R rows of a PE, I row tiles, J column tiles, r rank.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from imcsim.learn.placing.pe_blocks import PeTile, column_sums
from imcsim.mapping.layer import LayerSpec

#: multiply-accumulates of a symmetric eigendecomposition with vectors, per R^3: 9 R^3 floating-point operations
#: (Golub and Van Loan, Matrix Computations, symmetric QR algorithm), two operations per multiply-accumulate
EIGEN_MACS_PER_CUBE = 4.5


def input_vectors(x: Tensor, spec: LayerSpec) -> Tensor:
    """Return the layer's input vectors (n, G, D): im2col of ``x`` (B, C, H, W), or ``x`` (B, ..., D) itself."""
    if spec.kind == "linear":
        return x.reshape(-1, 1, spec.fan_in)
    # im2col: a column is what the word lines see at one output place, channels of a group side by side
    columns = torch.nn.functional.unfold(
        x, spec.kernel, dilation=spec.dilation, padding=spec.padding, stride=spec.stride
    )
    return columns.transpose(1, 2).reshape(-1, spec.groups, spec.fan_in)


def row_grams(vectors: Tensor, rows: int) -> list[list[Tensor]]:
    """Return [G][I] Gram matrices X_i X_i^T (R, R), float64, of the row slices of ``vectors`` (n, G, D)."""
    slices = torch.split(vectors.double(), rows, dim=2)
    # each PE sees the inputs of its own rows alone: one Gram matrix for each group and slice of rows
    return [[part[:, g].T @ part[:, g] for part in slices] for g in range(vectors.shape[1])]


def basis(gram: Tensor, threshold: float, one_vector_fewer: bool = False) -> Tensor:
    """Return B (R, r): the fewest leading eigenvectors of ``gram`` that hold ``threshold`` of its trace.

    ``threshold`` is a share of sum(sigma^2); a zero Gram matrix gives r = 0. ``one_vector_fewer``: r - 1 of them, which
    hold less than the threshold and may be none (LYang-666/TRGP). Source: TRGP's input subspace.
    """
    vectors: Tensor
    values, vectors = torch.linalg.eigh(gram)
    # eigenvalues come rising: turned over, and added up, they tell what the leading directions hold
    energy = values.clamp(min=0).flip(0).cumsum(0)
    if energy[-1] <= 0:
        return vectors[:, :0]
    rank = int((energy < threshold * energy[-1] * (1 - 1e-12)).sum()) + (0 if one_vector_fewer else 1)
    return vectors.flip(1)[:, :rank].contiguous()


def correlation(gradient: Tensor, bases: Sequence[Sequence[Tensor]], tile: PeTile) -> Tensor:
    """Return (G, I, J): ||B_i B_i^T G_ij||_F / ||G_ij||_F in [0, 1], with D as the rows of G.

    A PE whose gradient is exactly 0 scores 1: the zero vector lies in every subspace, and freezing it loses nothing.

    Parameters
    ----------
    gradient
        (G, D, N), gradient of the new task's loss at the start of its training.
    bases
        [G][I] of (R, r) with orthonormal columns.
    tile
        (weight rows, weight columns) of a PE.
    """
    groups = []
    for group, row in zip(gradient.double(), bases, strict=True):
        blocks = torch.split(group, tile[0])
        groups.append(torch.stack([_row_scores(x, b.to(x), tile[1]) for x, b in zip(blocks, row, strict=True)]))
    return torch.stack(groups)


def _row_scores(block: Tensor, b: Tensor, width: int) -> Tensor:
    scale = block.abs().amax().clamp(min=torch.finfo(block.dtype).tiny)  # squares of tiny gradients underflow
    inside = column_sums((b.T @ (block / scale)).square().sum(0), width)
    whole = column_sums((block / scale).square().sum(0), width)
    ratio = torch.where(whole > 0, inside / whole.clamp(min=torch.finfo(block.dtype).tiny), 1.0)
    return ratio.clamp(0, 1).sqrt()


def gram_macs(spec: LayerSpec, rows: int, samples: int) -> int:
    """Return multiply-accumulates of bases: n R^2 for each Gram matrix, 4.5 R^3 for its eigendecomposition."""
    sizes = _row_sizes(spec, rows)
    n = samples * spec.positions
    return spec.groups * sum(n * size**2 + round(EIGEN_MACS_PER_CUBE * size**3) for size in sizes)


def projection_macs(spec: LayerSpec, bases: Sequence[Sequence[Tensor]]) -> int:
    """Return multiply-accumulates of one old task's scores: (R r + R + r) N for each row tile.

    R r N for B^T G, R N and r N for the two norms.
    """
    shapes = [b.shape for row in bases for b in row]
    return sum((size * rank + size + rank) * spec.outputs for size, rank in shapes)


def _row_sizes(spec: LayerSpec, rows: int) -> list[int]:
    return [min(rows, spec.fan_in - start) for start in range(0, spec.fan_in, rows)]
