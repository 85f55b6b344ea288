"""Numpy or torch in, the same out; inside, float64 tensors.

Shapes: ... leading batch, B the same flattened, R rows, C columns.
"""

from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from imcsim.core.errors import CrossbarError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from torch import Tensor

Numbers: TypeAlias = "ArrayLike | Tensor"
Array = TypeVar("Array")


def as_tensor(values: object, name: str) -> "Tensor":
    """Return ``values`` as a float64 tensor; ``name`` is what an error calls it."""
    import numpy as np
    import torch

    if not isinstance(values, torch.Tensor):
        if isinstance(values, np.ma.MaskedArray):
            raise CrossbarError(f"{name} must be a plain array, not a masked one; fill its gaps first")
        try:
            array = np.asarray(values)
        except ValueError:
            raise CrossbarError(f"{name} must hold rows of one length") from None
        if array.dtype.kind not in "fiub":
            raise CrossbarError(f"{name} must hold real numbers, not {array.dtype}")
        return torch.from_numpy(np.array(array, dtype=np.float64))
    if values.is_complex():
        raise CrossbarError(f"{name} must hold real numbers, not {values.dtype}")
    elif values.is_meta or values.layout != torch.strided:
        kind = "on the meta device" if values.is_meta else f"of layout {values.layout}"
        raise CrossbarError(f"{name} must be a dense tensor that holds its numbers, not one {kind}")
    return values.to(torch.float64)


def check_device(tensor: "Tensor", cells: "Tensor", name: str) -> None:
    """Refuse a tensor that is not where the cells are."""
    if tensor.device != cells.device:
        raise CrossbarError(f"{name} must be on {cells.device}, where g_s is, not on {tensor.device}")


def given_back(result: "Tensor", like: Array) -> Array:
    """Return a tensor in the kind and dtype of what the caller gave; whole numbers become float64."""
    import numpy as np
    import torch

    if isinstance(like, torch.Tensor):
        return cast(Array, result.to(like.dtype) if like.is_floating_point() else result)
    dtype = np.asarray(like).dtype
    return cast(Array, result.detach().numpy().astype(dtype if dtype.kind == "f" else np.float64, copy=False))


def checked_conductance(g_s: object) -> "Tensor":
    """Return cell conductances as a float64 tensor (..., R, C), refused if they are not conductances."""
    import torch

    tensor = as_tensor(g_s, "g_s")
    if tensor.ndim < 2 or 0 in tensor.shape[-2:]:
        raise CrossbarError(f"g_s must have shape (..., R, C) with R and C of one or more, not {tuple(tensor.shape)}")
    if tensor.numel() and not bool((torch.isfinite(tensor) & (tensor >= 0)).all()):
        worst = tensor[~(torch.isfinite(tensor) & (tensor >= 0))][0].item()
        raise CrossbarError(f"g_s must hold finite conductances of zero or more, not {worst:g} S")
    return tensor


def checked_inputs(v: object, cells: "Tensor") -> "Tensor":
    """Return row voltages as a float64 tensor (..., R) or (..., K, R), refused if they do not fit ``cells``."""
    inputs = as_tensor(v, "v")
    check_device(inputs, cells, "v")
    lead, rows = tuple(cells.shape[:-2]), cells.shape[-2]
    shape = tuple(inputs.shape)
    fits = shape == (*lead, rows) or (len(shape) == len(lead) + 2 and shape[:-2] == lead and shape[-1] == rows)
    if not fits:
        one, many = (*lead, rows), ", ".join(map(str, (*lead, "K", rows)))
        raise CrossbarError(f"v must have shape {one} or ({many}) to fit g_s {tuple(cells.shape)}, not {shape}")
    if not bool(inputs.isfinite().all()):
        raise CrossbarError("v must hold finite voltages")
    return inputs


def batched(tensor: "Tensor") -> "Tensor":
    """Return (..., R, C) as (B, R, C)."""
    return tensor.reshape(-1, *tensor.shape[-2:])
