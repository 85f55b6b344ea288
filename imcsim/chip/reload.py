"""A network larger than the chip's only memory, time-multiplexed: what every pass through it reloads from DRAM.

All PEs but one keep their tiles; the others take turns in the last one, each loaded once per pass. No order of
loading saves more than one load a pass (L. A. Belady, IBM Systems Journal 5 (1966) 78: for a cyclic sequence the page
needed latest is the one to give up). Shape letters: F placement phases, P PEs of the network, L mapped layers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.layout import Layout
from imcsim.chip.placed import Placed
from imcsim.core.charge import Charge, Charges, under
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.macro import Macro

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FIELDS = ("optimizer_steps", "input_gradient_vectors", "scoring_forward_vectors")
_TRAINING = "of the PEs without a place of their own, at each pass forward and, where errors go, back"
_BACK = "weights x weight_bits of those PEs that train, at each step"


@dataclass(frozen=True)
class Reloads:
    """What does not stay on the chip.

    Parameters
    ----------
    loads, back
        (F, P) times that each PE is loaded in training; times that its codes go back to DRAM.
    image
        (1, P) times that it is loaded for one image, which has a pass of its own.
    """

    macro: Macro
    grid: PeGrid
    loads: Ints
    back: Ints
    image: Ints

    @property
    def events(self) -> Ints:
        """(F,) cell writes."""
        return np.asarray(self.loads @ self.grid.cells, dtype=np.int64)


@dataclass(frozen=True)
class ReloadCharges:
    """The charges of ``reload``, in J and s: of training, and of one image."""

    energy: Charges = ()
    latency: Charges = ()
    image_energy: Charges = ()
    image_latency: Charges = ()


def reloads(placed: Placed) -> tuple[Reloads | None, ReloadCharges]:
    """Return what does not stay on the chip, None if everything does, and what that is charged.

    In training a batch passes a PE before the next is loaded: each step loads every PE without a place once forward,
    and once backward if errors pass its layer; scoring counts as one step. Codes that a step may have changed go back
    to DRAM.
    """
    bank = placed.volatile
    if placed.chip.oversize != "multiplex" or bank is None:
        return None, ReloadCharges()
    moving = taking_turns(bank.layout, placed.chip) * bank.copies
    if not moving.any():
        return None, ReloadCharges()
    forward, backward = passes(placed)
    loads = (forward[:, None] + backward[:, bank.grid.layer]) * moving
    steps = placed.trace.task_counts["optimizer_steps"][:, None]
    again = Reloads(bank.macro, bank.grid, loads, bank.trains * (moving > 0) * steps, moving[None])
    return again, ReloadCharges(*_training(placed, again), *_image(placed, again))


def _training(placed: Placed, again: Reloads) -> tuple[Charges, Charges]:
    energy = under("reload", load_energy(again.macro, again.grid, placed.chip, again.loads, _TRAINING, _FIELDS))
    time = load_time(again.macro, again.grid, placed.chip, again.loads, _TRAINING, _FIELDS)
    bits = _bits(again.grid, placed.chip, again.back)
    fields, own = ("optimizer_steps", "placement"), _own(again.macro)
    written = Charge("reload.dram_write", bits, "bits", _BACK, fields, placed.chip.dram.energy_price().also(*own))
    took = Charge("reload", bits, "bits", _BACK, fields, placed.chip.dram.time_price().also(*own))
    return (*energy, written), (*time, took)


def _image(placed: Placed, again: Reloads) -> tuple[Charges, Charges]:
    said = "of PEs without a place of their own"
    energy = load_energy(again.macro, again.grid, placed.chip, again.image, said, ("layers",))
    return under("reload", energy), load_time(again.macro, again.grid, placed.chip, again.image, said, ("layers",))


def passes(placed: Placed) -> tuple[Ints, Ints]:
    """Return passes through the network forward (F,), and back through each layer (F, L); scoring is one each."""
    counts, steps = placed.trace.counts, placed.trace.task_counts["optimizer_steps"]
    scored = (counts["scoring_forward_vectors"] > 0).any(axis=1)
    back = (counts["input_gradient_vectors"] > 0) * steps[:, None] + (counts["scoring_input_gradient_vectors"] > 0)
    return steps + scored, np.asarray(back, dtype=np.int64)


def taking_turns(layout: Layout, chip: ChipConfig) -> NDArray[np.bool_]:
    """(P,): which PEs have no place of their own: none on a chip that has room or refuses."""
    macro, count = chip.volatile, layout.pe_count
    room = count if chip.oversize == "refuse" or macro is None else macro.room
    return np.asarray(layout.pe >= (count if count <= room else max(room - 1, 0)))


def load_energy(
    macro: Macro, grid: PeGrid, chip: ChipConfig, loads: Ints, said: str, fields: tuple[str, ...]
) -> Charges:
    """Return the charges (J) of ``loads`` (F, P): codes from DRAM, every cell written."""
    own, cell = _own(macro), macro.sheet.write
    bits, cells = _bits(grid, chip, loads), np.asarray(loads @ grid.cells, dtype=np.float64)
    leaf = macro.sheet.write_leaf
    from_dram = chip.dram.energy_price().also(*own)
    return (
        Charge("dram_read", bits, "bits", f"weights x weight_bits {said}", fields, from_dram),
        Charge(leaf, cells, "cell writes", f"cells {said}", fields, cell.also(*own)),
    )


def load_time(macro: Macro, grid: PeGrid, chip: ChipConfig, loads: Ints, said: str, fields: tuple[str, ...]) -> Charges:
    """Return the charges (s) of ``loads`` (F, P): codes at DRAM's bandwidth, then row after row; nothing overlaps."""
    own, row = _own(macro), macro.sheet.row_write
    bits, rows = _bits(grid, chip, loads), np.asarray(loads @ grid.rows, dtype=np.float64)
    moving = chip.dram.time_price().also(*own)
    return (
        Charge("reload", bits, "bits", f"weights x weight_bits {said}", fields, moving),
        Charge("reload", rows, "row writes", f"rows {said}, one after the other", fields, row.also(*own)),
    )


def _bits(grid: PeGrid, chip: ChipConfig, loads: Ints) -> Floats:
    """(F,): bits of the weight codes of ``loads`` (F, P)."""
    return np.asarray(loads @ grid.weights * float(chip.weight_bits), dtype=np.float64)


def _own(macro: Macro) -> tuple[str, ...]:
    return ("oversize", f"{macro.site.at}.pe_count", "weight_bits", "input_gradient")
