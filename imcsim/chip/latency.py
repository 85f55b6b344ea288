"""Closed-form time: arrays of a layer work in parallel, layers form a pipeline, everything else adds up.

Nothing contends here; contention needs the event simulation. Shape letters: T tasks, L mapped layers, P PEs.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip import gradients
from imcsim.chip.assign import Assignment
from imcsim.chip.config import ChipConfig
from imcsim.chip.failed_writes import failed_writes
from imcsim.chip.multiplex import reloads
from imcsim.chip.profile import PeGrid, profile_of
from imcsim.chip.read_cost import rram_pass_s, rram_transposed_pass_s, sram_pass_s
from imcsim.chip.traffic import Traffic
from imcsim.chip.writes import Programming
from imcsim.core.cost import Breakdown
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]


def training_latency(
    trace: Trace, chip: ChipConfig, where: Assignment, done: Programming, bits: Traffic
) -> tuple[Breakdown, ...]:
    """Return one time tree per task (s).

    forward, input_gradient: the slowest layer's vectors plus one vector through the others for each step (pipeline
    fill); weight_gradient: throughput of its unit; update: row writes; migration; buffer: what its bandwidth cannot
    hide behind the arrays; dram: never hidden.
    """
    counts, steps = trace.counts, trace.task_counts["optimizer_steps"]
    there, back = forward_vector_s(trace, chip, where), backward_vector_s(trace, chip, where)
    forward = _pipeline(counts["forward_vectors"], there, steps)
    backward = _pipeline(counts["input_gradient_vectors"], back, steps)
    weights = gradients.weight_gradient_s(trace, chip)
    scoring = _pipeline(counts["scoring_forward_vectors"], there, np.ones_like(steps))
    scoring = scoring + _pipeline(counts["scoring_input_gradient_vectors"], back, np.ones_like(steps))
    scoring_macs = counts["scoring_weight_gradient_macs"].sum(axis=1) + trace.task_counts["scoring_macs"]
    move = bits.buffer_bits() / chip.buffer.bandwidth_bits_per_s
    migration = (done.commit_s + done.load_s) * float(chip.charge_migration)
    leaves = {
        "forward": forward,
        "input_gradient": backward,
        "weight_gradient": weights,
        "update": done.sram_s + done.rram_s,
        "migration": migration,
        "scoring": scoring + scoring_macs / chip.mac.macs_per_s,
        "buffer": np.maximum(0.0, move - forward - backward - weights),
        "dram": bits.dram_bits() / chip.dram.bandwidth_bits_per_s,
    }
    if (again := reloads(trace, chip)) is not None:
        leaves["reload"] = again.time_s
    if (failed := failed_writes(trace, chip)) is not None:
        leaves["failed_writes"] = failed.events * failed.each_s
    return tuple(Breakdown({(k,): float(v[t]) for k, v in leaves.items()}) for t in range(trace.meta.tasks))


def forward_vector_s(trace: Trace, chip: ChipConfig, where: Assignment) -> Floats:
    """(T, L) seconds of one input vector through a layer: the slower memory of those that hold it."""
    phases = -(-chip.input_bits // chip.dac_bits)
    times = {}
    if chip.rram is not None:
        times["rram"] = phases * rram_pass_s(chip, chip.rram)
    if chip.sram is not None:
        times["sram"] = phases * sram_pass_s(chip, chip.sram, chip.array.rows)
    return _slower(trace, chip, where, times)


def backward_vector_s(trace: Trace, chip: ChipConfig, where: Assignment) -> Floats:
    """(T, L) seconds of one error vector back through a layer."""
    if chip.input_gradient == "digital":
        macs = np.array([spec.weight_count for spec in trace.meta.layers], dtype=np.float64)
        return np.tile(macs / chip.mac.macs_per_s, (trace.meta.tasks, 1))
    if chip.input_gradient == "second-copy":
        return (
            forward_vector_s(trace, chip, where)
            * (-(-chip.error_bits // chip.dac_bits))
            / (-(-chip.input_bits // chip.dac_bits))
        )
    phases = -(-chip.error_bits // chip.dac_bits)
    times = {}
    if chip.rram is not None:
        slices = chip.geometry.encoding.slices
        times["rram"] = phases * slices * rram_transposed_pass_s(chip, chip.rram)
    if chip.sram is not None and chip.sram_geometry is not None:
        slices = chip.sram_geometry.encoding.slices
        times["sram"] = phases * slices * sram_pass_s(chip, chip.sram, chip.sram_geometry.weight_cols)
    return _slower(trace, chip, where, times)


def inference_latency(trace: Trace, chip: ChipConfig, where: Assignment) -> Breakdown:
    """Time of one inference after the last task (s): every vector of the slowest layer, one of each other."""
    positions = np.array([[spec.positions for spec in trace.meta.layers]])
    per_vector = forward_vector_s(trace, chip, where)[-1:]
    forward = Breakdown({("forward",): float(_pipeline(positions, per_vector, np.ones(1))[0])})
    again = reloads(trace, chip)
    return forward if again is None else forward.plus(Breakdown({("reload",): again.inference_s}))


def _pipeline(vectors: NDArray[np.int64], per_vector: Floats, steps: NDArray[np.integer] | Floats) -> Floats:
    busy = vectors * per_vector
    slowest = busy.argmax(axis=1)
    used = np.where(vectors > 0, per_vector, 0.0)
    rows = np.arange(len(busy))
    fill = used.sum(axis=1) - used[rows, slowest]
    return np.asarray(busy[rows, slowest] + fill * steps, dtype=np.float64)


def _slower(trace: Trace, chip: ChipConfig, where: Assignment, times: dict[str, float]) -> Floats:
    grid: PeGrid = profile_of(trace, chip.geometry).grid
    masks = {"rram": where.in_rram, "sram": where.in_sram}
    slowest = np.zeros((trace.meta.tasks, len(trace.meta.layers)))
    for kind, seconds in times.items():
        for layer, span in enumerate(grid.layer_slices):
            present = masks[kind][:, span].any(axis=1)
            slowest[:, layer] = np.maximum(slowest[:, layer], present * seconds)
    return slowest
