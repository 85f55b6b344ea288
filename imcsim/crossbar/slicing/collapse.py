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
    fan_in = w.shape[-2]
    if x.numel() == 0 or w.numel() == 0:
        return torch.matmul(x.to(torch.int64), w.to(torch.int64))
    largest = max(1, _peak(x) * _peak(w))
    terms = (_FLOAT32_EXACT - 1) // largest if float32_is_exact() else 0
    # Cutting the fan-in keeps sums below 2^24; below some hundred terms one product in float64 is faster.
    kind, pieces = (torch.float32, -(-fan_in // terms)) if terms >= min(fan_in, 128) else (torch.float64, 1)
    size = -(-fan_in // pieces)
    total = torch.zeros((), dtype=torch.int64, device=x.device)
    for k in range(0, fan_in, size):
        part = (x[..., k : k + size].to(kind) @ w[..., k : k + size, :].to(kind)).to(torch.int64)
        total = part if k == 0 else total.add_(part)
    return total


def _peak(codes: torch.Tensor) -> int:
    low, high = codes.aminmax()
    return max(-int(low), int(high))
