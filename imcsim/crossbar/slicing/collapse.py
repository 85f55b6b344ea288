"""A plain product of integer codes, exact: what a bit-sliced product is when no conversion clips or rounds."""

import torch

_FLOAT32_EXACT = 1 << 24


def float32_is_exact() -> bool:
    """Tell whether float32 products run in full precision: not where the user allowed TF32 or bfloat16."""
    return torch.get_float32_matmul_precision() == "highest"


def float_type(largest_sum: float) -> torch.dtype:
    """Return the narrowest float type in which sums of integers up to ``largest_sum`` are exact."""
    return torch.float32 if largest_sum < _FLOAT32_EXACT and float32_is_exact() else torch.float64


def exact_product(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Return x @ w, int64, of integer codes x (..., M, D) and w (..., D, N) of at most 17 bits each."""
    if x.numel() == 0 or w.numel() == 0:
        return torch.matmul(x.to(torch.int64), w.to(torch.int64))
    plan = exact_plan(x, -1, peak(w)) if x.numel() < w.numel() else exact_plan(w, -2, peak(x))
    return planned_product(x, w, *plan)


def exact_plan(codes: torch.Tensor, axis: int, other_peak: int) -> tuple[torch.dtype, int]:
    """Return the float type and the number of pieces of the fan-in in which a product is exact.

    ``codes`` are one operand, its fan-in along ``axis``; the other's magnitudes are at most ``other_peak``.
    """
    fan_in = codes.shape[axis]
    exact = (_FLOAT32_EXACT - 1) if float32_is_exact() else 0
    terms = exact // max(1, peak(codes) * other_peak)
    if terms >= fan_in or float(codes.to(torch.float64).abs().sum(dim=axis).max()) * other_peak <= exact:
        return torch.float32, 1
    # Cutting the fan-in keeps sums below 2^24; below some hundred terms one product in float64 is faster.
    return (torch.float32, -(-fan_in // terms)) if terms >= 128 else (torch.float64, 1)


def planned_product(x: torch.Tensor, w: torch.Tensor, kind: torch.dtype, pieces: int) -> torch.Tensor:
    """Return x @ w, int64, summed in ``kind`` over ``pieces`` of the fan-in."""
    fan_in = w.shape[-2]
    size = -(-fan_in // pieces)
    total = torch.zeros((), dtype=torch.int64, device=x.device)
    for k in range(0, fan_in, size):
        part = (x[..., k : k + size].to(kind) @ w[..., k : k + size, :].to(kind)).to(torch.int64)
        total = part if k == 0 else total.add_(part)
    return total


def peak(codes: torch.Tensor) -> int:
    """Return the largest magnitude."""
    low, high = codes.aminmax()
    return max(-int(low), int(high))
