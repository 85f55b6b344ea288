"""What one task of a trace asks of a chip, layer by layer: vectors, seconds, bits and joules.

All of it comes from :mod:`imcsim.chip`; nothing is priced anew. Shape letters: T tasks, L mapped layers, P PEs.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imcsim.chip import gradients, training
from imcsim.chip.assign import Assignment, assign
from imcsim.chip.config import ChipConfig
from imcsim.chip.floor_plan import network_hops
from imcsim.chip.latency import training_latency
from imcsim.chip.leakage import leakage_w
from imcsim.chip.multiplex import Reloads, reloads
from imcsim.chip.profile import profile_of
from imcsim.chip.read_cost import rram_pass_s, rram_transposed_pass_s, sram_pass_s
from imcsim.chip.traffic import Traffic, traffic
from imcsim.chip.training import training_energy
from imcsim.chip.writes import Programming, programming
from imcsim.core.errors import EventsError
from imcsim.trace.conservation import check_once
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Stage:
    """How one memory serves one vector of a layer: ``settle_s``, then ``convert_s`` in its converters (0: none)."""

    memory: str
    settle_s: float
    convert_s: float


@dataclass(frozen=True)
class Pass:
    """One direction through the network.

    Parameters
    ----------
    vectors
        (L,) vectors of the task.
    stages
        For each layer, the memories that serve a vector, at the same time.
    array_j
        (L,) memory -> joules of the arrays for all vectors of the task.
    read_bits, write_bits
        (L,) buffer bits of one vector.
    elements
        (L,) elements of one output vector, for the digital unit.
    hops
        (L,) hops of a bit between the buffer and the layer's PEs.
    """

    vectors: Ints
    stages: tuple[tuple[Stage, ...], ...]
    array_j: Floats
    read_bits: Floats
    write_bits: Floats
    elements: Floats
    hops: Floats


@dataclass(frozen=True)
class Work:
    """Task ``task`` of a trace on a chip."""

    trace: Trace
    chip: ChipConfig
    task: int
    where: Assignment
    done: Programming
    bits: Traffic
    reload: Reloads | None

    @property
    def steps(self) -> int:
        """Optimiser steps of the task."""
        return int(self.trace.task_counts["optimizer_steps"][self.task])

    @property
    def names(self) -> tuple[str, ...]:
        """Layers, in order."""
        return tuple(spec.name for spec in self.trace.meta.layers)

    def count(self, name: str) -> Ints:
        """(L,) of :data:`~imcsim.trace.schema.COUNTS`."""
        return np.asarray(self.trace.counts[name][self.task], dtype=np.int64)

    def leakage_w(self) -> float:
        """Watts that flow all through the task, whatever its parts do."""
        return sum(float(watts[self.task]) for watts in leakage_w(self.trace, self.chip, self.where).values())

    def closed_form_energy_j(self) -> float:
        """Training energy of the task without leakage, which is power over a latency (J)."""
        nothing = {"buffer": np.zeros(self.trace.meta.tasks)}
        tree = training_energy(self.trace, self.chip, self.where, self.done, self.bits, nothing)[self.task]
        again = sum(float(j[self.task]) for j in self.reload.energy_j.values()) if self.reload is not None else 0.0
        return tree.total + again


def closed_form_s(work: Work, steps: int, *, once: bool) -> float:
    """Return the closed form's seconds of ``steps`` mean steps; with what a task does ``once``, if asked for."""
    tree = training_latency(work.trace, work.chip, work.where, work.done, work.bits)[work.task]
    single = sum(tree.leaves[part,] for part in ("migration", "scoring"))
    return (tree.total - single) * steps / work.steps + single * once


def work_of(trace: Trace, chip: ChipConfig, task: int) -> Work:
    """Return task ``task`` (from 0; -1 is the last) of ``trace`` on ``chip``.

    Raises
    ------
    EventsError
        If there is no such task, or it has no optimiser step.
    TraceError
        If the trace cannot be priced on this chip.
    """
    tasks = check_once(trace).meta.tasks
    if not -tasks <= task < tasks:
        raise EventsError(f"the trace has tasks 0 to {tasks - 1}, got {task}")
    where = assign(profile_of(trace, chip.geometry), chip)
    work = Work(
        trace, chip, task % tasks, where, programming(trace, chip, where), traffic(trace, chip), reloads(trace, chip)
    )
    if work.steps < 1:
        raise EventsError(f"task {work.task} of the trace has no optimiser step")
    return work


def forward_pass(work: Work, counts: str = "forward_vectors") -> Pass:
    """Return the forward direction over the vectors of ``counts``."""
    chip, (inputs, outputs) = work.chip, _sides(work)
    vectors = work.count(counts)
    phases = -(-chip.input_bits // chip.dac_bits)
    units = {}
    if chip.rram is not None:
        whole, settle = phases * rram_pass_s(chip, chip.rram), phases * chip.rram.cell.read_time_s
        units["rram"] = Stage("rram", settle, whole - settle)
    if chip.sram is not None:
        units["sram"] = Stage("sram", phases * sram_pass_s(chip, chip.sram, chip.array.rows), 0.0)
    joules = _array_j(work, vectors, back=False)
    bits = inputs * chip.input_bits, outputs * chip.input_bits
    return Pass(vectors, _present(work, units), joules, *bits, outputs, _hops(work, copy=0))


def backward_pass(work: Work, counts: str = "input_gradient_vectors") -> Pass:
    """Return the way of the errors back over the vectors of ``counts``, as the chip computes input gradients."""
    chip, (inputs, outputs) = work.chip, _sides(work)
    vectors = work.count(counts)
    joules = _array_j(work, vectors, back=True, scoring=counts.startswith("scoring"))
    bits = outputs * chip.error_bits, inputs * chip.error_bits
    copy = 1 if chip.input_gradient == "second-copy" else 0
    return Pass(vectors, _backward_stages(work), joules, *bits, inputs, _hops(work, copy=copy))


def weight_gradient_s(work: Work) -> Floats:
    """(L,) seconds of the weight gradients of the task, as :func:`imcsim.chip.gradients.weight_gradient_s`."""
    macs = gradients.weight_gradient_macs(work.trace, work.chip)[work.task]
    total = float(gradients.weight_gradient_s(work.trace, work.chip)[work.task])
    return shares(macs) * total


def weight_gradient_j(work: Work) -> Floats:
    """(L,) joules of the weight gradients of the task; by multiply-accumulates, array writes by bits written."""
    parts = gradients.weight_gradient_energy(work.trace, work.chip)
    macs = gradients.weight_gradient_macs(work.trace, work.chip)[work.task]
    total = sum(float(joules[work.task]) for joules in parts.values())
    by = macs if macs.sum() > 0 else work.count("weight_gradient_vectors").astype(float)
    return shares(by) * total


def shares(weights: Floats | Ints) -> Floats:
    """Return ``weights`` (L,) scaled to a sum of one; equal shares if all are 0."""
    total = weights.sum()
    if total <= 0:
        return np.full(len(weights), 1.0 / len(weights))
    return np.asarray(weights / total, dtype=np.float64)


def _sides(work: Work) -> tuple[Floats, Floats]:
    layers = work.trace.meta.layers
    inputs = np.array([spec.groups * spec.fan_in for spec in layers], dtype=np.float64)
    return inputs, np.array([spec.groups * spec.outputs for spec in layers], dtype=np.float64)


def _backward_stages(work: Work) -> tuple[tuple[Stage, ...], ...]:
    chip = work.chip
    phases = -(-chip.error_bits // chip.dac_bits)
    if chip.input_gradient == "digital":
        layers = work.trace.meta.layers
        return tuple((Stage("digital", spec.weight_count / chip.mac.macs_per_s, 0.0),) for spec in layers)
    if chip.input_gradient == "second-copy":
        ratio = phases / (-(-chip.input_bits // chip.dac_bits))
        return tuple(
            tuple(Stage(f"{s.memory}-copy", s.settle_s * ratio, s.convert_s * ratio) for s in stages)
            for stages in forward_pass(work).stages
        )
    units = {}
    if chip.rram is not None:
        passes = phases * chip.geometry.encoding.slices
        whole, settle = passes * rram_transposed_pass_s(chip, chip.rram), passes * chip.rram.cell.read_time_s
        units["rram"] = Stage("rram", settle, whole - settle)
    if chip.sram is not None and chip.sram_geometry is not None:
        passes = phases * chip.sram_geometry.encoding.slices
        units["sram"] = Stage("sram", passes * sram_pass_s(chip, chip.sram, chip.sram_geometry.weight_cols), 0.0)
    return _present(work, units)


def _present(work: Work, units: dict[str, Stage]) -> tuple[tuple[Stage, ...], ...]:
    masks = {"rram": work.where.in_rram, "sram": work.where.in_sram}
    grid = profile_of(work.trace, work.chip.geometry).grid
    return tuple(
        tuple(stage for memory, stage in units.items() if masks[memory][work.task, span].any())
        for span in grid.layer_slices
    )


def _hops(work: Work, *, copy: int) -> Floats:
    return network_hops(work.chip, profile_of(work.trace, work.chip.geometry).grid.layer_slices, copy=copy)


def _array_j(work: Work, vectors: Ints, *, back: bool, scoring: bool = False) -> Floats:
    """(L,) joules of all ``vectors`` of the task, one layer at a time."""
    price = partial(training.backward, scoring=scoring) if back else training.forward
    found = np.zeros(len(vectors))
    for layer in np.flatnonzero(vectors):
        alone = np.zeros((work.trace.meta.tasks, len(vectors)))
        alone[work.task, layer] = vectors[layer]
        found[layer] = price(work.trace, work.chip, work.where, alone)[work.task].total
    return found
