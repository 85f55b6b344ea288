"""Power that flows while nothing switches: the cells of memories that leak, and the buffer."""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank, Placed
from imcsim.core.charge import Charge, Charges, Price

Floats = NDArray[np.float64]

_COUNTED = ("forward_vectors", "input_gradient_vectors", "weight_gradient_vectors", "optimizer_steps")


def leakage(placed: Placed, seconds: Floats) -> Charges:
    """Return the charges (J) below ``leakage`` of phases that last ``seconds`` (F,)."""
    chip = placed.chip
    each = chip.buffer.leakage_price()
    watts = Price(chip.buffer.leakage_w, f"{each.formula}, x bits", each.origins)
    said = "training time of all tasks, see docs/accounting.md, section 7"
    found = [Charge("leakage.buffer", seconds, "seconds", said, _COUNTED, watts)]
    for bank in placed.banks:
        if (cell := bank.sheet.leakage) is not None:
            own = ("array.rows", "array.cols", "power_gate_unused", f"{bank.at}.pe_count", "weight_gradient")
            said = f"cells of powered {bank.name.upper()} PEs x training time, docs/accounting.md, section 7"
            amount = _powered_cells(placed, bank) * seconds
            fields = (*_COUNTED, "placement")
            found.append(Charge(f"leakage.{bank.name}", amount, "cell seconds", said, fields, cell.also(*own)))
    return tuple(found)


def leakage_w(placed: Placed) -> Floats:
    """(F,) watts that flow all through a phase, whatever is done in it."""
    return np.asarray(sum(charge.by_phase for charge in leakage(placed, np.ones(placed.phases))), dtype=np.float64)


def retention_w(placed: Placed) -> float:
    """Watts that keep the weights alive between tasks.

    A chip whose weights are committed to a memory that keeps them can be switched off; another cannot.
    """
    bank = placed.volatile
    if bank is None or (placed.nonvolatile is not None and placed.chip.commit == "task"):
        return 0.0
    cell = bank.sheet.leakage
    return 0.0 if cell is None else float(bank.held_pes[-1]) * bank.site.cells * float(cell.value)


def _powered_cells(placed: Placed, bank: Bank) -> Floats:
    """(F,) cells that leak; unused PEs do unless they are power-gated."""
    powered = bank.held_pes.astype(np.float64)
    if bank.memory.volatile:
        powered = powered + placed.scratch_pes
    if not placed.chip.power_gate_unused:
        powered = np.maximum(powered, bank.memory.pe_count)
    return powered * float(bank.site.cells)
