"""Area: PEs in use by component, buffer, digital unit, and what no weight uses."""

from typing import Any

from tests.oracle.cells import Memory, up
from tests.oracle.gradients import scratch_pes
from tests.oracle.lines import lines, replicas_of
from tests.oracle.periphery import buffer_m2, converter_m2, full_adders, levels
from tests.oracle.scene import Scene
from tests.oracle.turns import held


def area(scene: Scene) -> dict[str, float]:
    """Return square metres by component."""
    chip, copies = scene.chip, scene.copies
    found = {"buffer": buffer_m2(chip), "digital": float(chip.mac.area_m2)}
    if scene.rram is not None:
        everywhere = list(range(len(scene.rram.pes)))
        used = len(everywhere) * copies
        found |= _of_memory(
            scene, scene.rram, "rram", rram_pe(chip, scene.rram), everywhere, (used, chip.rram.pe_count)
        )
    if scene.sram is not None:
        standing = [[p for p in range(len(scene.sram.pes)) if row[p]] for row in scene.place.in_sram]
        most = max(map(len, standing))
        busiest = next(pes for pes in standing if len(pes) == most)  # the first phase with the most PEs in SRAM
        chosen = busiest[: held(scene, most * copies) // copies]
        used = len(chosen) * copies + scratch_pes(scene)
        there = max(used, chip.sram.pe_count)
        found |= _of_memory(scene, scene.sram, "sram", sram_pe(chip, scene.sram), chosen, (used, there))
    return found


def _of_memory(
    scene: Scene, memory: Memory, kind: str, pe_m2: dict[str, float], chosen: list[int], pes: tuple[int, int]
) -> dict[str, float]:
    """PEs in use, whole PEs without a weight, and cells without a weight within used PEs (scratch PEs are full)."""
    used, there = pes
    cell_m2 = memory.part.cell.area_f2 * memory.part.cell.feature_size_m**2
    per_pe = scene.chip.array.rows * scene.chip.array.cols
    empty = sum(per_pe - memory.cells(memory.pes[p]) for p in chosen) * cell_m2 * scene.copies
    found = {f"{kind}.{name}": value * used for name, value in pe_m2.items()}
    found[f"{kind}.cells"] -= empty
    return found | {f"unused.{kind}_pes": sum(pe_m2.values()) * (there - used), f"unused.{kind}_cells": empty}


def rram_pe(chip: Any, memory: Memory) -> dict[str, float]:
    """Return the area of one RRAM PE by component."""
    part, rows, cols = chip.rram, chip.array.rows, chip.array.cols
    converters = up(lines(memory, memory.outs_per_pe), part.columns_per_adc)
    found = {
        "cells": rows * cols * part.cell.area_f2 * part.cell.feature_size_m**2,
        "adc": converters * converter_m2(part.adc, part.adc_bits),
        "driver": rows * chip.driver.area_per_row_m2,
        "shift_add": converters * chip.shift_add.area_m2,
    }
    back = chip.input_gradient == "transposable"
    replica = replicas_of(memory, cols)
    if replica is not None:
        cells = rows * 2 * replica.pairs + (2 * cols if back else 0)
        found["replica"] = cells * part.cell.area_f2 * part.cell.feature_size_m**2
    if back:
        found["transpose_driver"] = cols * chip.driver.area_per_row_m2
    return found | _control(part, found)


def _control(part: Any, found: dict[str, float]) -> dict[str, float]:
    """Control, clock and decoders, as a share of the rest."""
    return {"control": part.control_area_share * sum(found.values())} if part.control_area_share else {}


def sram_pe(chip: Any, memory: Memory) -> dict[str, float]:
    """Return the area of one SRAM PE by component; errors need trees on its rows, too."""
    part, rows, cols = chip.sram, chip.array.rows, chip.array.cols
    across, at_once = memory.outs_per_pe * memory.per_weight // memory.slices, up(rows, part.weight_sets)
    found = {"cells": rows * cols * part.cell.area_f2 * part.cell.feature_size_m**2}
    found |= _logic(chip, memory, "", up(across, part.weights_per_tree), at_once)
    found["driver"] = rows * chip.driver.area_per_row_m2
    if chip.input_gradient == "transposable":
        found |= _logic(chip, memory, "transpose_", up(at_once, part.weights_per_tree), across)
        found["transpose_driver"] = cols * chip.driver.area_per_row_m2
    return found | _control(part, found)


def _logic(chip: Any, memory: Memory, name: str, trees: int, inputs: int) -> dict[str, float]:
    """Product gates, adders and accumulators of ``trees`` of ``inputs`` each."""
    tree, bits, weight_bits = chip.sram.adder_tree, chip.dac_bits, memory.slices
    joined = weight_bits + bits if bits > 1 else weight_bits
    adders = full_adders(inputs, joined, tree.kind) + inputs * (bits - 1) * weight_bits
    width = weight_bits + max(chip.input_bits, chip.error_bits) + levels(inputs)
    return {
        f"{name}product": trees * inputs * bits * weight_bits * tree.product_area_m2,
        f"{name}adder_tree": trees * adders * tree.full_adder_area_m2,
        f"{name}accumulator": trees * width * (tree.full_adder_area_m2 + tree.flip_flop_area_m2),
    }
