"""Vectors through the arrays by hand: training, scoring, an image; forward and back; three ways for input gradients."""

import pytest

from imcsim.chip import ChipConfig
from tests.chip.leaves.two_tiles import (
    BY_COLUMN,
    COLUMNS,
    DRIVES,
    END,
    HYBRID,
    IN,
    OUT,
    PHASES,
    POSITIONS,
    RRAM,
    SLICES,
    SRAM,
    START,
    STEPS,
    TILES,
    WEIGHTS,
    check,
    conductance_s,
    priced,
)  # fmt: skip

Codes = list[list[int]]
PAIRS = COLUMNS // 2
FORWARD = (("energy", "forward", 15, START), ("energy", "scoring.forward", 6, START), ("inference", "", POSITIONS, END))
BACK = (("input_gradient", 9), ("scoring.input_gradient", 3))


def open_v2s(chip: ChipConfig, cells: int, bits: int = 0) -> float:
    """Joules of a siemens that is open for one phase, on a line past ``cells`` cells that a clamp holds."""
    part = chip.rram
    assert part is not None
    seconds = part.cell.read_time_s + part.adc.time_s(bits or part.adc_bits, cells)
    return part.cell.read_voltage_v * chip.supply_v * seconds


def rram_forward(chip: ChipConfig, vectors: float, codes: Codes) -> dict[str, float]:
    part = chip.rram
    assert part is not None
    sums = [conductance_s(chip, codes, rows) for rows in TILES]
    each = [part.adc.energy_j(part.adc_bits, chip.supply_v, g * DRIVES / PHASES / PAIRS) for g in sums]
    return {
        "driver": vectors * IN * DRIVES * chip.driver.energy_j(COLUMNS, chip.supply_v),
        "cells": vectors * DRIVES * open_v2s(chip, 4) * sum(sums),
        "adc": vectors * PAIRS * PHASES * sum(each),
        "shift_add": vectors * 2 * PAIRS * PHASES * chip.shift_add.energy_j,
        "accumulate": vectors * OUT * chip.shift_add.energy_j,  # two partial sums of each output
    }


def sram_forward(chip: ChipConfig, vectors: float, codes: Codes) -> dict[str, float]:
    part = chip.sram
    assert part is not None
    tree, evaluations = part.adder_tree, vectors * OUT * PHASES
    adder_j = tree.full_adder_energy_j * tree.activity
    return {
        "driver": vectors * IN * DRIVES * chip.driver.energy_j(COLUMNS, chip.supply_v),
        "product": evaluations * IN * 8 * tree.product_energy_j * tree.activity,
        "adder_tree": evaluations * (25 + 8) * adder_j,  # of 4 and of 2 weights of 8 bits
        "accumulator": evaluations * 2 * 18 * (adder_j + tree.flip_flop_energy_j),  # 8 + 8 + 2 bits in both
        "accumulate": vectors * OUT * chip.shift_add.energy_j,
    }


def rram_back(chip: ChipConfig, vectors: float) -> dict[str, float]:
    part = chip.rram
    assert part is not None
    sums = [conductance_s(chip, START, rows) for rows in TILES]
    lines = [len(rows) * SLICES for rows in TILES]
    each = [
        n * part.adc.energy_j(part.back_bits, chip.supply_v, g * DRIVES / PHASES / n)
        for n, g in zip(lines, sums, strict=True)
    ]
    return {
        "driver": vectors * 2 * COLUMNS * DRIVES * chip.driver.energy_j(4, chip.supply_v),
        "cells": vectors * DRIVES * open_v2s(chip, COLUMNS, part.back_bits) * sum(sums),
        "adc": vectors * PHASES * sum(each),
        "shift_add": vectors * PHASES * IN * SLICES * chip.shift_add.energy_j,
    }


def sram_back(chip: ChipConfig, vectors: float) -> dict[str, float]:
    part = chip.sram
    assert part is not None
    tree = part.adder_tree
    adder_j = tree.full_adder_energy_j * tree.activity
    return {
        "driver": vectors * 2 * COLUMNS * DRIVES * chip.driver.energy_j(4, chip.supply_v),
        "product": vectors * PHASES * IN * OUT * 8 * tree.product_energy_j * tree.activity,
        "adder_tree": vectors * PHASES * IN * 8 * adder_j,  # of 2 weights of 8 bits
        "accumulator": vectors * PHASES * IN * 17 * (adder_j + tree.flip_flop_energy_j),
    }


def under(prefix: str, leaves: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}.{name}".lstrip("."): value for name, value in leaves.items()}


@pytest.mark.parametrize("more", [{}, BY_COLUMN])
def test_vectors_forward_in_rram(more: dict[str, object]) -> None:
    chip, report = priced(RRAM, more)
    for tree, prefix, vectors, codes in FORWARD:
        check(report, tree, under(f"{prefix}.rram", rram_forward(chip, vectors, codes)))


def test_vectors_forward_in_sram() -> None:
    chip, report = priced(SRAM)
    for tree, prefix, vectors, codes in FORWARD:
        check(report, tree, under(f"{prefix}.sram", sram_forward(chip, vectors, codes)))


@pytest.mark.parametrize("more", [{}, BY_COLUMN])
def test_errors_back_through_rram(more: dict[str, object]) -> None:
    chip, report = priced(RRAM, more)
    for prefix, vectors in BACK:
        check(report, "energy", under(f"{prefix}.rram", rram_back(chip, vectors)))


def test_errors_back_through_sram() -> None:
    chip, report = priced(SRAM)
    for prefix, vectors in BACK:
        check(report, "energy", under(f"{prefix}.sram", sram_back(chip, vectors)))


def test_errors_through_a_second_copy() -> None:
    # turned, 2 x 6 weights take 1 x 3 PEs, where 6 x 2 take 2: half as much again as a vector forward
    for name, forward in ((RRAM, rram_forward), (SRAM, sram_forward)):
        chip, report = priced(name, {"input_gradient": "second-copy"})
        for prefix, vectors in BACK:
            leaves = forward(chip, vectors * 3 / 2, START)
            check(report, "energy", under(f"{prefix}.{'rram' if name == RRAM else 'sram'}", leaves))


def test_errors_in_the_digital_unit() -> None:
    digital = {"input_gradient": "digital"}
    chip, report = priced(RRAM, digital | BY_COLUMN)
    whole = read_out_j(chip)
    check(report, "energy", {
        "input_gradient.mac": 9 * WEIGHTS * chip.mac.gradient_energy_j,
        "input_gradient.read_out": STEPS * whole,
        "scoring.input_gradient.mac": 3 * WEIGHTS * chip.mac.gradient_energy_j,
        "scoring.input_gradient.read_out": whole,
    })  # fmt: skip
    chip, report = priced(SRAM, digital)
    assert chip.sram is not None
    bits_j = WEIGHTS * 8 * chip.sram.cell.read_energy_j
    check(report, "energy", {"input_gradient.sram_read": STEPS * bits_j, "scoring.input_gradient.sram_read": bits_j})


def test_a_pe_that_comes_to_sram_is_read_whole() -> None:
    chip, report = priced(HYBRID, BY_COLUMN)
    assert chip.sram is not None
    check(report, "energy", {
        "migration.rram_read": read_out_j(chip),
        "migration.sram_write": IN * COLUMNS * chip.sram.cell.write_energy_j,
    })  # fmt: skip


def read_out_j(chip: ChipConfig) -> float:
    """Read the first codes of both PEs, row by row, a conversion for each pair at its PE's mean conductance."""
    part, total = chip.rram, 0.0
    assert part is not None
    for rows in TILES:
        g, pairs = conductance_s(chip, START, rows), len(rows) * PAIRS
        total += open_v2s(chip, 4) * g
        total += pairs * part.adc.energy_j(part.adc_bits, chip.supply_v, g / pairs)
        total += len(rows) * chip.driver.energy_j(COLUMNS, chip.supply_v)
    return total
