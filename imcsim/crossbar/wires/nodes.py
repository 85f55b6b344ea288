"""Voltages along the lines of an array: what each cell sees at its word line and at its bit line.

Shapes: ... leading batch of arrays, K inputs, R rows, C columns.
"""

from typing import TYPE_CHECKING, TypeVar, Unpack

from imcsim.crossbar.wires.arrays import Numbers, checked_conductance, checked_inputs, given_back
from imcsim.crossbar.wires.iterative import cell_voltages, resistance_of
from imcsim.crossbar.wires.lines import Ends, Wires

if TYPE_CHECKING:
    pass

Array = TypeVar("Array")

_TOLERANCE = 1e-12  # design choice: bit lines lie at a small part of the inputs, and theirs is the part that counts


def node_voltages(
    g_s: Numbers, v: Array, r_wl_ohm: float, r_bl_ohm: float, **ends: Unpack[Ends]
) -> tuple[Array, Array]:
    """Return the voltages of the word-line and of the bit-line node at each cell, in V.

    For linear cells, by the iterative way of :func:`imcsim.crossbar.solve_wires`: with the cell currents known, the
    voltages of a line follow from its resistances. Their difference is the voltage across each cell.

    Parameters
    ----------
    g_s
        Cell conductances (..., R, C) in S.
    v
        Row voltages (..., R), or (..., K, R) for K inputs to each array, in V; ... as in ``g_s``.
    r_wl_ohm, r_bl_ohm
        Resistance of one word-line or bit-line segment in ohm.
    **ends
        ``r_src_ohm``, ``r_sns_ohm``, ``end_segments``, ``drive`` and ``sense``: see ``effective_conductance``.

    Returns
    -------
    tuple of Array
        Word-line and bit-line voltages, each (..., R, C) or (..., K, R, C) in V, of the kind and dtype of ``v``.

    Raises
    ------
    CrossbarError
        As :func:`imcsim.crossbar.solve_wires`.
    """
    cells = checked_conductance(g_s)
    inputs = checked_inputs(v, cells)
    many = inputs.ndim == cells.ndim
    driven = (inputs if many else inputs.unsqueeze(-2)).unsqueeze(-1)
    each = cells.unsqueeze(-3).expand(*driven.shape[:-2], *cells.shape[-2:])
    wires = Wires.of(r_wl_ohm, r_bl_ohm, ends)
    current = each * cell_voltages(driven, each, lambda u, g: u * g, wires, _TOLERANCE)
    lost = resistance_of(wires, each)
    word, bit = driven - current @ lost.word, lost.bit @ current
    if not many:
        word, bit = word.squeeze(-3), bit.squeeze(-3)
    return given_back(word, v), given_back(bit, v)
