"""Numbers of the toy package, worked out with a pencil from the round numbers of its TOML files.

A conversion of 8 bits: 2^8 / 16 GHz = 16 ns, 256 (32 uW / 16 GHz + 1 fJ) = 768 fJ, 40 + 8 x 5 = 80 um2; of 6 bits: 4 ns
and 192 fJ. Charging a FeFET cell: 1 fF x 0.5 V^2 = 0.25 fJ. Half of the bits are ones, so that a line switches 4 times
in the 8 cycles of a vector.
"""

import math

import pytest

from imcsim.chip import price
from imcsim.chip.report import Report
from tests.toy_package.two_layers import toy, two_layers

FJ = 1e-15
CONVERSIONS = (2 * 16 * 10 + 16 * 5) * 8
"""Two PEs of layer a, 10 vectors, and one of layer b, 5 vectors: 16 used columns each, 8 cycles."""
CHARGED = (96 * 10 + 32 * 5) * 4
"""12 weights of layer a and 4 of layer b in 8 cells each, 4 switches a vector."""


def fefet() -> Report:
    return price(two_layers(), toy("toy-fefet"))


def test_forward_energy_component_by_component() -> None:
    chip, energy = toy("toy-fefet").config, fefet().energy.leaves
    each = chip.shift_add.energy_j
    assert energy["forward", "fefet", "adc"] == pytest.approx(CONVERSIONS * 768 * FJ, rel=1e-12)
    assert energy["forward", "fefet", "cells"] == pytest.approx(CHARGED * 0.25 * FJ, rel=1e-12)
    assert energy["forward", "fefet", "shift_add"] == pytest.approx(CONVERSIONS * each, rel=1e-12)
    # the two row tiles of layer a: one addition for each of 2 outputs and 10 vectors
    assert energy["forward", "fefet", "accumulate"] == pytest.approx(20 * each, rel=1e-12)
    drives = (6 * 10 + 2 * 5) * 4
    driving = chip.driver.energy_j(16, 0.9)
    assert energy["forward", "fefet", "driver"] == pytest.approx(drives * driving, rel=1e-12)


def test_transposed_energy_a_pass_for_each_of_four_slices() -> None:
    chip, energy = toy("toy-fefet").config, fefet().energy.leaves
    conversions = 2 * 4 * 8 * 5  # rows of layer b, slices, cycles, vectors
    assert energy["input_gradient", "fefet", "adc"] == pytest.approx(conversions * 768 * FJ, rel=1e-12)
    assert energy["input_gradient", "fefet", "cells"] == pytest.approx(32 * 4 * 5 * 0.25 * FJ, rel=1e-12)
    driving = chip.driver.energy_j(4, 0.9)
    assert energy["input_gradient", "fefet", "driver"] == pytest.approx(16 * 4 * 5 * driving, rel=1e-12)
    assert ("input_gradient", "fefet", "accumulate") not in energy


def test_writes_rise_by_program_pulses_and_fall_by_an_erase() -> None:
    # rises: a 0 -> 1 twice, b 0 -> 1: 3 x 4 fJ; falls: 1 -> 0, 2 -> 0: 2 x 10 fJ; 3 -> 2: 10 + 2 x 4 fJ
    report = fefet()
    assert report.energy.leaves["update", "fefet_program"] == pytest.approx(50 * FJ, rel=1e-12)
    assert (report.writes["fefet"].total, report.writes["fefet"].worst) == (6, 1)
    # levels of all first codes, from erased cells: 20 in rows 0 to 3 of layer a, 1 in row 5, 7 in layer b
    assert report.deployment.leaves["fefet_program",] == pytest.approx((20 + 1 + 7) * 4 * FJ, rel=1e-12)


def test_times() -> None:
    time = fefet().latency.leaves
    vector_s = 8 * (2e-9 + 8 * 16e-9)  # 8 cycles: settling, and 8 columns in turn
    assert time["forward",] == pytest.approx((10 + 1) * vector_s, rel=1e-12)  # layer b fills the pipeline once
    error_s = 8 * 4 * (2e-9 + 2 * 16e-9)  # cycles x slices; 2 converters take 4 rows in 2 turns
    assert time["input_gradient",] == pytest.approx(5 * error_s, rel=1e-12)
    # two rows of a PE, each an erase and 3 program pulses
    assert time["update",] == pytest.approx(2 * (100e-9 + 3 * 50e-9), rel=1e-12)


def test_area_and_what_no_weight_uses() -> None:
    report, cell_m2 = fefet(), 20 * 28e-9**2
    area, config = report.area.leaves, toy("toy-fefet").config
    assert area["fefet", "cells"] == pytest.approx(16 * 8 * cell_m2, rel=1e-12)  # 16 weights
    assert area["fefet", "adc"] == pytest.approx(3 * 2 * 80e-12, rel=1e-12)
    assert area["fefet", "driver"] == pytest.approx(3 * config.driver.area_m2(4), rel=1e-12)
    assert area["fefet", "transpose_driver"] == pytest.approx(3 * config.driver.area_m2(16), rel=1e-12)
    assert area["unused", "fefet_cells"] == pytest.approx((3 * 64 - 128) * cell_m2, rel=1e-12)
    drivers, adders = config.driver.area_m2(20), 2 * config.shift_add.area_m2
    whole = 64 * cell_m2 + 2 * 80e-12 + drivers + adders
    assert area["unused", "fefet_pes"] == pytest.approx((400 - 3) * whole, rel=1e-12)


def test_life_and_no_leakage_and_nothing_to_power_up() -> None:
    report = fefet()
    life = report.lifetime["fefet"]
    assert life.tasks_guaranteed == pytest.approx(1e8)
    # 6 cells with one cycle a task: half of the chips have lost one after scale (ln 2 / 6)^(1 / shape)
    assert life.tasks_first_failure == pytest.approx(1e10 * (math.log(2) / 6) ** (1 / 1.5), rel=1e-9)
    assert ("leakage", "fefet") not in report.energy.leaves
    assert report.energy.leaves["leakage", "buffer"] > 0
    assert report.power_up.total == 0
    row = report.row()
    assert (row["fefet_writes"], row["fefet_worst_writes"], row["rram_writes"]) == (6, 1, 0)
    assert row["lifetime_tasks"] == pytest.approx(1e8)


def test_a_hybrid_moves_weights_to_sram_and_home() -> None:
    resolved = toy("toy-fefet-sram")
    chip, report = resolved.config, price(two_layers(), resolved)
    energy, sram = report.energy.leaves, chip.sram
    assert sram is not None
    # all three PEs come from the FeFETs: 128 cells charged and converted, 8 rows driven; 128 SRAM bits written
    driving = chip.driver.energy_j(16, 0.9)
    read = 128 * (0.25 + 768) * FJ + 8 * driving
    assert energy["migration", "fefet_read"] == pytest.approx(read, rel=1e-12)
    assert energy["migration", "sram_write"] == pytest.approx(128 * sram.cell.write_energy_j, rel=1e-12)
    # offset binary: 128 -> 129, 127 -> 129, 130 -> 132, 131 -> 130
    bits = 1 + (127 ^ 129).bit_count() + (130 ^ 132).bit_count() + 1
    assert energy["update", "sram_write"] == pytest.approx(bits * sram.cell.write_energy_j, rel=1e-12)
    assert energy["migration", "fefet_program"] == pytest.approx(50 * FJ, rel=1e-12)
    assert energy["update", "fefet_program"] == 0
    # commit; a row of 4 read: settling and 8 turns; a row of 4 written in SRAM
    seconds = 2 * 250e-9 + 4 * (2e-9 + 8 * 16e-9) + 4 * sram.cell.write_time_s
    assert report.latency.leaves["migration",] == pytest.approx(seconds, rel=1e-12)
    # served from the FeFETs: one vector through each layer
    assert report.inference.leaves["fefet", "adc"] == pytest.approx((32 + 16) * 8 * 768 * FJ, rel=1e-12)
    assert report.inference.part("sram").total == 0


def test_analog_sram_beside_rram() -> None:
    resolved = toy("toy-rram-analog-sram")
    report, chip = price(two_layers(), resolved), resolved.config
    energy, cell = report.energy.leaves, chip.memory["cache"].cell  # type: ignore[attr-defined]
    assert energy["forward", "cache", "adc"] == pytest.approx(CONVERSIONS * 192 * FJ, rel=1e-12)
    assert energy["forward", "cache", "cells"] == pytest.approx(CHARGED * 2 * FJ * 0.9**2, rel=1e-12)
    assert energy["forward", "rram", "adc"] == 0
    vector_s = 8 * (1 / 200e6 + 8 * 4e-9)
    assert report.latency.leaves["forward",] == pytest.approx(11 * vector_s, rel=1e-12)
    held = 3 * 64 * cell.leakage_w * report.latency.total
    assert energy["leakage", "cache"] == pytest.approx(held, rel=1e-12)
    assert report.lifetime["cache"].tasks_first_failure is None
    assert report.area.leaves["cache", "adc"] == pytest.approx(3 * 2 * 70e-12, rel=1e-12)  # 40 + 6 x 5 um2


def test_the_regulator() -> None:
    report = price(two_layers(), toy("toy-sram-ldo"))
    energy = report.energy
    fed = energy.total - energy.part("part").total
    assert energy.leaves["part", "regulator", "loss"] == pytest.approx(0.25 * fed, rel=1e-12)
    assert energy.leaves["part", "regulator", "quiescent"] == pytest.approx(1e-4 * report.latency.total, rel=1e-12)
    once = report.inference.leaves["part", "regulator", "quiescent"]
    assert once == pytest.approx(1e-4 * report.inference_latency.total, rel=1e-12)
    assert report.area.leaves["part", "regulator", "regulator"] == 2e-9
    plain = price(two_layers(), toy("toy-sram-ldo", {"part": {}}))
    assert fed == pytest.approx(plain.energy.total, rel=1e-12)
    assert report.latency.total == plain.latency.total
