"""What is charged apart from training: deployment, one inference, one power-up; a task switch is in ``switching``."""

import numpy as np

from imcsim.chip.assign import Assignment
from imcsim.chip.config import ChipConfig
from imcsim.chip.floor_plan import network_hops
from imcsim.chip.multiplex import reloads
from imcsim.chip.profile import profile_of
from imcsim.chip.serving_place import serving_place
from imcsim.chip.training import forward
from imcsim.chip.writes import deployment_energy_j
from imcsim.core.cost import Breakdown
from imcsim.trace.trace import Trace


def deployment(trace: Trace, chip: ChipConfig) -> tuple[Breakdown, int]:
    """Return the energy tree (J) of the first programming, and its RRAM events.

    Without RRAM the initial codes come from DRAM into SRAM.
    """
    if chip.rram is not None:
        energy, events = deployment_energy_j(trace, chip)
        return Breakdown({("rram_program",): energy}), events
    return _sram_reload(trace, chip), 0


def inference(trace: Trace, chip: ChipConfig, where: Assignment) -> Breakdown:
    """Energy tree (J) of one sample after the last task: arrays, activation functions, buffer, links."""
    positions = np.array([spec.positions for spec in trace.meta.layers], dtype=np.float64)
    inputs = np.array([spec.groups * spec.fan_in for spec in trace.meta.layers], dtype=np.float64)
    outputs = np.array([spec.groups * spec.outputs for spec in trace.meta.layers], dtype=np.float64)
    vectors = np.zeros((trace.meta.tasks, len(positions)))
    vectors[-1] = positions
    arrays = forward(trace, chip, serving_place(chip, where), vectors, skip_closed=chip.gate_columns)[-1]
    hops = network_hops(chip, profile_of(trace, chip.geometry).grid.layer_slices)
    read = float(positions @ inputs) * chip.input_bits
    written = float(positions @ outputs) * chip.input_bits
    moved = Breakdown.of(
        {
            "activation": float(positions @ outputs) * chip.mac.vector_energy_j,
            "buffer": {"read": read * chip.buffer.read_energy_j, "write": written * chip.buffer.write_energy_j},
            "link": float(positions * (inputs + outputs) @ hops) * chip.input_bits * chip.link.energy_j,
        }
    )
    again = reloads(trace, chip)
    return arrays.plus(moved) if again is None else arrays.plus(moved).plus(again.inference_j.under("reload"))


def power_up(trace: Trace, chip: ChipConfig) -> Breakdown:
    """Energy tree (J) of one power-up: weights that live in SRAM alone (a hybrid's residents) come from DRAM."""
    if chip.rram is not None:
        bits, cells = resident_load(trace, chip)
        write_j = 0.0 if chip.sram is None else chip.sram.cell.write_energy_j
        return Breakdown({("dram_read",): bits * chip.dram.energy_j, ("sram_reload",): cells * write_j})
    return _sram_reload(trace, chip)


def resident_load(trace: Trace, chip: ChipConfig) -> tuple[float, float]:
    """Return the bits from DRAM, and the SRAM cells, of the residents that a hybrid loads at a power-up."""
    if chip.sram_geometry is None or chip.rram is None or not trace.meta.resident_layers:
        return 0.0, 0.0
    copies = 2 if chip.input_gradient == "second-copy" else 1
    grid = profile_of(trace, chip.sram_geometry).grid
    mine = np.isin(grid.layer, [trace.layer_index[name] for name in trace.meta.resident_layers])
    weights = float((grid.rows * grid.outputs)[mine].sum())
    return weights * chip.weight_bits, float(grid.cells[mine].sum()) * copies


def _sram_reload(trace: Trace, chip: ChipConfig) -> Breakdown:
    if chip.sram is None or chip.sram_geometry is None:
        raise ValueError("the chip has no SRAM")
    copies = 2 if chip.input_gradient == "second-copy" else 1
    grid = profile_of(trace, chip.sram_geometry).grid
    weights = float((grid.rows * grid.outputs).sum())
    cells = float(grid.cells.sum()) * copies
    return Breakdown(
        {
            ("dram_read",): weights * chip.weight_bits * chip.dram.energy_j,
            ("sram_write",): cells * chip.sram.cell.write_energy_j,
        }
    )
