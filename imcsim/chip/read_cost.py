"""Energy and time of one vector through one PE, forward and transposed, in RRAM and in SRAM.

Shape letters: T tasks, P PEs, L layers, K cells per weight, b bits. Formulas with their sources: docs/accounting.md.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig, RramPart, SramPart
from imcsim.chip.profile import PeGrid
from imcsim.core.cost import Breakdown
from imcsim.mapping.geometry import PeGeometry

Floats = NDArray[np.float64]
Components = dict[str, Floats]  # component -> (T, P), joules for one vector through each PE


class ArrayState(Protocol):
    """What a read of RRAM arrays depends on: a trace's profile, or a map with codes."""

    @property
    def grid(self) -> PeGrid:
        """Shapes of the PEs."""

    @property
    def geometry(self) -> PeGeometry:
        """The PE."""

    @property
    def level_sums(self) -> NDArray[np.int64] | Floats:
        """(T + 1, P): sum of cell levels of each PE at each commit."""


@dataclass(frozen=True)
class Activity:
    """How busy the lines of a vector are, (T, L).

    ``drives`` expected line switches per line and vector, summed over phases; ``power`` the same weighted by the
    squared digit, as the read current's energy is; ``phases`` read cycles per vector.
    """

    drives: Floats
    power: Floats
    phases: int


def activity(density: Floats, dac_bits: int) -> Activity:
    """Group bit planes (T, L, b), least significant first, into phases of ``dac_bits``; bits taken as independent."""
    bits = density.shape[2]
    phases = -(-bits // dac_bits)
    drives = np.zeros(density.shape[:2])
    power = np.zeros(density.shape[:2])
    for phase in range(phases):
        part = density[:, :, phase * dac_bits : (phase + 1) * dac_bits]
        weight = 2.0 ** np.arange(part.shape[2])
        mean = part @ weight
        variance = (part * (1 - part)) @ weight**2
        drives += 1 - np.prod(1 - part, axis=2)
        power += (mean**2 + variance) / (weight.sum() ** 2)
    return Activity(drives, power, phases)


def conductance_sums(state: ArrayState, part: RramPart, *, after: bool = False) -> Floats:
    """Sum of the cell conductances of each PE, (T, P) in siemens.

    A task is read with the codes at its start: those that stand in frozen PEs all task long, and from which PEs that
    train in place depart. ``after``: with the codes at its end, which serve once the task is learned.
    """
    cell, levels = part.cell, state.geometry.encoding.level_count
    step = (cell.conductance_max_s - cell.conductance_min_s) / (levels - 1)
    sums = state.level_sums[1:] if after else state.level_sums[:-1]
    return state.grid.cells * cell.conductance_min_s + sums * step


def rram_forward(
    state: ArrayState, chip: ChipConfig, part: RramPart, busy: Activity, *, after: bool = False
) -> Components:
    """Joules for one input vector through each PE read as an RRAM array, by component.

    ``after``: of the codes at the end of each task, as :func:`conductance_sums`.
    """
    grid = state.grid
    drives, power = busy.drives[:, grid.layer], busy.power[:, grid.layer]
    conductance = conductance_sums(state, part, after=after)
    conversions = grid.cols * busy.phases
    return {
        "driver": grid.rows * drives * chip.driver.energy_j(chip.array.cols, chip.supply_v, chip.dac_bits),
        "cells": power * conductance * part.cell.read_voltage_v**2 * part.cell.read_time_s,
        "adc": conversions * _conversion_j(part, chip, conductance * drives / grid.cols, busy),
        "shift_add": _spread(conversions * chip.shift_add.energy_j, drives),
        "accumulate": _spread(_accumulations(grid) * chip.shift_add.energy_j, drives),
    }


def sram_forward(grid: PeGrid, chip: ChipConfig, part: SramPart, busy: Activity) -> Components:
    """Joules for one input vector through each PE read as a digital SRAM array, by component."""
    drives = busy.drives[:, grid.layer]
    evaluations = grid.cols * busy.phases
    return {
        "driver": grid.rows * drives * chip.driver.energy_j(chip.array.cols, chip.supply_v, chip.dac_bits),
        "adder_tree": _spread(evaluations * _tree_energies_j(part, grid.rows, chip.dac_bits), drives),
        "shift_add": _spread(evaluations * chip.shift_add.energy_j, drives),
        "accumulate": _spread(_accumulations(grid) * chip.shift_add.energy_j, drives),
    }


def rram_transposed(state: ArrayState, chip: ChipConfig, part: RramPart, busy: Activity) -> Components:
    """Joules for one error vector through each RRAM PE read the other way.

    Columns are driven, rows are sensed. The slices of a weight share a row, so that each takes a pass of its own; the
    two columns of a differential pair are driven with opposite polarity in the same pass. Rows x phases x slices
    conversions, where the forward read needs one for each used column and phase.
    """
    grid = state.grid
    drives, power = busy.drives[:, grid.layer], busy.power[:, grid.layer]
    conductance = conductance_sums(state, part)
    lines = grid.rows * grid.geometry.encoding.slices
    conversions = lines * busy.phases
    return {
        "driver": grid.cols * drives * chip.driver.energy_j(chip.array.rows, chip.supply_v, chip.dac_bits),
        "cells": power * conductance * part.cell.read_voltage_v**2 * part.cell.read_time_s,
        "adc": conversions * _conversion_j(part, chip, conductance * drives / lines, busy),
        "shift_add": _spread(conversions * chip.shift_add.energy_j, drives),
    }


def sram_transposed(grid: PeGrid, chip: ChipConfig, part: SramPart, busy: Activity) -> Components:
    """Joules for one error vector through each SRAM PE read the other way, by a second set of trees on the rows."""
    drives = busy.drives[:, grid.layer]
    evaluations = grid.rows * busy.phases * grid.geometry.encoding.slices
    return {
        "driver": grid.cols * drives * chip.driver.energy_j(chip.array.rows, chip.supply_v, chip.dac_bits),
        "adder_tree": _spread(evaluations * _tree_energies_j(part, grid.outputs, chip.dac_bits), drives),
        "shift_add": _spread(evaluations * chip.shift_add.energy_j, drives),
    }


def rram_read_out(grid: PeGrid, chip: ChipConfig, part: RramPart, conductance_s: Floats | None = None) -> Floats:
    """Joules to read every cell of each PE once, row by row through the ADCs, in the shape of ``conductance_s``.

    Parameters
    ----------
    conductance_s
        (P,) or (T, P): sum of the cell conductances of each PE; each conversion sees a mean cell. None: cells in the
        middle of their window, (P,), where codes are not known.
    """
    middle_s = 0.5 * (part.cell.conductance_min_s + part.cell.conductance_max_s)
    sums_s: Floats = np.asarray(grid.cells * middle_s if conductance_s is None else conductance_s, dtype=np.float64)
    cells_j = part.cell.read_voltage_v**2 * part.cell.read_time_s * sums_s
    conversion_j = part.adc.energy_j(part.adc_bits, chip.supply_v, sums_s / grid.cells)
    row_j = chip.driver.energy_j(chip.array.cols, chip.supply_v)
    return np.asarray(cells_j + grid.cells * conversion_j + grid.rows * row_j, dtype=np.float64)


def rram_pass_s(chip: ChipConfig, part: RramPart) -> float:
    """Seconds of one phase of an RRAM PE: settle, then each ADC converts its columns in turn."""
    return part.cell.read_time_s + part.columns_per_adc * part.adc.time_s(part.adc_bits, chip.array.rows)


def rram_transposed_pass_s(chip: ChipConfig, part: RramPart) -> float:
    """Seconds of one phase and slice of a transposed RRAM read: the same ADCs convert all rows in turn."""
    adcs = max(1, chip.array.cols // part.columns_per_adc)
    turns = -(-chip.array.rows // adcs)
    return part.cell.read_time_s + turns * part.adc.time_s(part.adc_bits, chip.array.cols)


def sram_pass_s(chip: ChipConfig, part: SramPart, inputs: int) -> float:
    """Seconds of one phase of an SRAM PE with trees of ``inputs`` inputs, not faster than the clock."""
    return part.columns_per_tree * max(part.adder_tree.time_s(inputs, chip.dac_bits), 1.0 / chip.clock_hz)


def component_totals(unit: Components, where: NDArray[np.bool_], vectors: Floats, grid: PeGrid) -> list[Breakdown]:
    """Sum joules over the PEs selected by ``where`` (T, P), times ``vectors`` (T, L), for each task."""
    weights = where * vectors[:, grid.layer]
    totals = {name: np.einsum("tp,tp->t", cost, weights) for name, cost in unit.items()}
    return [Breakdown({(name,): float(total[t]) for name, total in totals.items()}) for t in range(len(where))]


def _conversion_j(part: RramPart, chip: ChipConfig, driven_s: Floats, busy: Activity) -> Floats:
    """Joules of one conversion of a mean line of each PE in each task, (T, P).

    ``driven_s`` (T, P): the conductance of the line's cells, once for each drive over all phases.
    """
    return part.adc.energy_j(part.adc_bits, chip.supply_v, driven_s / busy.phases)


def _tree_energies_j(part: SramPart, inputs: NDArray[np.int64], bits: int) -> Floats:
    """Joules of one evaluation of a tree of ``inputs`` products of ``bits`` input bits and one weight bit, (P,)."""
    sizes, position = np.unique(inputs, return_inverse=True)
    return np.array([part.adder_tree.energy_j(int(size), bits) for size in sizes])[position]


def _accumulations(grid: PeGrid) -> Floats:
    """Additions that join row tiles, per PE and vector: a sum of n partial sums takes n - 1."""
    tiles = grid.row_tiles[grid.layer]
    return np.asarray(grid.outputs * (tiles - 1) / tiles, dtype=np.float64)


def _spread(per_pe: NDArray[np.floating] | NDArray[np.integer], like: Floats) -> Floats:
    return np.broadcast_to(np.asarray(per_pe, dtype=np.float64), like.shape)
