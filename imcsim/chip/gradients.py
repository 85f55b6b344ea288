"""Where input gradients and weight gradients are computed, and what that takes.

Shape letters: T tasks, L mapped layers, P PEs.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.profile import TileProfile
from imcsim.chip.read_cost import conductance_sums, rram_read_out
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]


def weight_gradient_macs(trace: Trace, chip: ChipConfig) -> Floats:
    """(T, L) multiply-accumulates of the weight gradient that the chip performs.

    A chip that skips masked gradients does those of trainable PEs and unmasked weights, and dense ones only where
    the method asks for them; another does all of every layer that trains.
    """
    counts = trace.counts
    if chip.skip_masked_gradients:
        return (counts["weight_gradient_macs"] + counts["dense_gradient_macs"]).astype(np.float64)
    weights = np.array([spec.weight_count for spec in trace.meta.layers])
    return np.asarray(counts["weight_gradient_vectors"] * weights, dtype=np.float64)


def weight_gradient_energy(trace: Trace, chip: ChipConfig) -> dict[str, Floats]:
    """(T,) joules by component."""
    macs = weight_gradient_macs(trace, chip)
    if chip.weight_gradient == "digital" or chip.sram is None:
        return {"mac": macs.sum(axis=1) * chip.mac.gradient_energy_j}
    return _in_sram_array(trace, chip, macs)


def scratch_pes(trace: Trace, chip: ChipConfig) -> int:
    """SRAM PEs that hold activations for weight gradients: the widest layer's fan-in bits, one row tile deep."""
    if chip.weight_gradient != "sram-array":
        return 0
    widest = max(spec.fan_in for spec in trace.meta.layers) * chip.input_bits
    return -(-widest // chip.array.cols)


def _in_sram_array(trace: Trace, chip: ChipConfig, macs: Floats) -> dict[str, Floats]:
    """Activations of the batch are written into SRAM arrays (vectors along the rows) and errors streamed through.

    As DNN+NeuroSim V2.1's weight-gradient array (neurosim/DNN_NeuroSim_V2.1, Training_pytorch/NeuroSIM), with a digital
    adder tree: one evaluation adds ``rows`` vectors for one activation bit, one error bit and one output.
    """
    if chip.sram is None:
        raise ValueError("the chip has no SRAM")
    rows = chip.array.rows
    inputs = np.array([spec.groups * spec.fan_in for spec in trace.meta.layers], dtype=np.float64)
    vectors = trace.counts["weight_gradient_vectors"].astype(np.float64)
    tree_j = chip.sram.adder_tree.energy_j(rows, chip.dac_bits)
    evaluations = macs / rows * chip.input_bits * -(-chip.error_bits // chip.dac_bits)
    written = vectors @ inputs * chip.input_bits
    return {
        "adder_tree": evaluations.sum(axis=1) * tree_j,
        "shift_add": evaluations.sum(axis=1) * chip.shift_add.energy_j,
        "array_write": written * chip.sram.cell.write_energy_j,
    }


def weight_gradient_s(trace: Trace, chip: ChipConfig) -> Floats:
    """(T,) seconds: the digital unit's throughput, or the evaluations of the scratch arrays working in parallel."""
    macs = weight_gradient_macs(trace, chip)
    if chip.weight_gradient == "digital" or chip.sram is None:
        return np.asarray(macs.sum(axis=1) / chip.mac.macs_per_s, dtype=np.float64)
    rows, cols = chip.array.rows, chip.array.cols
    passes = macs / (rows * cols / chip.input_bits) * -(-chip.error_bits // chip.dac_bits) / scratch_pes(trace, chip)
    each = chip.sram.columns_per_tree * max(chip.sram.adder_tree.time_s(rows, chip.dac_bits), 1.0 / chip.clock_hz)
    return np.asarray(passes.sum(axis=1) * each, dtype=np.float64)


def reads_of_all_weights(trace: Trace, vectors: NDArray[np.generic], *, scoring: bool) -> Floats:
    """(T, L) how often a layer's weights are read out for digital input gradients; scoring counts as one step."""
    used = np.asarray(vectors) > 0
    steps = np.ones_like(used) if scoring else trace.task_counts["optimizer_steps"][:, None]
    return np.asarray(used * steps, dtype=np.float64)


def digital_input_gradient(
    profile: TileProfile, chip: ChipConfig, in_rram: NDArray[np.bool_], vectors: Floats, *, scoring: bool = False
) -> dict[str, Floats]:
    """(T,) joules when weights are read out once per step and multiplied in the digital unit."""
    trace, grid = profile.trace, profile.grid
    weights = np.array([spec.weight_count for spec in trace.meta.layers], dtype=np.float64)
    reads = reads_of_all_weights(trace, vectors, scoring=scoring)[:, grid.layer]
    energy = {"mac": vectors @ weights * chip.mac.gradient_energy_j}
    if chip.rram is not None:
        each_j = rram_read_out(grid, chip, chip.rram, conductance_sums(profile, chip.rram))
        energy["read_out"] = (reads * in_rram * each_j).sum(axis=1)
    if chip.sram is not None:
        bits = grid.rows * grid.outputs * chip.weight_bits
        energy["sram_read"] = (reads * ~in_rram * bits * chip.sram.cell.read_energy_j).sum(axis=1)
    return energy
