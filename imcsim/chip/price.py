"""The price of a trace on a chip: placed, charged, summed and checked.

Nothing is counted here. What charges is listed in :mod:`imcsim.chip.charged`, chip parts such as regulators included;
which weight lies in which PE, by the mapping rule, is in :mod:`imcsim.chip.placed`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from imcsim.chip import conservation
from imcsim.chip.charged import Charged, charged
from imcsim.chip.given import ChipLike, given_chip
from imcsim.chip.leakage import retention_w
from imcsim.chip.placed import Placed, place
from imcsim.chip.report import Report
from imcsim.chip.suspicious import suspicious
from imcsim.chip.wear.countings import pulses_of, update_steps
from imcsim.chip.wear.lifetime import wear_of
from imcsim.core.cost import Breakdown
from imcsim.core.sources import Origin
from imcsim.core.units import SECONDS_PER_DAY
from imcsim.mapping.rule import MappingRule
from imcsim.trace import accuracy
from imcsim.trace.acts import idle_acts
from imcsim.trace.given import TraceLike, read_trace
from imcsim.trace.trace import Trace


def price(trace: TraceLike, chip: ChipLike, *, rule: str | MappingRule = "im2col") -> Report:
    """Return energy, latency, area, writes and lifetime of learning ``trace`` on ``chip``.

    Parameters
    ----------
    trace
        A trace, or the path of its file.
    chip
        As ``imcsim.load("chip", NAME)`` gives it, or its name or file.
    rule
        The mapping rule, by name or itself: which weight lies in which PE.

    Raises
    ------
    TraceError
        If the trace cannot be priced on this chip: other bits, masks for another PE size, or it does not fit.
    MappingError
        If the rule lays the network as the chip cannot read it, or cannot lay it in the chip's PEs.
    ConservationError
        If a law of the trace or of its price does not hold; those of a trace are checked at its first price.
    """
    trace, resolved = read_trace(trace), given_chip(chip)
    return report_of(charged(place(trace, resolved.config, rule)), resolved.origins)


def report_of(spent: Charged, origins: Mapping[str, Origin]) -> Report:
    """Return what ``spent`` adds up to, of a chip whose values have ``origins``.

    Raises
    ------
    ConservationError
        As :func:`price`.
    """
    placed, trace = spent.placed, spent.placed.trace
    meta = trace.meta
    trees, (energy, energy_by_task), latency_by_task = spent.sums, spent.by_task["energy"], spent.by_task["latency"][1]
    conservation.check(spent, energy, energy_by_task)
    writes, life = wear_of(spent)
    return Report(
        chip=placed.chip.name,
        method=meta.method,
        dataset=meta.dataset,
        network=meta.network,
        seed=meta.seed,
        **trees,
        energy_by_task=energy_by_task,
        latency_by_task=latency_by_task,
        writes=writes,
        lifetime=life,
        horizon=_horizon(spent, trees),
        placement=_placement(placed),
        accuracy=accuracies(trace),
        warnings=(*placed.where.warnings, *suspicious(spent, trees["latency"], energy), *meta.notes),
        origins=origins,
        idle_acts=idle_acts(meta.acts),
        kept_in=None if placed.nonvolatile is None else placed.nonvolatile.name,
        samples=int(trace.task_counts["samples"].sum()),
        pulses={bank.name: pulses_of(spent, bank) for bank in placed.banks},
        update_steps={bank.name: update_steps(spent, bank) for bank in placed.banks},
    )


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


def _placement(placed: Placed) -> dict[str, Any]:
    """PEs of each memory that train and that rest, (F,); memories that a chip lacks are told as the two of imcsim."""
    memories, none = ((placed.volatile, "sram"), (placed.nonvolatile, "rram")), np.zeros(placed.phases, np.int64)
    training = {
        f"{bank.name if bank else name}_training": bank.training_pes if bank else none for bank, name in memories
    }
    frozen = {f"{bank.name if bank else name}_frozen": bank.resting_pes if bank else none for bank, name in memories}
    return training | frozen


def _horizon(spent: Charged, trees: dict[str, Breakdown]) -> dict[str, float]:
    """Write energy, compute energy, and over how many steps and inferences each is spread (per task)."""
    placed, energy = spent.placed, trees["energy"]
    trace, span = placed.trace, placed.chip.horizon
    tasks, updating = trace.meta.tasks, energy.part("update").leaves
    written = sum(joules for path, joules in updating.items() if path != ("arithmetic",))
    written += energy.part("migration").total
    between = SECONDS_PER_DAY / span.tasks_per_day
    return {
        "optimizer_steps_per_task": float(trace.task_counts["optimizer_steps"].sum() / tasks),
        "inferences_per_task": float(span.inferences_per_task),
        "task_switches_per_task": span.task_switches_per_task,
        "power_cycles_per_task": span.power_cycles_per_task,
        "write_energy_per_task_j": written / tasks,
        "compute_energy_per_task_j": (energy.total - written) / tasks,
        "inference_energy_per_task_j": trees["inference"].total * span.inferences_per_task,
        "switch_energy_per_task_j": trees["task_switch"].total * span.task_switches_per_task,
        "power_up_energy_per_task_j": trees["power_up"].total * span.power_cycles_per_task,
        "retention_energy_per_task_j": retention_w(placed) * between,
        "tasks_per_day": span.tasks_per_day,
        "switch_rewritten_cells": spent.switch.rewritten_cells,
        "switch_rram_cells": spent.switch.nonvolatile_cells,
        "switch_time_s": spent.switch.time_s,
    }
