"""Bit-line currents of arrays with wires.

Shapes: ... leading batch of arrays, K inputs, R rows, C columns.
"""

from numbers import Real
from typing import TYPE_CHECKING, TypeVar, Unpack

from imcsim.core.errors import CrossbarError
from imcsim.crossbar.wires.arrays import (
    Numbers,
    as_tensor,
    batched,
    check_device,
    checked_conductance,
    checked_inputs,
    given_back,
)
from imcsim.crossbar.wires.effective import reduce_array
from imcsim.crossbar.wires.iterative import CellCurrent, cell_voltages
from imcsim.crossbar.wires.lines import Ends, Wires

if TYPE_CHECKING:
    from torch import Tensor

Array = TypeVar("Array")

DEFAULT_TOLERANCE = 1e-10  # design choice: the bound that the direct way is held to


def solve_wires(
    g_s: Numbers,
    v: Array,
    r_wl_ohm: float,
    r_bl_ohm: float,
    *,
    gate: "Numbers | None" = None,
    cell_current: CellCurrent | None = None,
    tolerance: float | None = None,
    **ends: Unpack[Ends],
) -> Array:
    """Return the bit-line currents of arrays with wires, in A, positive for positive inputs.

    Linear cells without a gate are solved directly (keep :func:`effective_conductance` for inputs of several calls);
    else, or with a tolerance, by Newton's method and conjugate gradients, input by input. Differentiable in torch.

    Parameters
    ----------
    g_s
        Cell conductances (..., R, C) in S.
    v
        Row voltages (..., R), or (..., K, R) for K inputs to each array, in V; ... as in ``g_s``.
    r_wl_ohm, r_bl_ohm
        Resistance of one segment in ohm.
    gate
        Part of a cell's conductance that an input switches on: factors >= 0, of the shape of ``v`` or with C appended.
    cell_current
        Current of a cell, ``(u, g_s) -> i``: torch tensors of one shape, u the cell voltage in V, g_s the (gated)
        conductance in S, i in A; element by element, differentiable, not falling with u.
    tolerance
        Iterate until wires and inputs balance to this part of the inputs (2-norms); 1e-10 where iteration is needed.
    **ends
        ``r_src_ohm``, ``r_sns_ohm``, ``end_segments``, ``drive`` and ``sense``: see ``effective_conductance``.

    Returns
    -------
    Array
        Currents (..., C) or (..., K, C) in A, of the kind and dtype of ``v``.

    Raises
    ------
    CrossbarError
        For shapes that do not fit, values that are not physical, or a tolerance not reached.
    """
    cells = checked_conductance(g_s)
    inputs = checked_inputs(v, cells)
    number = isinstance(tolerance, Real) and not isinstance(tolerance, bool)
    if tolerance is not None and not (number and 1e-13 <= tolerance < 1):
        raise CrossbarError(f"tolerance must be at least 1e-13 and below 1, not {tolerance!r}")
    if cell_current is not None and not callable(cell_current):
        raise CrossbarError(f"cell_current must be a function (u, g_s) -> i, not {type(cell_current).__name__}")
    wires = Wires.of(r_wl_ohm, r_bl_ohm, ends)
    return given_back(_currents(cells, inputs, wires, gate, cell_current, tolerance), v)


def _currents(
    cells: "Tensor",
    inputs: "Tensor",
    wires: Wires,
    gate: "Numbers | None",
    cell_current: CellCurrent | None,
    tolerance: float | None,
) -> "Tensor":
    many = inputs.ndim == cells.ndim
    stacked = inputs if many else inputs.unsqueeze(-2)
    if gate is None and cell_current is None and tolerance is None:
        current = stacked @ reduce_array(batched(cells), wires).reshape(cells.shape)
    else:
        gated = _gated(cells, inputs, gate, many)
        law = cell_current or _ohm
        u = cell_voltages(stacked.unsqueeze(-1), gated, law, wires, tolerance or DEFAULT_TOLERANCE)
        current = law(u, gated).sum(-2)
    return current if many else current.squeeze(-2)


def _ohm(u: "Tensor", g_s: "Tensor") -> "Tensor":
    return u * g_s


def _gated(cells: "Tensor", inputs: "Tensor", gate: "Numbers | None", many: bool) -> "Tensor":
    """Return the conductances (..., K, R, C) that each input sees."""
    import torch

    each = cells.unsqueeze(-3)
    shape = (*inputs.shape, cells.shape[-1])
    if gate is None:
        return each.expand(*each.shape[:-3], inputs.shape[-2] if many else 1, *cells.shape[-2:])
    factors = as_tensor(gate, "gate")
    check_device(factors, cells, "gate")
    if tuple(factors.shape) not in (tuple(inputs.shape), shape):
        raise CrossbarError(f"gate must have shape {tuple(inputs.shape)} or {shape}, not {tuple(factors.shape)}")
    if not bool((torch.isfinite(factors) & (factors >= 0)).all()):
        raise CrossbarError("gate must hold finite factors of zero or more")
    per_cell = factors if tuple(factors.shape) == shape else factors.unsqueeze(-1)
    return each * (per_cell if many else per_cell.unsqueeze(-3))
