"""An array of linear cells and its wires are one matrix: its effective conductance.

Shapes: ... leading batch, R rows, C columns.
"""

from typing import TYPE_CHECKING, TypeVar

from imcsim.crossbar.wires.arrays import batched, checked_conductance, given_back
from imcsim.crossbar.wires.lines import Drive, Line, Sense, Wires
from imcsim.crossbar.wires.merge import reduce_blocks
from imcsim.crossbar.wires.native import native_available, reduce_native
from imcsim.crossbar.wires.shared_line import reduce_shared_bit_lines, reduce_shared_word_lines

if TYPE_CHECKING:
    from torch import Tensor

Array = TypeVar("Array")


def effective_conductance(
    g_s: Array,
    r_wl_ohm: float,
    r_bl_ohm: float,
    *,
    r_src_ohm: float = 0.0,
    r_sns_ohm: float = 0.0,
    end_segments: bool = True,
    drive: Drive = "left",
    sense: Sense = "bottom",
) -> Array:
    """Return the matrix that gives the bit-line currents of an array with wires: ``i = v @ effective``.

    Exact (direct) for linear cells. Word lines are driven from the left (column 0); bit lines end in a virtual ground
    at the bottom (row R - 1); the other ends are open unless ``drive`` or ``sense`` is ``"both"``, which connects both
    ends, with one input voltage and the summed current. Computed in float64; float32 in gives float32 out.

    Parameters
    ----------
    g_s
        Cell conductances (..., R, C) in S, zero or more; a numpy array or a torch tensor, float32 or float64.
    r_wl_ohm, r_bl_ohm
        Resistance of one word-line or bit-line segment in ohm; 0 makes the line one node.
    r_src_ohm, r_sns_ohm
        Series resistance of each driver and each sense end in ohm.
    end_segments
        Whether a segment lies between terminal and nearest cell, too.
    drive
        ``"left"`` or ``"both"``.
    sense
        ``"bottom"`` or ``"both"``.

    Returns
    -------
    Array
        Effective conductances (..., R, C) in S, of the kind, dtype and device of ``g_s``. Differentiable in torch.

    Raises
    ------
    CrossbarError
        For a negative resistance or conductance, fewer than two axes, an empty array, or an unknown end.
    """
    wires = Wires(r_wl_ohm, r_bl_ohm, r_src_ohm, r_sns_ohm, end_segments, drive, sense)
    tensor = checked_conductance(g_s)
    effective = reduce_array(batched(tensor), wires)
    return given_back(effective.reshape(tensor.shape), g_s)


def reduce_array(g_s: "Tensor", wires: Wires) -> "Tensor":
    """Return the effective conductance of a float64 tensor (B, R, C), by the way that suits its wires."""
    rows, cols = g_s.shape[-2:]
    if wires.r_wl_ohm == 0 or cols == 1:
        return reduce_shared_word_lines(g_s, wires)
    if wires.r_bl_ohm == 0 or rows == 1:
        return reduce_shared_bit_lines(g_s, wires)
    return _reduce_wired(g_s, wires)


def _reduce_wired(g_s: "Tensor", wires: Wires) -> "Tensor":
    import torch

    native = g_s.device.type == "cpu" and not g_s.requires_grad and native_available()
    rows, cols = (_padded(size, native) for size in g_s.shape[-2:])
    word, bit = wires.word_line(g_s.shape[-1], cols), wires.bit_line(g_s.shape[-2], rows)
    grid = _spread(_spread(g_s.flip(-2), rows, -2), cols, -1)
    effective = _reduce(grid.contiguous(), word, bit, torch.get_num_threads() if native else 0)
    return _gathered(_gathered(effective, g_s.shape[-2], -2), g_s.shape[-1], -1).flip(-2)


def _reduce(grid: "Tensor", word: Line, bit: Line, threads: int) -> "Tensor":
    return reduce_native(grid, word, bit, threads) if threads else reduce_blocks(grid, word, bit)


def _padded(size: int, native: bool) -> int:
    """Return the next size that the merge likes: a multiple of 4, or a power of two times 1, 3, 5 or 7."""
    if native:
        return -(-size // 4) * 4
    factor = 1 << max(0, (size - 1).bit_length() - 3)
    return -(-size // factor) * factor


def _spread(grid: "Tensor", size: int, axis: int) -> "Tensor":
    """Put open cells before the last one along ``axis``."""
    import torch

    missing = size - grid.shape[axis]
    if not missing:
        return grid
    shape = list(grid.shape)
    shape[axis] = missing
    last = grid.shape[axis] - 1
    return torch.cat([grid.narrow(axis, 0, last), grid.new_zeros(shape), grid.narrow(axis, last, 1)], axis)


def _gathered(grid: "Tensor", size: int, axis: int) -> "Tensor":
    """Undo :func:`_spread`."""
    import torch

    if grid.shape[axis] == size:
        return grid
    return torch.cat([grid.narrow(axis, 0, size - 1), grid.narrow(axis, grid.shape[axis] - 1, 1)], axis)
