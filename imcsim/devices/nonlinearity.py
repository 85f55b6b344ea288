"""Non-linear conduction: the current of a cell whose voltage is not the read voltage.

A filament with a gap conducts as sinh(V / V0): Stanford-PKU model, ``I = I0 exp(-gap / g0) sinh(V / V0)`` with V0 =
0.25 V, and the data-driven model, ``I = a g sinh(b V)`` with b = 3 / V, as PyPI memtorch-cpu 1.1.6 has them in
memtorch/bh/memristor/Stanford_PKU.py and Data_Driven.py. Here it is scaled so that a cell of conductance G carries
G V_read at the read voltage, where conductances are measured (design choice):

    I(V) = G V_read sinh(V / V0) / sinh(V_read / V0)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError
from imcsim.devices.rram import RramCell

_LINEAR_BELOW = 1e-8  # sinh(x) / x - 1 = x^2 / 6 is then no digit of a float64
_MOST_DAC_BITS = 16  # design choice: no converter of an array has more, and the table stays small


def cell_current_a(voltage_v: Any, conductance_s: Any, cell: RramCell) -> Any:
    """Return the current (A) of cells: odd and rising in the voltage, and G V_read at the read voltage.

    Takes numpy arrays, numbers or torch tensors, and is differentiable in torch. As the law of cells with wires:
    ``solve_wires(..., cell_current=lambda u, g: cell_current_a(u, g, cell))``.

    Parameters
    ----------
    voltage_v
        Voltage across each cell (V), any shape.
    conductance_s
        Conductance of each cell at the read voltage (S), a shape that broadcasts with it.
    cell
        Its ``nonlinearity_v`` and ``read_voltage_v`` count; without the former the cell is linear.
    """
    v0 = cell.nonlinearity_v
    if v0 is None or cell.read_voltage_v < _LINEAR_BELOW * v0:
        return conductance_s * voltage_v
    return conductance_s * (cell.read_voltage_v * (_sinh(voltage_v / v0) / float(np.sinh(cell.read_voltage_v / v0))))


def input_values(dac_bits: int, cell: RramCell) -> NDArray[np.float64]:
    """Return what each code of a DAC contributes to a product, in units of one code, shape (2**dac_bits,).

    Code c drives V_read c / (2^b - 1); a linear cell answers with c, a non-linear one with less between 0 and full
    scale, both of which are exact. With one bit there is nothing between: the cell's law has no effect.

    Raises
    ------
    ConfigError
        For ``dac_bits`` outside 1..16.
    """
    if not 1 <= dac_bits <= _MOST_DAC_BITS:
        raise ConfigError(f"dac_bits must lie in 1..{_MOST_DAC_BITS}, got {dac_bits}")
    codes = np.arange(1 << dac_bits, dtype=np.float64)
    current = cell_current_a(cell.read_voltage_v * (codes / codes[-1]), 1.0, cell)
    return codes if cell.nonlinearity_v is None else np.asarray(current / current[-1] * codes[-1], dtype=np.float64)


def _sinh(values: Any) -> Any:
    return values.sinh() if hasattr(values, "sinh") else np.sinh(values)  # torch tensors bring their own
