"""Bits moved: buffer, links and DRAM, each charged once. Shape letters: T tasks, L mapped layers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.floor_plan import network_hops
from imcsim.chip.profile import profile_of
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Traffic:
    """Bits by purpose, each (T,): read from and written to the buffer, moved to or from DRAM (reads + writes).

    ``hops`` holds, for what crosses links, the mean hops of a bit: by layer as the floor plan has it, weighted by bits.
    The shares are those of kept activations, and of the master copy, that do not fit the buffer.
    """

    buffer_reads: Mapping[str, Floats]
    buffer_writes: Mapping[str, Floats]
    hops: Mapping[str, Floats]
    dram: Mapping[str, Floats]
    spilled_share: Floats
    master_spilled_share: Floats

    def buffer_bits(self) -> Floats:
        """All buffer bits of each task, (T,)."""
        parts = [*self.buffer_reads.values(), *self.buffer_writes.values()]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)

    def dram_bits(self) -> Floats:
        """All DRAM bits of each task, (T,)."""
        return np.asarray(np.sum(list(self.dram.values()), axis=0), dtype=np.float64)


def traffic(trace: Trace, chip: ChipConfig) -> Traffic:
    """Return the traffic of training.

    Every input vector is read from the buffer as the array takes it (fan-in after im2col: no line-buffer reuse), every
    output element is written once. An output kept for backward is that same copy: keeping costs room, and what
    does not fit is written to DRAM and read back once.
    """
    inputs, outputs = _matrix_sides(trace)
    count, task = trace.counts, trace.task_counts
    bits_x, bits_e = chip.input_bits, chip.error_bits
    forward, backward, weights = (count[f"{name}_vectors"] for name in ("forward", "input_gradient", "weight_gradient"))
    scored_f, scored_b = count["scoring_forward_vectors"], count["scoring_input_gradient_vectors"]
    spill, master_spill = _spilled_shares(trace, chip)
    kept_bits = (count["kept_elements"].sum(axis=1) + task["other_kept_elements"]) * bits_x + task["relu_elements"]
    masks = task["mask_bits"].astype(float)
    reads = {
        "forward": forward @ inputs * bits_x,
        "input_gradient": backward @ outputs * bits_e,
        "weight_gradient": weights @ (inputs * bits_x + outputs * bits_e),
        "signs": task["relu_elements"] * (1.0 - spill),
        "scoring": scored_f @ inputs * bits_x + scored_b @ outputs * bits_e,
    }
    writes = {
        "forward": forward @ outputs * bits_x,
        "input_gradient": backward @ inputs * bits_e,
        "signs": task["relu_elements"] * (1.0 - spill),
        "scoring": scored_f @ outputs * bits_x + scored_b @ inputs * bits_e,
    }
    update_reads, update_writes, update_dram = _update(trace, chip, master_spill)
    replay = (task["replay_bytes_read"] + task["replay_bytes_written"]) * 8.0
    dram = {
        "activations": 2.0 * spill * kept_bits,
        "replay": replay,
        "master": update_dram,
        "scoring": task["scoring_bytes"] * 8.0 * 2.0,
        "masks": masks,
    }
    written = writes | {"update": update_writes}
    return Traffic(reads | {"update": update_reads}, written, _mean_hops(trace, chip), dram, spill, master_spill)


def master_bits(trace: Trace, chip: ChipConfig) -> Floats:
    """Bits of the master copy and of the optimiser's state during each task, (T,)."""
    weights = trace.counts["trainable_weights"].sum(axis=1) + trace.task_counts["digital_parameters"]
    return np.asarray((weights + trace.task_counts["optimizer_state_values"]) * float(chip.master_copy.bits))


def _matrix_sides(trace: Trace) -> tuple[Floats, Floats]:
    inputs = np.array([spec.groups * spec.fan_in for spec in trace.meta.layers], dtype=np.float64)
    outputs = np.array([spec.groups * spec.outputs for spec in trace.meta.layers], dtype=np.float64)
    return inputs, outputs


def _mean_hops(trace: Trace, chip: ChipConfig) -> dict[str, Floats]:
    """Mean hops of a bit by task, for each purpose that crosses links; errors go to a second copy if there is one."""
    count, tasks = trace.counts, trace.meta.tasks
    if chip.floor_plan is None:
        return {name: np.full(tasks, chip.link.hops) for name in ("forward", "input_gradient", "scoring")}
    inputs, outputs = _matrix_sides(trace)
    slices = profile_of(trace, chip.geometry).grid.layer_slices
    there = network_hops(chip, slices)
    back = network_hops(chip, slices, copy=1) if chip.input_gradient == "second-copy" else there
    ahead, errors = (inputs + outputs) * chip.input_bits, (inputs + outputs) * chip.error_bits
    moved = {
        "forward": (count["forward_vectors"] * ahead, 0.0 * count["forward_vectors"]),
        "input_gradient": (0.0 * count["input_gradient_vectors"], count["input_gradient_vectors"] * errors),
        "scoring": (count["scoring_forward_vectors"] * ahead, count["scoring_input_gradient_vectors"] * errors),
    }
    return {name: _weighted(one @ there + two @ back, (one + two).sum(axis=1)) for name, (one, two) in moved.items()}


def _weighted(amount: Floats, weight: Floats) -> Floats:
    return np.divide(amount, weight, out=np.zeros(len(weight)), where=weight > 0)


def _spilled_shares(trace: Trace, chip: ChipConfig) -> tuple[Floats, Floats]:
    """(T,) shares: the master copy takes its room first (it stays all task long); activations take what is left."""
    room = chip.buffer.size_bytes * 8.0
    master = master_bits(trace, chip) * (1.0 if chip.master_copy.location == "buffer" else 0.0)
    master_spill = 1.0 - np.minimum(1.0, room / np.maximum(master, 1.0))
    left = np.maximum(0.0, room - master)
    peak = trace.task_counts["peak_kept_elements"] * chip.input_bits + trace.task_counts["peak_kept_bits"]
    share = 1.0 - np.minimum(1.0, left / np.maximum(peak, 1))
    return np.asarray(share, dtype=np.float64), np.asarray(master_spill, dtype=np.float64)


def _update(trace: Trace, chip: ChipConfig, master_spill: Floats) -> tuple[Floats, Floats, Floats]:
    """Gradient written and read once; master copy and optimiser state read and written, per updated weight."""
    task = trace.task_counts
    digital = (task["digital_parameters"] * task["optimizer_steps"]).astype(float)
    updated = trace.counts["updated_weights"].sum(axis=1) + digital
    trainable = trace.counts["trainable_weights"].sum(axis=1) + task["digital_parameters"]
    state = np.divide(task["optimizer_state_values"], trainable, out=np.zeros(len(updated)), where=trainable > 0)
    one_way = updated * (1.0 + state) * chip.master_copy.bits
    gradient = updated * chip.master_copy.bits
    outside = 1.0 if chip.master_copy.location == "dram" else master_spill
    inside = one_way * (1.0 - outside)
    return gradient + inside, gradient + inside, 2.0 * one_way * outside
