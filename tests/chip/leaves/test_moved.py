"""Bits moved, digital work, writes and leakage of training by hand."""

from dataclasses import replace

import numpy as np
import pytest

from imcsim.chip import ChipConfig, price
from tests.chip.leaves.two_tiles import (
    COLUMNS,
    HYBRID,
    IN,
    OUT,
    RRAM,
    SRAM,
    STEPS,
    check,
    chip_with,
    priced,
    trace,
)  # fmt: skip


def test_bits_of_vectors_cross_buffer_and_links() -> None:
    chip, report = priced(SRAM)
    read, write, hop = chip.buffer.read_energy_j, chip.buffer.write_energy_j, chip.link.energy_j * chip.link.hops
    bits = 8  # of an input as of an error
    scored_in, scored_out = 6 * IN + 3 * OUT, 6 * OUT + 3 * IN
    check(report, "energy", {
        "buffer.read_forward": 15 * IN * bits * read,
        "buffer.write_forward": 15 * OUT * bits * write,
        "buffer.read_input_gradient": 9 * OUT * bits * read,
        "buffer.write_input_gradient": 9 * IN * bits * write,
        "buffer.read_weight_gradient": 12 * (IN + OUT) * bits * read,
        "buffer.read_scoring": scored_in * bits * read,
        "buffer.write_scoring": scored_out * bits * write,
        "link.forward": 15 * (IN + OUT) * bits * hop,
        "link.input_gradient": 9 * (IN + OUT) * bits * hop,
        "link.scoring": (scored_in + scored_out) * bits * hop,
    })  # fmt: skip


def test_dram_carries_replay_masks_and_what_scoring_remembers() -> None:
    chip, report = priced(SRAM)
    check(report, "energy", {
        "dram.replay": 120 * 8 * chip.dram.energy_j,
        "dram.scoring": 2 * 13 * 8 * chip.dram.energy_j,
        "dram.masks": 40 * chip.dram.energy_j,
        "masks.write": 40 * chip.buffer.write_energy_j,
        "masks.read": STEPS * 40 * chip.buffer.read_energy_j,
    })  # fmt: skip


def test_updates_move_gradient_master_copy_and_state() -> None:
    # 11 updates of weights, 2 digital parameters at 2 steps; 14 values of state for 12 + 2 parameters: one each
    updated, bits = 11 + 2 * STEPS, 32
    chip, report = priced(SRAM)
    check(report, "energy", {
        "update.arithmetic": updated * chip.mac.update_energy_j,
        "buffer.read_update": 3 * updated * bits * chip.buffer.read_energy_j,
        "buffer.write_update": 3 * updated * bits * chip.buffer.write_energy_j,
        "buffer.read_signs": 30 * chip.buffer.read_energy_j,
        "buffer.write_signs": 30 * chip.buffer.write_energy_j,
    })  # fmt: skip
    chip, report = priced(SRAM, {"master_copy.location": "dram"})
    check(report, "energy", {"dram.master": 2 * 2 * updated * bits * chip.dram.energy_j})


def test_activations_that_find_no_room_go_to_dram_and_back() -> None:
    chip = chip_with(SRAM).config
    room = chip.buffer.size_bytes * 8 - (12 + 2 + 14) * 32  # what the master copy leaves, in bits
    # at once 20 elements of 8 bits and so many signs that all takes four times the room; in all 78 elements
    chip, report = priced(SRAM, peak_kept_elements=20, peak_kept_bits=4 * room - 20 * 8, relu_elements=5 * room)
    bits = (70 + 8) * 8 + 5 * room
    check(report, "energy", {"dram.activations": 2 * 0.75 * bits * chip.dram.energy_j})


def test_the_digital_unit_does_vectors_and_gradients() -> None:
    chip, report = priced(SRAM)
    check(report, "energy", {
        "forward.activation": 15 * OUT * chip.mac.vector_energy_j,
        "input_gradient.activation": 9 * IN * chip.mac.vector_energy_j,
        "weight_gradient.mac": 105 * chip.mac.gradient_energy_j,
        "scoring.mac": (24 + 9) * chip.mac.gradient_energy_j,
    })  # fmt: skip


def test_weight_gradients_in_arrays() -> None:
    chip, report = priced(SRAM, {"weight_gradient": "sram-array"})
    assert chip.sram is not None
    evaluations = 105 / 4 * 8  # four vectors at once, for each bit of an error
    tree = chip.sram.adder_tree
    adder_j = tree.full_adder_energy_j * tree.activity
    check(report, "energy", {
        "weight_gradient.product": evaluations * 4 * 8 * tree.product_energy_j * tree.activity,
        "weight_gradient.adder_tree": evaluations * 25 * adder_j,  # of four activations of 8 bits
        "weight_gradient.accumulator": evaluations * 11 * (adder_j + tree.flip_flop_energy_j),  # 8 + 1 + 2 bits
        "weight_gradient.array_write": 12 * IN * 8 * chip.sram.cell.write_energy_j,
    })  # fmt: skip


def event_j(chip: ChipConfig) -> float:
    """Return the energy of one programming event of a 2-bit cell under rule ``flat``."""
    assert chip.rram is not None
    cell = chip.rram.cell
    pulses = cell.pulses_mean[1]
    pulse_j = cell.set_pulse_share * cell.set_energy_j + (1 - cell.set_pulse_share) * cell.reset_energy_j
    return pulses * pulse_j + (pulses + 1) * cell.verify_energy_j


def test_writes_are_cells_whose_level_differs() -> None:
    # 0 -> 4 moves one cell of a pair (digit 1), -1 -> 1 both cells of one; offset 128 -> 132: 1 bit, 127 -> 129: 7 bits
    chip, report = priced(RRAM)
    check(report, "energy", {"update.rram_program": 3 * event_j(chip)})
    chip, report = priced(HYBRID)
    assert chip.sram is not None
    check(report, "energy", {
        "update.sram_write": (1 + 7) * chip.sram.cell.write_energy_j,
        "migration.rram_program": 3 * event_j(chip),
    })  # fmt: skip


@pytest.mark.parametrize(
    ("name", "policy", "leaf"), [(RRAM, "step", "update.failed_writes"), (HYBRID, "commit", "migration.failed_writes")]
)
def test_a_failed_write_goes_on_until_the_controller_gives_up(name: str, policy: str, leaf: str) -> None:
    chip = chip_with(name)
    part = chip.config.rram
    assert part is not None
    one = trace()
    wear = {"wear": {"policy": policy, "encoding": "differential-8w-2c"}}
    counts = {"dead_cells": np.array([[2]]), "failed_writes": np.array([[2]])}
    worn = replace(one, meta=one.meta.model_copy(update={"config": wear}), wear_counts=counts, cache={})
    report = price(worn, chip)
    cell, (mean, most) = part.cell, part.cell.pulse_statistics(2)
    pulse_j = cell.set_pulse_share * cell.set_energy_j + (1 - cell.set_pulse_share) * cell.reset_energy_j
    check(report, "energy", {leaf: 2 * (most - mean) * (pulse_j + cell.verify_energy_j)})
    seconds = 2 * (most - mean) * (cell.pulse_time_s + cell.verify_time_s) / part.parallel_write_pes
    check(report, "latency", {"failed_writes": seconds})


@pytest.mark.parametrize("copies", [1, 2])
def test_cells_and_buffer_leak_all_the_time(copies: int) -> None:
    chip, report = priced(SRAM, {"input_gradient": "second-copy"} if copies == 2 else {})
    assert chip.sram is not None
    seconds = report.latency.total
    cells = 2 * copies * 4 * COLUMNS  # both PEs, whole
    check(report, "energy", {
        "leakage.sram": cells * chip.sram.cell.leakage_w * seconds,
        "leakage.buffer": chip.buffer.leakage_w * seconds,
    })  # fmt: skip
    _, powered = priced(SRAM, {"power_gate_unused": False})
    check(powered, "energy", {"leakage.sram": 16 * 4 * COLUMNS * chip.sram.cell.leakage_w * powered.latency.total})
