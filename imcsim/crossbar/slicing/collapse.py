"""A plain product of integer codes, exact: what a bit-sliced product is when no conversion clips or rounds.

Shape letters: M vectors, D fan-in, N outputs.
"""

from dataclasses import dataclass

import torch

_FLOAT32_EXACT = 1 << 24


def float32_is_exact() -> bool:
    """Tell whether float32 products run in full precision: not where the user allowed TF32 or bfloat16."""
    try:
        return torch.get_float32_matmul_precision() == "highest"
    except RuntimeError:  # torch's newer switches were used, and the older ones no longer tell
        return False


def float_type(largest_sum: float) -> torch.dtype:
    """Return the narrowest float type in which sums of integers up to ``largest_sum`` are exact."""
    return torch.float32 if largest_sum < _FLOAT32_EXACT and float32_is_exact() else torch.float64


@dataclass(frozen=True, eq=False)
class PlainMatrix:
    """Weight codes (D, N) as float32, and what tells in which type, in how many pieces, products with them are exact.

    ``peak`` is their largest magnitude, ``column_sum`` a bound of the magnitudes summed over a column.
    """

    floats: torch.Tensor
    peak: int
    column_sum: float

    @classmethod
    def of(cls, w: torch.Tensor, w_peak: int, x_peak: int) -> "PlainMatrix":
        """Return codes of at most 17 bits, to be multiplied with inputs up to ``x_peak``."""
        bound = float(w_peak * len(w))
        if bound * x_peak >= _FLOAT32_EXACT:
            bound = float(w.to(torch.float64).abs().sum(dim=0).max())
        return cls(w.to(torch.float32), w_peak, bound)

    def plan(self, x_peak: int) -> tuple[torch.dtype, int]:
        """Return the float type and the number of pieces of the fan-in in which a product is exact."""
        exact = (_FLOAT32_EXACT - 1) if float32_is_exact() else 0
        if self.column_sum * x_peak <= exact:
            return torch.float32, 1
        terms = exact // max(1, self.peak * x_peak)
        # Cutting the fan-in keeps sums below 2^24; below some hundred terms one product in float64 is faster.
        return (torch.float32, -(-len(self.floats) // terms)) if terms >= 128 else (torch.float64, 1)

    def product(self, x: torch.Tensor, x_peak: int, rows: torch.Tensor | None = None) -> torch.Tensor:
        """Return x @ w, int64, of input codes (..., D) up to ``x_peak``; of these rows only, if given."""
        kind, pieces = self.plan(x_peak)
        w = self.floats
        if rows is not None:
            x, w = x[..., rows], w[rows]
        size = -(-len(w) // pieces)
        total = torch.zeros((), dtype=torch.int64, device=x.device)
        for k in range(0, len(w), size):
            part = (x[..., k : k + size].to(kind) @ w[k : k + size].to(kind)).to(torch.int64)
            total = part if k == 0 else total.add_(part)
        return total


def exact_product(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return x @ w, int64, of integer codes x (M, D) and w (D, N) of at most 17 bits each."""
    if x.numel() == 0 or w.numel() == 0:
        return torch.zeros(len(x), w.shape[1], dtype=torch.int64, device=x.device)
    return PlainMatrix.of(w, peak(w), peak(x)).product(x, peak(x))


def peak(codes: torch.Tensor) -> int:
    """Return the largest magnitude."""
    low, high = codes.aminmax()
    return max(-int(low), int(high))
