"""Seconds: layers form a pipeline, PEs of a layer work at once, all else adds up; and the leakage in that time.

Shape letters: F placement phases, L mapped layers.
"""

import math
from collections.abc import Sequence

from tests.oracle import gradients, turns
from tests.oracle.cells import up
from tests.oracle.facts import Array
from tests.oracle.lines import lines, replicas_of
from tests.oracle.periphery import buffer_w, conversion_s, sum_s
from tests.oracle.scene import Leaves, Scene
from tests.oracle.traffic import Bits
from tests.oracle.writes import Written, failed_writes


def training(scene: Scene, written: Written, bits: Bits) -> Leaves:
    """Return seconds by part."""
    found: Leaves = {}
    for f in scene.phase_count():
        each = _phase(scene, written, bits, f)
        if (again := turns.seconds(scene, f)) is not None:
            each["reload"] = again
        if (failed := failed_writes(scene)) is not None:
            each["failed_writes"] = failed[1][f] * failed[3]
        for name, value in each.items():
            found.setdefault(name, scene.zeros())[f] = value
    return found


def _phase(scene: Scene, written: Written, bits: Bits, f: int) -> dict[str, float]:
    chip, facts = scene.chip, scene.facts
    count = {name: values[f] for name, values in facts.count.items()}
    steps = float(facts.total["optimizer_steps"][f])
    ahead, back = ahead_s(scene, scene.place.in_sram[f]), back_s(scene, scene.place.in_sram[f])
    forward = pipeline(count["forward_vectors"], ahead, steps)
    errors = pipeline(count["input_gradient_vectors"], back, steps)
    weights = gradients.seconds(scene, f)
    macs = float(count["scoring_weight_gradient_macs"].sum() + facts.total["scoring_macs"][f])
    scoring = pipeline(count["scoring_forward_vectors"], ahead, 1.0)
    scoring += pipeline(count["scoring_input_gradient_vectors"], back, 1.0)
    moving = bits.of_buffer(f) / chip.buffer.bandwidth_bits_per_s
    return {
        "forward": forward,
        "input_gradient": errors,
        "weight_gradient": weights,
        "update": written.by["sram_s"][f] + written.by["rram_s"][f],
        "migration": (written.by["commit_s"][f] + written.by["load_s"][f]) * float(chip.charge_migration),
        "scoring": scoring + macs / chip.mac.macs_per_s,
        "buffer": max(0.0, moving - forward - errors - weights),  # what the arrays do not hide
        "dram": bits.of_dram(f) / chip.dram.bandwidth_bits_per_s,
    }


def pipeline(vectors: Array, vector_s: Sequence[float], fills: float) -> float:
    """Return the slowest layer's vectors, and at each fill one vector through each other layer in use."""
    busy = [float(n) * each for n, each in zip(vectors, vector_s, strict=True)]
    slowest = busy.index(max(busy))
    others = math.fsum(
        each for index, (n, each) in enumerate(zip(vectors, vector_s, strict=True)) if n > 0 and index != slowest
    )
    return busy[slowest] + others * fills


def ahead_s(scene: Scene, in_sram: Array, bits: int = 0) -> list[float]:
    """Return (L,) seconds of one input vector through each layer: of the slower memory that holds it."""
    bits = bits or scene.chip.input_bits
    chip, phases = scene.chip, up(bits, scene.chip.dac_bits)
    rram = sram = 0.0
    if scene.rram is not None:  # settle, then a converter takes its columns in turn
        part = chip.rram
        turn = conversion_s(part.adc, part.adc_bits, min(chip.array.rows, part.open_rows or chip.array.rows))
        passes = up(chip.array.rows, part.open_rows) if part.open_rows else 1
        replica, columns = replicas_of(scene.rram, chip.array.cols), part.columns_per_adc
        if replica is not None:  # spread over the converters
            columns += up(2 * replica.pairs, up(lines(scene.rram, scene.rram.outs_per_pe), part.columns_per_adc))
        rram = phases * passes * (part.cell.read_time_s + columns * turn)
    if scene.sram is not None:
        inputs = up(chip.array.rows, chip.sram.weight_sets)
        sram = phases * sum_s(chip, inputs, scene.sram.slices, bits)
    return _slower(scene, in_sram, rram, sram)


def back_s(scene: Scene, in_sram: Array) -> list[float]:
    """Return (L,) seconds of one error vector back through each layer."""
    chip, phases = scene.chip, up(scene.chip.error_bits, scene.chip.dac_bits)
    if chip.input_gradient == "digital":
        return [layer.weights / chip.mac.macs_per_s for layer in scene.facts.layers]
    if chip.input_gradient == "second-copy":
        return ahead_s(scene, in_sram, chip.error_bits)
    rram = sram = 0.0
    if scene.rram is not None:  # the same converters take all rows in turn, slice after slice
        part = chip.rram
        converters = up(lines(scene.rram, scene.rram.outs_per_pe), part.columns_per_adc)
        turn = conversion_s(part.adc, part.transposed_adc_bits or part.adc_bits, chip.array.cols)
        rows = chip.array.rows + (0 if replicas_of(scene.rram, chip.array.cols) is None else 2)
        each = part.cell.read_time_s + up(rows, converters) * turn
        rram = phases * scene.rram.slices * each
    if scene.sram is not None:
        signs = scene.sram.per_weight // scene.sram.slices
        sram = phases * sum_s(chip, scene.sram.outs_per_pe * signs, scene.sram.slices, chip.error_bits)
    return _slower(scene, in_sram, rram, sram)


def _slower(scene: Scene, in_sram: Array, rram_s: float, sram_s: float) -> list[float]:
    found = [0.0] * len(scene.facts.layers)
    for p, pe in enumerate(scene.home.pes):
        found[pe.layer] = max(found[pe.layer], sram_s if in_sram[p] else rram_s)
    return found


def leakage(scene: Scene, seconds: Sequence[float]) -> Leaves:
    """Return joules that leak in ``seconds`` (F,): the buffer, and the SRAM PEs that have power."""
    chip, found = scene.chip, {"buffer": [buffer_w(scene.chip) * each for each in seconds]}
    if scene.sram is not None:
        watts = []
        for f in scene.phase_count():
            powered = holding(scene, f) + gradients.scratch_pes(scene)
            watts.append(pe_w(scene) * (powered if chip.power_gate_unused else max(powered, chip.sram.pe_count)))
        found["sram"] = [watt * each for watt, each in zip(watts, seconds, strict=True)]
    return found


def holding(scene: Scene, f: int) -> int:
    """Return the SRAM PEs that hold weights in a phase, copies among them."""
    return turns.held(scene, int(scene.place.in_sram[f].sum()) * scene.copies)


def pe_w(scene: Scene) -> float:
    """Return the leakage of one SRAM PE."""
    return float(scene.chip.array.rows * scene.chip.array.cols * scene.chip.sram.cell.leakage_w)
