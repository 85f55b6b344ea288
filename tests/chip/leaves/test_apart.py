"""What is charged apart from training, by hand: first programming, power-up, task switch, image, horizon, retention."""

import numpy as np
import pytest

from imcsim.chip import price
from imcsim.core.units import SECONDS_PER_DAY
from imcsim.devices.row_time import row_write_time_s
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from tests.chip.hand import ENCODINGS, told
from tests.chip.leaves.test_moved import event_j
from tests.chip.leaves.two_tiles import (
    COLUMNS,
    HYBRID,
    IN,
    OUT,
    POSITIONS,
    RRAM,
    SRAM,
    STEPS,
    WEIGHTS,
    check,
    chip_with,
    priced,
)  # fmt: skip

SPAN = {
    "horizon.inferences_per_task": 7, "horizon.tasks_per_day": 4.0, "horizon.task_switches_per_task": 3.0,
    "horizon.power_cycles_per_task": 5.0,
}  # fmt: skip


def test_first_programming_and_power_up() -> None:
    chip, report = priced(RRAM)
    # digits in base 4 that are not 0: 5 = 11, 7 and -7 = 13, 100 = 1210, 3, 2, -1, -64 = 1000, 9 = 21, 1
    cells = 2 + 2 + 2 + 3 + 1 + 1 + 1 + 1 + 2 + 1
    check(report, "deployment", {"rram_program": cells * event_j(chip)})
    assert report.power_up.total == 0
    chip, report = priced(SRAM)
    assert chip.sram is not None
    loaded = {"dram_read": WEIGHTS * 8 * chip.dram.energy_j, "sram_write": IN * COLUMNS * chip.sram.cell.write_energy_j}
    check(report, "deployment", loaded)
    check(report, "power_up", loaded)
    chip, report = priced(SRAM, {"input_gradient": "second-copy"})
    check(report, "power_up", loaded | {"sram_write": 2 * loaded["sram_write"]})


def test_a_hybrid_loads_residents_at_power_up() -> None:
    chip = chip_with(HYBRID)
    assert chip.config.sram is not None
    report = price(switched(resident=True), chip)
    check(report, "power_up", {
        "dram_read": 2 * 8 * chip.config.dram.energy_j,
        "sram_reload": 2 * 8 * chip.config.sram.cell.write_energy_j,
    })  # fmt: skip


def test_an_image_moves_its_inputs_and_outputs() -> None:
    chip, report = priced(RRAM)
    check(report, "inference", {
        "activation": POSITIONS * OUT * chip.mac.vector_energy_j,
        "buffer.read": POSITIONS * IN * 8 * chip.buffer.read_energy_j,
        "buffer.write": POSITIONS * OUT * 8 * chip.buffer.write_energy_j,
        "link": POSITIONS * (IN + OUT) * 8 * chip.link.hops * chip.link.energy_j,
    })  # fmt: skip


def test_weights_that_take_turns_are_loaded_for_every_image() -> None:
    # two PEs, room for one: both are loaded at each pass
    chip, report = priced(SRAM, {"sram.pe_count": 1, "oversize": "multiplex"})
    assert chip.sram is not None
    bits_j, cells_j = WEIGHTS * 8 * chip.dram.energy_j, IN * COLUMNS * chip.sram.cell.write_energy_j
    seconds = WEIGHTS * 8 / chip.dram.bandwidth_bits_per_s
    rows_s = IN * chip.sram.cell.write_time_s
    check(report, "inference", {"reload.dram_read": bits_j, "reload.sram_write": cells_j})
    check(report, "inference_latency", {"reload": seconds + rows_s})
    passes = 2 * STEPS + 2  # forward and back at each step, and to score
    check(report, "energy", {
        "reload.dram_read": passes * bits_j,
        "reload.dram_write": STEPS * bits_j,
        "reload.sram_write": passes * cells_j,
    })  # fmt: skip
    check(report, "latency", {"reload": passes * (seconds + rows_s) + STEPS * seconds})


def switched(*, resident: bool = False) -> Trace:
    """Two tasks on one 2 x 1 layer: weight 0 goes 0 -> 1 -> 2, weight 1 stays 3; each task has its own weights."""
    codes = [np.array([[[a], [3]]]) for a in (0, 1, 2)]
    trace = make_trace(
        [linear_layer("l", 2, 1)], {"l": codes[0]}, {"l": [[[codes[1]]], [[codes[2]]]]}, ENCODINGS,
        task_counts={"mask_bits": 40},
    )  # fmt: skip
    return told(trace, switched_layers=("l",), resident_layers=("l",) if resident else ())


def test_a_switch_loads_masks_and_rewrites_what_differs() -> None:
    chip = chip_with(RRAM)
    config, report = chip.config, price(switched(), chip)
    masks = {"mask_dram": 40 * config.dram.energy_j, "mask_write": 40 * config.buffer.write_energy_j}
    check(report, "task_switch", masks | {"rram_program": event_j(config)})  # digit 0 of weight 0: 1 <-> 2
    assert config.rram is not None
    cell = config.rram.cell
    seconds = 40 / config.dram.bandwidth_bits_per_s + row_write_time_s(cell, 2, 1.0, 8)
    check(report, "horizon", {"switch_rewritten_cells": 1, "switch_rram_cells": 1, "switch_time_s": seconds})
    chip = chip_with(SRAM)
    config, report = chip.config, price(switched(), chip)
    assert config.sram is not None
    cells = {"sram_write": 2 * config.sram.cell.write_energy_j}  # offset binary: 129 and 130 differ in two bits
    check(report, "task_switch", masks | cells | {"weights_dram": 8 * config.dram.energy_j})


def test_the_horizon_spreads_energies_over_what_happens_in_a_task() -> None:
    _, report = priced(HYBRID, SPAN)
    energy = report.energy.flat()
    written = sum(
        energy[leaf]
        for leaf in ("update.sram_write", "migration.rram_read", "migration.sram_write", "migration.rram_program")
    )
    check(report, "horizon", {
        "optimizer_steps_per_task": STEPS,
        "inferences_per_task": 7,
        "tasks_per_day": 4,
        "task_switches_per_task": 3,
        "power_cycles_per_task": 5,
        "write_energy_per_task_j": written,
        "compute_energy_per_task_j": sum(energy.values()) - written,
        "inference_energy_per_task_j": 7 * report.inference.total,
        "switch_energy_per_task_j": 3 * report.task_switch.total,
    })  # fmt: skip
    _, report = priced(SRAM, SPAN)
    check(report, "horizon", {"power_up_energy_per_task_j": 5 * report.power_up.total})


@pytest.mark.parametrize(
    ("name", "more", "pes"),
    [
        (SRAM, {}, 2),
        (SRAM, {"input_gradient": "second-copy"}, 4),
        (SRAM, {"oversize": "multiplex", "sram.pe_count": 3, "input_gradient": "second-copy"}, 3),
        (HYBRID, {"commit": "lazy"}, 2),
        (HYBRID, {"commit": "lazy", "input_gradient": "second-copy"}, 4),
    ],
)
def test_sram_that_alone_holds_weights_leaks_from_task_to_task(name: str, more: dict[str, object], pes: int) -> None:
    chip, report = priced(name, SPAN | more)
    assert chip.sram is not None
    watts = pes * 4 * COLUMNS * chip.sram.cell.leakage_w
    check(report, "horizon", {"retention_energy_per_task_j": watts * SECONDS_PER_DAY / 4})


@pytest.mark.parametrize("more", [{}, {"input_gradient": "second-copy"}])
def test_what_rram_keeps_needs_no_power(more: dict[str, object]) -> None:
    for name in (HYBRID, RRAM):
        assert priced(name, more)[1].horizon["retention_energy_per_task_j"] == 0
