"""The price of a trace on a chip: everything below this file, joined and checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from imcsim.chip import conservation, latency, serving
from imcsim.chip.area import area
from imcsim.chip.assign import Assignment, assign
from imcsim.chip.config import ChipConfig
from imcsim.chip.given import ChipLike, given_chip
from imcsim.chip.leakage import leakage_w, retention_w
from imcsim.chip.multiplex import reloads
from imcsim.chip.profile import profile_of
from imcsim.chip.report import Lifetime, Report, Writes
from imcsim.chip.serving_place import serving_place
from imcsim.chip.suspicious import suspicious
from imcsim.chip.switching import switch
from imcsim.chip.traffic import Traffic, traffic
from imcsim.chip.training import training_energy
from imcsim.chip.wear.totals import rram_wear, sram_wear
from imcsim.chip.writes import Programming, programming
from imcsim.core.cost import Breakdown
from imcsim.core.units import SECONDS_PER_DAY
from imcsim.trace import accuracy
from imcsim.trace.acts import idle_acts
from imcsim.trace.given import TraceLike, given_trace
from imcsim.trace.trace import Trace


def price(trace: TraceLike, chip: ChipLike) -> Report:
    """Return energy, latency, area, writes and lifetime of learning ``trace`` on ``chip``.

    Parameters
    ----------
    trace
        A trace, or the path of its file.
    chip
        As ``imcsim.load("chip", NAME)`` gives it, or its name or file.

    Raises
    ------
    TraceError
        If the trace cannot be priced on this chip: other bits, masks for another PE size, or it does not fit.
    ConservationError
        If a law of the trace or of its price does not hold; those of a trace are checked at its first price.
    """
    trace, chip = given_trace(trace), given_chip(chip)
    config = chip.config
    where, done, bits = _place_and_write(trace, config)
    times, by_task = _spend(trace, config, where, done, bits)
    deployed, deployed_events = serving.deployment(trace, config)
    writes, life = _writes(trace, config, where, done, deployed_events)
    energy, time = _total(by_task), _total(times)
    conservation.check_sum(energy, by_task)
    switched = switch(trace, config)
    apart: dict[str, Any] = {
        "deployment": deployed,
        "task_switch": switched.energy,
        "power_up": serving.power_up(trace, config),
        "inference": serving.inference(trace, config, where),
    }
    return Report(
        chip=config.name,
        method=trace.meta.method,
        dataset=trace.meta.dataset,
        network=trace.meta.network,
        seed=trace.meta.seed,
        energy=energy,
        energy_by_task=by_task,
        latency=time,
        latency_by_task=times,
        inference_latency=latency.inference_latency(trace, config, serving_place(config, where)),
        area=area(trace, config, where),
        writes=writes,
        lifetime=life,
        horizon=_horizon(trace, config, where, energy, apart)
        | {
            "switch_rewritten_cells": switched.rewritten_cells,
            "switch_rram_cells": switched.rram_cells,
            "switch_time_s": switched.time_s,
        },
        placement=_placement(where),
        accuracy=accuracies(trace),
        warnings=(*where.warnings, *suspicious(trace, config, bits, done, time, energy), *trace.meta.notes),
        origins=chip.origins,
        idle_acts=idle_acts(trace.meta.acts),
        **apart,
    )


def _place_and_write(trace: Trace, config: ChipConfig) -> tuple[Assignment, Programming, Traffic]:
    where = assign(profile_of(trace, config.geometry), config)
    conservation.check_assignment(trace, config, where)
    done = programming(trace, config, where)
    conservation.check_writes(trace, config, where, done)
    return where, done, traffic(trace, config)


def _spend(
    trace: Trace, config: ChipConfig, where: Assignment, done: Programming, bits: Traffic
) -> tuple[tuple[Breakdown, ...], tuple[Breakdown, ...]]:
    """Time and energy trees by task; leakage is power over the time."""
    times = latency.training_latency(trace, config, where, done, bits)
    seconds = np.array([tree.total for tree in times])
    leaked = {name: watts * seconds for name, watts in leakage_w(trace, config, where).items()}
    by_task = training_energy(trace, config, where, done, bits, leaked)
    if (again := reloads(trace, config)) is not None:
        by_task = tuple(
            tree.plus(Breakdown({("reload", name): float(joules[t]) for name, joules in again.energy_j.items()}))
            for t, tree in enumerate(by_task)
        )
    conservation.check_bytes(config, bits, by_task)
    return times, by_task


def accuracies(trace: Trace) -> dict[str, Any]:
    """Return final accuracy, forgetting by each definition and the matrices; None for a scenario not served."""
    result: dict[str, Any] = {}
    for scenario, matrix in (("class_il", trace.class_il), ("task_il", trace.task_il)):
        if scenario.replace("_", "-") not in trace.meta.scenarios:
            names = (f"{scenario}_final", f"forgetting_{scenario}_max", f"forgetting_{scenario}_first")
            result |= dict.fromkeys((*names, f"learning_{scenario}", f"{scenario}_matrix"))
            continue
        result[f"{scenario}_final"] = accuracy.final_accuracy(matrix)
        result[f"forgetting_{scenario}_max"] = accuracy.forgetting_max(matrix)
        result[f"forgetting_{scenario}_first"] = accuracy.forgetting_first(matrix)
        result[f"learning_{scenario}"] = accuracy.learning_accuracy(matrix)
        result[f"{scenario}_matrix"] = matrix.tolist()
    return result


def _total(trees: tuple[Breakdown, ...]) -> Breakdown:
    total = Breakdown()
    for tree in trees:
        total = total.plus(tree)
    return total


def _writes(
    trace: Trace, chip: ChipConfig, where: Assignment, done: Programming, deployed: int
) -> tuple[dict[str, Writes], dict[str, Lifetime]]:
    writes, life = {}, {}
    if chip.rram is not None:
        writes["rram"], life["rram"] = rram_wear(trace, chip, where, done, deployed)
    if chip.sram is not None:
        writes["sram"], life["sram"] = sram_wear(trace, chip, where, done)
    return writes, life


def _placement(where: Assignment) -> dict[str, Any]:
    names = ("sram_training", "rram_training", "sram_frozen", "rram_frozen")
    return {name: getattr(where, name).sum(axis=1).astype(np.int64) for name in names}


_WRITTEN = (("update", "sram_write"), ("update", "rram_program"), ("update", "failed_writes"), ("migration",))


def _horizon(
    trace: Trace, chip: ChipConfig, where: Assignment, energy: Breakdown, parts: Mapping[str, Breakdown]
) -> dict[str, float]:
    """Write energy, compute energy, and over how many steps and inferences each is spread (per task)."""
    tasks, span = trace.meta.tasks, chip.horizon
    written = sum(energy.part(*path).total for path in _WRITTEN)
    between = SECONDS_PER_DAY / span.tasks_per_day
    return {
        "optimizer_steps_per_task": float(trace.task_counts["optimizer_steps"].mean()),
        "inferences_per_task": float(span.inferences_per_task),
        "task_switches_per_task": span.task_switches_per_task,
        "power_cycles_per_task": span.power_cycles_per_task,
        "write_energy_per_task_j": written / tasks,
        "compute_energy_per_task_j": (energy.total - written) / tasks,
        "inference_energy_per_task_j": parts["inference"].total * span.inferences_per_task,
        "switch_energy_per_task_j": parts["task_switch"].total * span.task_switches_per_task,
        "power_up_energy_per_task_j": parts["power_up"].total * span.power_cycles_per_task,
        "retention_energy_per_task_j": retention_w(trace, chip, where) * between,
        "tasks_per_day": span.tasks_per_day,
    }
