"""The energy of training, part by part and task by task.

Parts: forward, input_gradient, weight_gradient, update, migration, buffer, link, dram, leakage, masks, scoring.
Shape letters: T tasks, L mapped layers, P PEs.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imcsim.chip import gradients, read_cost
from imcsim.chip.assign import Assignment
from imcsim.chip.closed_columns import without_closed
from imcsim.chip.config import ChipConfig
from imcsim.chip.failed_writes import failed_writes
from imcsim.chip.profile import TileProfile, profile_of
from imcsim.chip.read_cost import Components, activity, component_totals
from imcsim.chip.traffic import Traffic
from imcsim.chip.writes import Programming
from imcsim.core.cost import Breakdown
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]
PerTask = list[Breakdown]


def training_energy(
    trace: Trace, chip: ChipConfig, where: Assignment, done: Programming, bits: Traffic, leakage_j: Mapping[str, Floats]
) -> tuple[Breakdown, ...]:
    """Return one energy tree per task (J)."""
    counts = trace.counts
    outputs = np.array([spec.groups * spec.outputs for spec in trace.meta.layers], dtype=np.float64)
    inputs = np.array([spec.groups * spec.fan_in for spec in trace.meta.layers], dtype=np.float64)
    vector_j = chip.mac.vector_energy_j
    parts = [
        _under("forward", forward(trace, chip, where, counts["forward_vectors"].astype(float))),
        _leaves({"forward.activation": counts["forward_vectors"] @ outputs * vector_j}, trace),
        _under("input_gradient", backward(trace, chip, where, counts["input_gradient_vectors"].astype(float))),
        _leaves({"input_gradient.activation": counts["input_gradient_vectors"] @ inputs * vector_j}, trace),
        _leaves(_prefixed("weight_gradient", gradients.weight_gradient_energy(trace, chip)), trace),
        _leaves(_update(trace, chip, done), trace),
        _leaves(_migration(chip, done), trace),
        _leaves(_failed(trace, chip), trace),
        _leaves(_moved(chip, bits), trace),
        _leaves(_masks(trace, chip), trace),
        _under("scoring", _scoring(trace, chip, where)),
        _leaves(_prefixed("leakage", dict(leakage_j)), trace),
    ]
    return tuple(_sum([part[t] for part in parts]) for t in range(trace.meta.tasks))


def forward(trace: Trace, chip: ChipConfig, where: Assignment, vectors: Floats, *, serving: bool = False) -> PerTask:
    """Energy of ``vectors`` (T, L) through the arrays, below the names ``rram`` and ``sram``.

    ``serving``: of each task once it is learned. Arrays hold the codes at its end, and a chip with ``gate_columns``
    does not evaluate column segments that the task's mask closes.
    """
    busy = activity(trace.input_density, chip.dac_bits)
    costs = _unit_costs(trace, chip, busy, transposed=False, after=serving)
    if serving and chip.gate_columns:
        costs = {kind: (without_closed(unit, trace, at.grid), at) for kind, (unit, at) in costs.items()}
    return _by_memory(trace, chip, where, costs, vectors)


def backward(trace: Trace, chip: ChipConfig, where: Assignment, vectors: Floats, *, scoring: bool = False) -> PerTask:
    """Energy of error ``vectors`` (T, L) back through the arrays, or in the digital unit, as the chip says."""
    if chip.input_gradient == "digital":
        profile = profile_of(trace, chip.geometry)
        joules = gradients.digital_input_gradient(profile, chip, where.in_rram, vectors, scoring=scoring)
        return _leaves(joules, trace)
    busy = activity(trace.error_density, chip.dac_bits)
    costs = _unit_costs(trace, chip, busy, transposed=chip.input_gradient == "transposable")
    if chip.input_gradient == "second-copy":
        ratio = _swapped_sides(trace, chip)
        vectors = vectors * ratio
    return _by_memory(trace, chip, where, costs, vectors)


def _unit_costs(
    trace: Trace, chip: ChipConfig, busy: read_cost.Activity, *, transposed: bool, after: bool = False
) -> dict[str, tuple[Components, TileProfile]]:
    costs = {}
    if chip.rram is not None and chip.rram_geometry is not None:
        profile = profile_of(trace, chip.rram_geometry)
        rram = (
            read_cost.rram_transposed(profile, chip, chip.rram, busy)
            if transposed
            else read_cost.rram_forward(profile, chip, chip.rram, busy, after=after)
        )
        costs["rram"] = rram, profile
    if chip.sram is not None and chip.sram_geometry is not None:
        profile = profile_of(trace, chip.sram_geometry)
        sram = read_cost.sram_transposed if transposed else read_cost.sram_forward
        costs["sram"] = sram(profile.grid, chip, chip.sram, busy), profile
    return costs


def _by_memory(
    trace: Trace,
    chip: ChipConfig,
    where: Assignment,
    costs: dict[str, tuple[Components, TileProfile]],
    vectors: Floats,
) -> PerTask:
    masks = {"rram": where.in_rram, "sram": where.in_sram}
    empty = [Breakdown() for _ in range(trace.meta.tasks)]
    for kind, (unit, profile) in costs.items():
        totals = component_totals(unit, masks[kind], vectors, profile.grid)
        empty = [tree.plus(more.under(kind)) for tree, more in zip(empty, totals, strict=True)]
    return empty


def _swapped_sides(trace: Trace, chip: ChipConfig) -> Floats:
    """(L,) cost of a transposed copy's vector relative to a forward one: PEs of N x D against D x N."""
    geometry = chip.geometry
    ratio = []
    for spec in trace.meta.layers:
        there = np.prod(geometry.tiles(spec.outputs, spec.fan_in))
        back = np.prod(geometry.tiles(spec.fan_in, spec.outputs))
        ratio.append(there / back)
    return np.array(ratio)


def _update(trace: Trace, chip: ChipConfig, done: Programming) -> dict[str, Floats]:
    digital = trace.task_counts["digital_parameters"] * trace.task_counts["optimizer_steps"]
    updated = trace.counts["updated_weights"].sum(axis=1) + digital
    return {
        "update.arithmetic": updated * chip.mac.update_energy_j,
        "update.sram_write": done.sram_j,
        "update.rram_program": done.rram_j,
    }


def _migration(chip: ChipConfig, done: Programming) -> dict[str, Floats]:
    charged = float(chip.charge_migration)
    return {
        "migration.rram_program": done.commit_j * charged,
        "migration.rram_read": done.load_read_j * charged,
        "migration.sram_write": done.load_write_j * charged,
    }


def _failed(trace: Trace, chip: ChipConfig) -> dict[str, Floats]:
    failed = failed_writes(trace, chip)
    return {} if failed is None else {failed.leaf: failed.events * failed.each_j}


def _moved(chip: ChipConfig, bits: Traffic) -> dict[str, Floats]:
    reads = {f"buffer.read_{name}": amount * chip.buffer.read_energy_j for name, amount in bits.buffer_reads.items()}
    writes = {f"buffer.write_{n}": amount * chip.buffer.write_energy_j for n, amount in bits.buffer_writes.items()}
    names = ("forward", "input_gradient", "scoring")
    links = {
        f"link.{name}": (bits.buffer_reads[name] + bits.buffer_writes[name]) * (chip.link.energy_j * bits.hops[name])
        for name in names
    }
    dram = {f"dram.{name}": amount * chip.dram.energy_j for name, amount in bits.dram.items()}
    return reads | writes | links | dram


def _masks(trace: Trace, chip: ChipConfig) -> dict[str, Floats]:
    """Writing a task's masks once and reading them at every step; the same bits are in no other buffer leaf."""
    bits = trace.task_counts["mask_bits"].astype(np.float64)
    return {
        "masks.write": bits * chip.buffer.write_energy_j,
        "masks.read": bits * trace.task_counts["optimizer_steps"] * chip.buffer.read_energy_j,
    }


def _scoring(trace: Trace, chip: ChipConfig, where: Assignment) -> PerTask:
    counts, task = trace.counts, trace.task_counts
    there = forward(trace, chip, where, counts["scoring_forward_vectors"].astype(float))
    back = backward(trace, chip, where, counts["scoring_input_gradient_vectors"].astype(float), scoring=True)
    macs = counts["scoring_weight_gradient_macs"].sum(axis=1) + task["scoring_macs"]
    digital = _leaves({"mac": macs * chip.mac.gradient_energy_j}, trace)
    return [
        _sum([a.under("forward"), b.under("input_gradient"), c]) for a, b, c in zip(there, back, digital, strict=True)
    ]


def _prefixed(prefix: str, parts: Mapping[str, Floats]) -> dict[str, Floats]:
    return {f"{prefix}.{name}": amount for name, amount in parts.items()}


def _leaves(parts: Mapping[str, Floats], trace: Trace) -> PerTask:
    return [
        Breakdown({tuple(name.split(".")): float(amount[t]) for name, amount in parts.items()})
        for t in range(trace.meta.tasks)
    ]


def _under(name: str, trees: PerTask) -> PerTask:
    return [tree.under(name) for tree in trees]


def _sum(trees: list[Breakdown]) -> Breakdown:
    total = Breakdown()
    for tree in trees:
        total = total.plus(tree)
    return total
