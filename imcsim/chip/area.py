"""Area of the chip, with the share that no weight uses named (m2)."""

import numpy as np

from imcsim.chip.assign import Assignment
from imcsim.chip.config import ChipConfig, RramPart, SramPart
from imcsim.chip.gradients import scratch_pes
from imcsim.chip.multiplex import held_pes
from imcsim.chip.profile import PeGrid, profile_of
from imcsim.core.cost import Breakdown
from imcsim.trace.trace import Trace


def area(trace: Trace, chip: ChipConfig, where: Assignment) -> Breakdown:
    """Area tree: rram, sram (used PEs by component), buffer, digital, unused (whole PEs, cells in used PEs)."""
    tree: dict[str, dict[str, float]] = {}
    unused: dict[str, float] = {}
    grid = profile_of(trace, chip.geometry).grid
    copies = 2 if chip.input_gradient == "second-copy" else 1
    if chip.rram is not None:
        used = grid.count * copies
        _add_pes(tree, unused, "rram", rram_pe_area(chip, chip.rram), chip.rram.pe_count, used)
        _move_empty_cells(tree, unused, "rram", chip, chip.rram.cell.area_m2, grid, np.arange(grid.count), copies)
    if chip.sram is not None and chip.sram_geometry is not None:
        busiest = int(where.in_sram.sum(axis=1).argmax())
        chosen = np.flatnonzero(where.in_sram[busiest])
        chosen = chosen[: held_pes(len(chosen) * copies, chip) // copies]
        used = len(chosen) * copies + scratch_pes(trace, chip)
        _add_pes(tree, unused, "sram", sram_pe_area(chip, chip.sram), max(chip.sram.pe_count, used), used)
        sram_grid = profile_of(trace, chip.sram_geometry).grid
        _move_empty_cells(tree, unused, "sram", chip, chip.sram.cell.area_m2, sram_grid, chosen, copies)
    return Breakdown.of({**tree, "buffer": chip.buffer.area_m2, "digital": chip.mac.area_m2, "unused": unused})


def rram_pe_area(chip: ChipConfig, part: RramPart) -> dict[str, float]:
    """Area of one RRAM PE by component (m2)."""
    adcs = -(-chip.array.cols // part.columns_per_adc)
    parts = {
        "cells": chip.array.rows * chip.array.cols * part.cell.area_m2,
        "adc": adcs * part.adc.area_m2(part.adc_bits),
        "driver": chip.driver.area_m2(chip.array.rows),
        "shift_add": adcs * chip.shift_add.area_m2,
    }
    if chip.input_gradient == "transposable":
        parts["transpose_driver"] = chip.driver.area_m2(chip.array.cols)
    return parts


def sram_pe_area(chip: ChipConfig, part: SramPart) -> dict[str, float]:
    """Area of one SRAM PE by component (m2); a transposable one has a second set of trees on its rows."""
    trees = -(-chip.array.cols // part.columns_per_tree)
    parts = {
        "cells": chip.array.rows * chip.array.cols * part.cell.area_m2,
        "adder_tree": trees * part.adder_tree.area_m2(chip.array.rows, chip.dac_bits),
        "driver": chip.driver.area_m2(chip.array.rows),
        "shift_add": trees * chip.shift_add.area_m2,
    }
    geometry = chip.sram_geometry
    if chip.input_gradient == "transposable" and geometry is not None:
        rows = -(-chip.array.rows // part.columns_per_tree)
        parts["transpose_tree"] = rows * part.adder_tree.area_m2(geometry.weight_cols, chip.dac_bits)
        parts["transpose_driver"] = chip.driver.area_m2(chip.array.cols)
    return parts


def _add_pes(
    tree: dict[str, dict[str, float]],
    unused: dict[str, float],
    kind: str,
    pe: dict[str, float],
    available: int,
    used: int,
) -> None:
    tree[kind] = {name: value * used for name, value in pe.items()}
    unused[f"{kind}_pes"] = sum(pe.values()) * (available - used)


def _move_empty_cells(
    tree: dict[str, dict[str, float]],
    unused: dict[str, float],
    kind: str,
    chip: ChipConfig,
    cell_m2: float,
    grid: PeGrid,
    pes: np.ndarray[tuple[int], np.dtype[np.int64]],
    copies: int,
) -> None:
    per_pe = chip.array.rows * chip.array.cols
    empty = float((per_pe - grid.cells[pes]).sum()) * cell_m2 * copies
    tree[kind]["cells"] -= empty
    unused[f"{kind}_cells"] = empty
