"""Integer codes in and out: numpy or torch, checked against the range that the configuration can hold."""

from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError

Codes: TypeAlias = NDArray[np.integer] | torch.Tensor
_WIDE_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)


def as_tensor(codes: Codes, name: str) -> torch.Tensor:
    """Return integer ``codes`` as a tensor of a signed type or uint8.

    Raises
    ------
    ConfigError
        If ``codes`` are not an array or tensor of integers, or do not fit in int64.
    """
    if isinstance(codes, np.ma.MaskedArray):
        raise ConfigError(f"{name} must be a plain numpy array, given a masked one; fill its gaps first")
    if isinstance(codes, torch.Tensor) and codes.layout != torch.strided:
        raise ConfigError(f"{name} must be a dense tensor, given one of layout {codes.layout}")
    if isinstance(codes, np.ndarray) and codes.dtype.kind in "iu":
        native = codes.astype(codes.dtype.newbyteorder("="), copy=False)
        # A copy where torch would warn or refuse: read-only memory, negative strides.
        tensor = torch.from_numpy(np.require(native, requirements=["C", "W"]))
    elif isinstance(codes, torch.Tensor) and not (codes.is_floating_point() or codes.is_complex()):
        tensor = codes
    else:
        raise ConfigError(f"{name} must be a numpy array or torch tensor of integers, given {_kind(codes)}")
    if tensor.dtype == torch.bool:
        raise ConfigError(f"{name} must be a numpy array or torch tensor of integers, given {_kind(codes)}")
    if tensor.dtype not in _WIDE_UNSIGNED:
        return tensor
    wide = tensor.to(torch.int64)
    if tensor.dtype == torch.uint64 and bool((wide < 0).any()):
        raise ConfigError(f"{name} must fit in int64, given uint64 codes of 2^63 or more")
    return wide


def check_range(codes: torch.Tensor, allowed: tuple[int, int], name: str) -> tuple[int, int]:
    """Return the smallest and the largest of ``codes``.

    Raises
    ------
    ConfigError
        If one lies outside ``allowed``.
    """
    if codes.numel() == 0:
        return 0, 0
    if codes.is_meta:
        raise ConfigError(f"{name} is on the meta device, where tensors hold no numbers")
    low, high = (int(end) for end in codes.aminmax())
    if low < allowed[0] or high > allowed[1]:
        raise ConfigError(f"{name} must hold codes in {allowed[0]}..{allowed[1]}, given {low}..{high}")
    return low, high


def like(result: torch.Tensor, codes: Codes) -> Codes:
    """Return ``result`` as numpy where ``codes`` are numpy, as a tensor otherwise."""
    return result.numpy() if isinstance(codes, np.ndarray) else result


def _kind(codes: object) -> str:
    kind = type(codes).__name__
    return f"{kind} of {codes.dtype}" if isinstance(codes, np.ndarray | torch.Tensor) else kind
