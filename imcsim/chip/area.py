"""Area of the chip, with the share that no weight uses named (m2)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank, Placed
from imcsim.core.charge import Charge, Charges
from imcsim.memory.memory import Piece

_FIELDS = ("layers", "placement")


def area(placed: Placed) -> Charges:
    """Return the charges: PEs in use by memory and component, buffer, digital unit, and what no weight uses."""
    used, unused = list[Charge](), list[Charge]()
    for bank in placed.banks:
        pieces, scratch = bank.sheet.area, placed.scratch_pes if bank.memory.volatile else 0
        chosen, held = _in_use(bank)
        pes = held * bank.copies + scratch
        cells = int(bank.grid.cells[chosen].sum()) * bank.copies
        available = max(bank.memory.pe_count, pes) if bank.memory.volatile else bank.memory.pe_count
        own = (f"{bank.at}.pe_count", "input_gradient", "oversize", "weight_gradient")
        used += _used(bank, pieces, pes, cells + scratch * bank.site.cells, own)
        unused += _unused(
            bank, pieces, (pes, available), pes * bank.site.cells - cells - scratch * bank.site.cells, own
        )
    buffer, unit = placed.chip.buffer, placed.chip.mac
    return (
        *used,
        Charge("buffer", float(buffer.size_bits), "bits", "8 x size_bytes", (), buffer.area_price()),
        Charge("digital", 1.0, "unit", "one on the chip", (), unit.area_price()),
        *unused,
    )


def _in_use(bank: Bank) -> tuple[NDArray[np.bool_], int]:
    """(P,) that hold weights at once, in the phase with the most PEs, and how many PEs of one copy those are."""
    if not bank.memory.volatile:
        return np.ones(bank.grid.count, dtype=bool), bank.layout.pe_count
    pe, most = bank.layout.pe, int(bank.held_pes.argmax())
    chosen = bank.holds[most]
    held = np.unique(pe[chosen])[: int(bank.held_pes[most]) // bank.copies]
    return chosen & np.isin(pe, held), len(held)


def _used(bank: Bank, pieces: Mapping[str, Piece], pes: int, cells: int, own: tuple[str, ...]) -> Charges:
    held = "cells that hold a weight, or activations for weight gradients, in the task with the most PEs"
    said = held if bank.memory.volatile else "cells that hold a weight"
    found = []
    for name, piece in pieces.items():
        amount, how = (cells, said) if name == "cells" else (piece.count * pes, f"{pes} used PEs x {piece.count}")
        found.append(Charge(f"{bank.name}.{name}", float(amount), piece.of, how, _FIELDS, piece.each.also(*own)))
    return tuple(found)


def _unused(bank: Bank, pieces: Mapping[str, Piece], pes: tuple[int, int], empty: int, own: tuple[str, ...]) -> Charges:
    idle = pes[1] - pes[0]
    whole = tuple(
        Charge(
            f"unused.{bank.name}_pes", float(piece.count * idle), piece.of,
            f"{idle} PEs that are not used x {piece.count}", _FIELDS, piece.each.also(*own),
        )
        for piece in pieces.values()
    )  # fmt: skip
    said, each = "cells of used PEs that hold nothing", pieces["cells"].each.also(*own)
    return (*whole, Charge(f"unused.{bank.name}_cells", float(empty), "cells", said, _FIELDS, each))
