"""The compiled form of the merge; where it is not available, the torch form does the same."""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from imcsim.crossbar.compiled import compiled_library
from imcsim.crossbar.wires.lines import Line

if TYPE_CHECKING:
    from torch import Tensor

_SOURCE = Path(__file__).with_name("merge.c")


def native_available() -> bool:
    """Whether the compiled form can be used here; builds it at the first call."""
    return compiled_library(_SOURCE) is not None


def reduce_native(g_s: "Tensor", word: Line, bit: Line, threads: int) -> "Tensor":
    """Return what :func:`imcsim.crossbar.wires.merge.reduce_blocks` does; sizes are multiples of 4.

    Parameters
    ----------
    g_s
        Cell conductances (B, R, C) in S, float64 on the CPU, contiguous, rows counted from the sense end.
    word, bit
        The lines, with C and R nodes.
    threads
        Among how many threads the B arrays are shared.
    """
    import torch

    out = torch.empty_like(g_s)
    count = max(1, min(threads, g_s.shape[0]))
    with ThreadPoolExecutor(count) as pool:
        parts = zip(g_s.tensor_split(count), out.tensor_split(count), strict=True)
        failed = list(pool.map(lambda part: _call(part[0], part[1], word, bit), parts))
    if any(failed):
        raise MemoryError(f"not enough memory to reduce arrays of {g_s.shape[-2]} x {g_s.shape[-1]} cells")
    return out


def _call(g_s: "Tensor", out: "Tensor", word: Line, bit: Line) -> int:
    def vector(values: list[float]) -> "ctypes.Array[ctypes.c_double]":
        return (ctypes.c_double * len(values))(*values)

    def end(near_s: float) -> ctypes.c_double:
        return ctypes.c_double(0.0 if near_s == float("inf") else near_s)

    library = compiled_library(_SOURCE)
    assert library is not None  # noqa: S101 - native_available says so
    status: int = library.imcsim_reduce(
        *g_s.shape,
        ctypes.c_void_p(g_s.data_ptr()),
        *(vector(values) for values in (word.far_s, word.cell_behind, bit.far_s, bit.cell_behind)),
        end(word.near_s),
        end(bit.near_s),
        int(word.two_sided),
        int(bit.two_sided),
        ctypes.c_void_p(out.data_ptr()),
    )
    return status
