"""Every number of a report, counted anew: dotted name -> number."""

import math
from collections.abc import Mapping
from typing import Any

from tests.oracle import area, gradients, latency, life, reads, serve, traffic, turns
from tests.oracle.periphery import buffer_read_j, buffer_write_j
from tests.oracle.scene import Leaves, Scene, scene_of
from tests.oracle.writes import Written

Numbers = dict[str, int | float | None]
_SECONDS_PER_DAY = 86400.0
_WRITES = ("update.sram_write", "update.rram_program", "update.failed_writes", "migration.")


def expected(trace: Any, values: dict[str, Any]) -> Numbers:
    """Return what the price of ``trace`` on a chip of ``values`` (as it dumps itself) must be."""
    scene = scene_of(trace, values)
    written, bits = Written(scene), traffic.bits_of(scene)
    seconds = latency.training(scene, written, bits)
    energy = _energy(scene, written, bits, seconds)
    switched = serve.switch(scene)
    apart = {
        "deployment": serve.deployment(scene),
        "task_switch": switched.joules,
        "power_up": serve.power_up(scene),
        "inference": serve.inference(scene),
    }
    trees = apart | {"inference_latency": serve.inference_latency(scene), "area": area.area(scene)}
    found = _by_task("energy", scene, energy) | _by_task("latency", scene, seconds)
    for tree, leaves in trees.items():
        found |= {f"{tree}.{leaf}": value for leaf, value in leaves.items()}
        found[f"{tree}:total"] = math.fsum(leaves.values())
    found |= _placement(scene) | _horizon(scene, energy, {name: math.fsum(one.values()) for name, one in apart.items()})
    found |= {
        "horizon.switch_rewritten_cells": switched.rram_cells + switched.sram_cells,
        "horizon.switch_rram_cells": switched.rram_cells,
        "horizon.switch_time_s": switched.seconds,
    }
    if scene.rram is not None:
        found |= life.of_rram(scene, scene.rram, written)
    if scene.sram is not None:
        found |= life.of_sram(scene, scene.sram, written)
    return found


def _energy(scene: Scene, written: Written, bits: traffic.Bits, seconds: Leaves) -> Leaves:
    """Return joules of learning, by leaf and phase."""
    chip, count, total = scene.chip, scene.facts.count, scene.facts.total
    found: Leaves = {}

    def under(name: str, leaves: Leaves) -> None:
        found.update({f"{name}.{leaf}" if name else leaf: values for leaf, values in leaves.items()})

    under("forward", reads.forward(scene, count["forward_vectors"]))
    under("input_gradient", reads.backward(scene, count["input_gradient_vectors"]))
    under("weight_gradient", gradients.energy(scene))
    under("scoring.forward", reads.forward(scene, count["scoring_forward_vectors"]))
    under("scoring.input_gradient", reads.backward(scene, count["scoring_input_gradient_vectors"], scoring=True))
    under("", written.energy())
    under("", traffic.energy(scene, bits))
    under("reload", turns.energy(scene))
    whole = [math.fsum(values[f] for values in seconds.values()) for f in scene.phase_count()]
    under("leakage", latency.leakage(scene, whole))
    for f in scene.phase_count():
        steps = float(total["optimizer_steps"][f])
        updated = float(count["updated_weights"][f].sum()) + float(total["digital_parameters"][f]) * steps
        there, back = count["forward_vectors"][f], count["input_gradient_vectors"][f]
        outputs = sum(n * layer.outputs_all for n, layer in zip(there, scene.facts.layers, strict=True))
        inputs = sum(n * layer.inputs_all for n, layer in zip(back, scene.facts.layers, strict=True))
        macs = float(count["scoring_weight_gradient_macs"][f].sum()) + float(total["scoring_macs"][f])
        for leaf, joules in (
            ("forward.activation", outputs * chip.mac.vector_energy_j),
            ("input_gradient.activation", inputs * chip.mac.vector_energy_j),
            ("update.arithmetic", updated * chip.mac.update_energy_j),
            ("scoring.mac", macs * chip.mac.gradient_energy_j),
            ("masks.write", float(total["mask_bits"][f]) * buffer_write_j(chip)),
            ("masks.read", float(total["mask_bits"][f]) * steps * buffer_read_j(chip)),
        ):
            found.setdefault(leaf, scene.zeros())[f] = float(joules)
    return found


def _by_task(tree: str, scene: Scene, leaves: Leaves) -> Numbers:
    """Return the leaves of the whole stream and of each task."""
    found: Numbers = {f"{tree}.{leaf}": math.fsum(values) for leaf, values in leaves.items()}
    found[f"{tree}:total"] = math.fsum(value for values in leaves.values() for value in values)
    for leaf, values in leaves.items():
        for task in range(scene.facts.tasks):
            mine = [value for value, of in zip(values, scene.facts.task_of, strict=True) if of == task]
            found[f"{tree}_by_task.{task}.{leaf}"] = math.fsum(mine)
    return found


def _placement(scene: Scene) -> Numbers:
    """Return how many PEs stand and train where."""
    place, found = scene.place, Numbers()
    for name, mask in {
        "sram_training": place.sram_trains,
        "rram_training": place.rram_trains,
        "sram_frozen": place.in_sram & ~place.trains,
        "rram_frozen": ~place.in_sram & ~place.trains,
    }.items():
        found |= {f"placement.{name}.{f}": int(row.sum()) for f, row in enumerate(mask)}
    return found


def _horizon(scene: Scene, energy: Leaves, apart: Mapping[str, float]) -> Numbers:
    """Return energies a task, and over how much each is spread."""
    chip, facts, span = scene.chip, scene.facts, scene.chip.horizon
    whole = math.fsum(value for values in energy.values() for value in values)
    writes = math.fsum(v for leaf, values in energy.items() if leaf.startswith(_WRITES) for v in values)
    kept_w = 0.0  # between two tasks SRAM stays on where the weights are nowhere else
    if scene.sram is not None and not (scene.rram is not None and chip.commit == "task"):
        kept_w = latency.holding(scene, facts.phases - 1) * latency.pe_w(scene)
    return {
        "horizon.optimizer_steps_per_task": float(facts.total["optimizer_steps"].sum()) / facts.tasks,
        "horizon.inferences_per_task": float(span.inferences_per_task),
        "horizon.task_switches_per_task": span.task_switches_per_task,
        "horizon.power_cycles_per_task": span.power_cycles_per_task,
        "horizon.tasks_per_day": span.tasks_per_day,
        "horizon.write_energy_per_task_j": writes / facts.tasks,
        "horizon.compute_energy_per_task_j": (whole - writes) / facts.tasks,
        "horizon.inference_energy_per_task_j": apart["inference"] * span.inferences_per_task,
        "horizon.switch_energy_per_task_j": apart["task_switch"] * span.task_switches_per_task,
        "horizon.power_up_energy_per_task_j": apart["power_up"] * span.power_cycles_per_task,
        "horizon.retention_energy_per_task_j": kept_w * _SECONDS_PER_DAY / span.tasks_per_day,
    }
