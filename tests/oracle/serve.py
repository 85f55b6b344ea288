"""What is charged apart from training: first programming, one image, one power-up, one task switch.

Shape letters: F placement phases, P PEs, L mapped layers.
"""

import math
from dataclasses import dataclass

import numpy as np

from tests.oracle import turns
from tests.oracle.cells import Memory
from tests.oracle.latency import ahead_s, pipeline
from tests.oracle.periphery import buffer_read_j, buffer_write_j
from tests.oracle.place import served_in_sram
from tests.oracle.reads import Way, open_share, passes
from tests.oracle.scene import Scene
from tests.oracle.traffic import layer_hops
from tests.oracle.writes import deployment_events, events_j, moved, pulses_s, rows_hit


def deployment(scene: Scene) -> dict[str, float]:
    """Return joules of the first programming: RRAM cells leave level 0, or SRAM is loaded from DRAM."""
    if scene.rram is not None:
        return {"rram_program": deployment_events(scene, scene.rram)[0]}
    return _all_loaded(scene)


def _all_loaded(scene: Scene) -> dict[str, float]:
    """Every code from DRAM once, every SRAM cell of every copy written."""
    if scene.sram is None:
        raise ValueError("no SRAM to load")
    bits = sum(layer.weights for layer in scene.facts.layers) * scene.chip.weight_bits
    cells = sum(layer.weights for layer in scene.facts.layers) * scene.sram.per_weight * scene.copies
    return {
        "dram_read": bits * scene.chip.dram.energy_j,
        "sram_write": cells * scene.chip.sram.cell.write_energy_j,
    }


def power_up(scene: Scene) -> dict[str, float]:
    """Return joules of one power-up: RRAM has kept its weights, what is in SRAM alone comes from DRAM."""
    if scene.rram is None:
        return _all_loaded(scene)
    if scene.sram is None:
        return {"dram_read": 0.0, "sram_reload": 0.0}
    weights = sum(layer.weights for layer in scene.facts.layers if layer.name in scene.facts.resident)
    cells = weights * scene.sram.per_weight * scene.copies
    return {
        "dram_read": weights * scene.chip.weight_bits * scene.chip.dram.energy_j,
        "sram_reload": cells * scene.chip.sram.cell.write_energy_j,
    }


def inference(scene: Scene) -> dict[str, float]:
    """Return joules of one image after the last task."""
    chip, facts = scene.chip, scene.facts
    vectors = np.zeros((facts.phases, len(facts.layers)))
    vectors[-1] = [layer.positions for layer in facts.layers]
    shut = open_share(scene, scene.home) if chip.gate_columns else None
    way = Way(vectors, facts.input_density, entry=1, open=shut)
    found = {name: values[-1] for name, values in passes(scene, way, served_in_sram(chip, scene.place)).items()}
    x = [layer.positions * layer.inputs_all for layer in facts.layers]
    y = [layer.positions * layer.outputs_all for layer in facts.layers]
    hopped = math.fsum((a + b) * hops for a, b, hops in zip(x, y, layer_hops(scene, 0), strict=True))
    found |= {
        "activation": sum(y) * chip.mac.vector_energy_j,
        "buffer.read": sum(x) * chip.input_bits * buffer_read_j(chip),
        "buffer.write": sum(y) * chip.input_bits * buffer_write_j(chip),
        "link": hopped * chip.input_bits * chip.link.energy_j,
    }
    again = turns.of_image(scene)
    return found if again is None else found | {f"reload.{name}": j for name, j in again.joules(scene).items()}


def inference_latency(scene: Scene) -> dict[str, float]:
    """Return seconds of one image after the last task."""
    positions = np.array([layer.positions for layer in scene.facts.layers])
    in_sram = served_in_sram(scene.chip, scene.place)[-1]
    found = {"forward": pipeline(positions, ahead_s(scene, in_sram), 1.0)}
    again = turns.of_image(scene)
    return found if again is None else found | {"reload": again.seconds(scene)}


@dataclass(frozen=True)
class Switch:
    """One task switch, mean over those between consecutive tasks, there and back."""

    joules: dict[str, float]
    rram_cells: float
    sram_cells: float
    seconds: float


def switch(scene: Scene) -> Switch:
    """Return what serving the next task takes: its masks from DRAM, and cells that hold other weights for it."""
    chip, facts = scene.chip, scene.facts
    bits = float(np.mean(facts.total["mask_bits"])) if facts.told_task else 0.0
    joules = {"mask_dram": bits * chip.dram.energy_j, "mask_write": bits * buffer_write_j(chip)}
    rram_cells, rram_j, rram_s = _rewritten_rram(scene)
    sram_cells, sram_s, fetched = _rewritten_sram(scene)
    if rram_cells:
        joules["rram_program"] = rram_j
    if sram_cells:
        joules["sram_write"] = sram_cells * chip.sram.cell.write_energy_j
    if fetched:
        joules["weights_dram"] = fetched * chip.dram.energy_j
    seconds = (bits + fetched) / chip.dram.bandwidth_bits_per_s + max(rram_s, sram_s)
    return Switch(joules, rram_cells, sram_cells, seconds)


def pairs(scene: Scene) -> list[tuple[int, int]]:
    """Return the entries of the codes that serve each two consecutive tasks."""
    learned = scene.facts.learned
    return [(learned[task], learned[task + 1]) for task in range(len(learned) - 1)]


def rewritten_in(scene: Scene, kind: str) -> tuple[str, ...]:
    """Return the layers whose cells in memory ``kind`` a switch rewrites: residents of a hybrid are in SRAM."""
    switched = scene.facts.switched if scene.facts.tasks > 1 else ()
    if scene.rram is None or scene.sram is None:
        return switched if (scene.rram is None) == (kind == "sram") else ()
    return tuple(name for name in switched if (name in scene.facts.resident) == (kind == "sram"))


def _by_pair(scene: Scene, memory: Memory, kind: str) -> list[list[tuple[int, int, float, float]]]:
    """For each pair of tasks, (cells, rows, joules there, joules back) of each PE that a switch rewrites."""
    layers, found = rewritten_in(scene, kind), []
    mine = [pe for pe in memory.pes if scene.facts.layers[pe.layer].name in layers]
    for first, second in pairs(scene) if mine else ():
        rewritten = []
        for pe in mine:
            old, new = moved(memory, pe, first, second)
            there = events_j(memory.part, old, new) if kind == "rram" else 0.0
            back = events_j(memory.part, new, old) if kind == "rram" else 0.0
            rewritten.append((int((old != new).sum()), rows_hit(old != new), there, back))
        found.append(rewritten)
    return found


def _rewritten_rram(scene: Scene) -> tuple[float, float, float]:
    """Return cells and joules of all copies, and seconds."""
    if scene.rram is None:
        return 0.0, 0.0, 0.0
    found = _by_pair(scene, scene.rram, "rram")
    if not found:
        return 0.0, 0.0, 0.0
    cells = np.mean([sum(pe[0] for pe in pair) for pair in found])
    joules = np.mean([sum(pe[2] + pe[3] for pe in pair) / 2 for pair in found])
    seconds = np.mean([pulses_s(scene.rram, [(pe[0], pe[1]) for pe in pair]) for pair in found])
    return float(cells) * scene.copies, float(joules) * scene.copies, float(seconds)


def _rewritten_sram(scene: Scene) -> tuple[float, float, float]:
    """Return cells of all copies, seconds, and bits of weights from DRAM: a hybrid's residents are in its masks."""
    if scene.sram is None:
        return 0.0, 0.0, 0.0
    found = _by_pair(scene, scene.sram, "sram")
    if not found:
        return 0.0, 0.0, 0.0
    cells = np.mean([sum(pe[0] for pe in pair) for pair in found])
    rows = np.mean([max(pe[1] for pe in pair) for pair in found])
    own = [name for name in rewritten_in(scene, "sram") if name not in scene.facts.resident]
    fetched = 0.0
    if scene.rram is None and own:
        codes = scene.facts.codes
        fetched = float(np.mean([sum((codes[n][a] != codes[n][b]).sum() for n in own) for a, b in pairs(scene)]))
    seconds = float(rows) * float(scene.chip.sram.cell.write_time_s)
    return float(cells) * scene.copies, seconds, fetched * scene.chip.weight_bits
