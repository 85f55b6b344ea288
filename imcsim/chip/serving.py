"""What is charged apart from training: deployment, one inference, one power-up; a task switch is in ``switching``.

Shape letters: F placement phases, L mapped layers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.pace import image_pace
from imcsim.chip.placed import Bank, Placed
from imcsim.chip.reads import image_reads
from imcsim.chip.reload import ReloadCharges
from imcsim.core.charge import Charge, Charges, Price

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Image:
    """What one image moves.

    Parameters
    ----------
    outputs
        Elements of all layers' outputs.
    fetched
        Input elements read from the buffer.
    crossed
        Elements x hops over links.
    """

    outputs: float
    fetched: float
    crossed: float


def moved_by(image: Image, chip: ChipConfig) -> Charges:
    """Return the charges (J) of activation functions, buffer and links."""
    said, bits, layers = "positions of one image", chip.input_bits, ("layers",)
    read, write = chip.buffer.read_price().also("input_bits"), chip.buffer.write_price().also("input_bits")
    hop = chip.link.energy_price().also(*chip.hop_values, "input_bits")
    return (
        Charge("activation", image.outputs, "elements", f"{said} x outputs", layers, chip.mac.vector_price()),
        Charge("buffer.read", image.fetched * bits, "bits", f"{said} x fan-in x input_bits", layers, read),
        Charge("buffer.write", image.outputs * bits, "bits", f"{said} x outputs x input_bits", layers, write),
        Charge(
            "link", image.crossed * bits, "bit hops", "the bits read and written x hops of their layer", layers, hop
        ),
    )


@dataclass(frozen=True)
class Served:
    """The charges apart from training, in J and, of ``inference_latency``, in s.

    ``deployed_events`` are programming events of the deployment, in the memory that keeps its weights.
    """

    deployment: Charges
    deployed_events: int
    power_up: Charges
    inference: Charges
    inference_latency: Charges


def served(placed: Placed, again: ReloadCharges) -> Served:
    """Return what is charged apart from training; ``again`` is what weights that take turns are."""
    taken = (*image_pace(placed), *again.image_latency)
    return Served(*deployment(placed), power_up(placed), (*inference(placed), *again.image_energy), taken)


_ALL = "all weights x weight_bits"


def deployment(placed: Placed) -> tuple[Charges, int]:
    """Return the charges (J) of the first programming, and its events in the memory that keeps its weights.

    Level-0 cells need no event. Without such a memory the initial codes come from DRAM.
    """
    bank = placed.nonvolatile
    if bank is None:
        return _all_loaded(placed.home, placed.chip), 0
    table = np.sum(bank.profile.initial_transitions, axis=0) * bank.copies
    each, events = bank.sheet.write.also("input_gradient"), int(table.sum())
    said = "cells that the first codes put on another level than 0"
    amount = np.where(np.asarray(each.value) > 0, table, 0.0)[None] if np.ndim(each.value) else float(events)
    leaf = bank.sheet.write_leaf
    first = Charge(leaf, amount, "programming events", said, ("codes",), each)
    fixed = bank.memory.fixed_cells(bank.site, bank.grid)
    if fixed is None:
        return (first,), events
    count = int(fixed[0].sum()) * bank.copies
    said, own = "cells beside the weights that are programmed once", fixed[1].also("input_gradient")
    beside = Charge(leaf, float(count), "programming events", said, ("layers",), own)
    return (first, beside), events + count


def inference(placed: Placed) -> Charges:
    """Return the charges (J) of one image after the last task: arrays, activation functions, buffer, links."""
    positions, (fetched, crossing) = placed.positions, placed.moved
    moves = Image(
        float(positions @ placed.sides[1]), float(positions @ fetched), float(positions * crossing @ placed.hops)
    )  # fmt: skip
    return (*image_reads(placed), *moved_by(moves, placed.chip))


def power_up(placed: Placed) -> Charges:
    """Return the charges (J) of one power-up: weights that nothing keeps (a hybrid's residents, too) come from DRAM."""
    if placed.nonvolatile is None:
        return _all_loaded(placed.home, placed.chip)
    bits, cells = resident_load(placed)
    away, said = placed.volatile, ("resident_layers", "layers")
    if away is None or not cells:
        nothing, kept = Price(0.0, "nothing to charge"), f"{placed.home.name.upper()} keeps all weights without power"
        name = "sram" if away is None else away.name
        return tuple(Charge(leaf, 0.0, "cells", kept, (), nothing) for leaf in ("dram_read", f"{name}_reload"))
    write = away.sheet.write
    return (
        Charge("dram_read", bits, "bits", "weights x weight_bits of residents", said, placed.chip.dram.energy_price()),
        Charge(f"{away.name}_reload", cells, "cell writes", "cells of residents", said, write),
    )


def resident_load(placed: Placed) -> tuple[float, float]:
    """Return the bits from DRAM, and the cells, of the residents that a hybrid loads at a power-up."""
    bank, trace = placed.volatile, placed.trace
    if not placed.hybrid or bank is None or not trace.meta.resident_layers:
        return 0.0, 0.0
    layers = np.isin(bank.grid.layer, [trace.layer_index[name] for name in trace.meta.resident_layers])
    unit = bank.layout.unit
    mine = np.isin(unit, unit[layers])  # and what shares a placement unit with them
    weights = _weights(bank, mine)
    return weights * placed.chip.weight_bits, float(bank.grid.cells[mine].sum()) * bank.copies


def _all_loaded(bank: Bank, chip: ChipConfig) -> Charges:
    bits = _weights(bank, np.ones(bank.grid.count, dtype=bool)) * chip.weight_bits
    cells, write = float(bank.grid.cells.sum()) * bank.copies, bank.sheet.write
    leaf, layers = bank.sheet.write_leaf, ("layers",)
    return (
        Charge("dram_read", bits, "bits", _ALL, layers, chip.dram.energy_price()),
        Charge(leaf, cells, "cell writes", "cells of all PEs and copies", layers, write),
    )


def _weights(bank: Bank, chosen: NDArray[np.bool_]) -> float:
    """Weights of the PEs ``chosen`` (P,); those of copies that share vectors count once."""
    weights = bank.grid.weights[chosen]
    return float(weights.sum() if bank.share is None else weights @ bank.share[chosen])
