"""Each charge of training against arithmetic written out here, from counts and the chip's own numbers."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imcsim.chip import ChipConfig, Report, price
from imcsim.trace import Trace
from imcsim.trace.placements import Placements
from tests.chip.hand import one_pe_trace, random_trace, small_chip, told


def resting_trace(seed: int, rest: int = 2) -> Trace:
    """Everything trains in two of three tasks and rests in task ``rest``."""
    trace = random_trace(seed, still=(rest,))
    layers = {"a": (1, 3, 3), "b": (1, 2, 2)}
    placement = {name: np.ones((3, *shape), dtype=bool) for name, shape in layers.items()}
    for mask in placement.values():
        mask[rest] = False
    return dataclasses.replace(
        trace,
        meta=trace.meta.model_copy(update={"pe_tile": (4, 2)}),
        placement=Placements(placement),
        counts=dict(trace.counts) | {"trainable_weights": _quiet(trace.counts["trainable_weights"], rest)},
    )


def _quiet(array: NDArray[Any], task: int) -> NDArray[Any]:
    copy = array.copy()
    copy[task] = 0
    return copy


REPLAY = {"replay_samples_read": 2, "replay_samples_written": 1, "replay_bytes_read": 100, "replay_bytes_written": 20}


def trained_on(name: str, counts: Any = None, task_counts: Any = None, **more: Any) -> tuple[ChipConfig, Report]:
    """One 4 x 2 layer in one PE of 4 x 16 cells, two steps, on chip ``name``."""
    chip = small_chip(name, more)
    return chip.config, price(one_pe_trace(counts=counts or {}, task_counts=task_counts or {}), chip)


def read_out_j(chip: ChipConfig) -> float:
    """A whole PE at the first codes: 64 cells read, 32 pairs converted, 4 rows driven across 16 columns."""
    part = chip.rram
    assert part is not None
    # levels, base 4: 5 = 1,1 | 7 = 3,1 | -7 | 100 = 0,1,2,1 | 3 | 2 | -1: 20 steps of a third of the window
    low, high = part.cell.conductance_min_s, part.cell.conductance_max_s
    all_s = 64 * low + 20 * (high - low) / 3
    open_s = part.cell.read_time_s + part.adc.time_s(part.adc_bits, 4)
    cells_j = part.cell.read_voltage_v * chip.supply_v * open_s * all_s
    converters_j = 32 * part.adc.energy_j(part.adc_bits, chip.supply_v, all_s / 32)
    return cells_j + converters_j + 4 * chip.driver.energy_j(16, chip.supply_v)


# --- input gradient, three options ---


def test_transposable_drives_columns_and_senses_rows() -> None:
    chip, report = trained_on("all-sram-28nm", {"input_gradient_vectors": 10})
    assert chip.sram is not None
    # 8 error bits at density one half; 16 columns driven; 4 rows, trees over 2 outputs of 8 bits: 8 full adders
    leaves = report.energy.leaves
    assert leaves["input_gradient", "sram", "driver"] == pytest.approx(
        10 * 16 * 8 * 0.5 * chip.driver.energy_j(4, chip.supply_v)
    )
    assert leaves["input_gradient", "sram", "adder_tree"] == pytest.approx(
        10 * 4 * 8 * 8 * chip.sram.adder_tree.full_adder_energy_j * chip.sram.adder_tree.activity
    )
    # the elements that leave: 4 inputs a vector
    assert leaves["input_gradient", "activation"] == pytest.approx(10 * 4 * chip.mac.vector_energy_j)


def test_a_second_copy_reads_forward_on_its_own_pes() -> None:
    # turned, 2 x 4 weights take two PEs of 4 x 2: twice the pairs of columns of the forward copy
    chip, report = trained_on("all-rram-28nm", {"input_gradient_vectors": 10}, input_gradient="second-copy")
    assert report.energy.leaves["input_gradient", "rram", "shift_add"] == pytest.approx(
        10 * 2 * 8 * 8 * chip.shift_add.energy_j
    )


@pytest.mark.parametrize("name", ["all-rram-28nm", "all-sram-28nm"])
def test_digital_reads_all_weights_once_a_step(name: str) -> None:
    chip, report = trained_on(name, {"input_gradient_vectors": 10}, input_gradient="digital")
    leaves = report.energy.leaves
    assert leaves["input_gradient", "mac"] == pytest.approx(10 * 8 * chip.mac.gradient_energy_j)
    if chip.rram is not None:
        assert leaves["input_gradient", "read_out"] == pytest.approx(2 * read_out_j(chip))
    if chip.sram is not None:
        assert leaves["input_gradient", "sram_read"] == pytest.approx(2 * 8 * 8 * chip.sram.cell.read_energy_j)


def test_scoring_reads_all_weights_once() -> None:
    scored = {"scoring_forward_vectors": 10, "scoring_input_gradient_vectors": 10}
    chip, report = trained_on("all-rram-28nm", scored, input_gradient="digital")
    leaves = report.energy.leaves
    assert leaves["scoring", "input_gradient", "read_out"] == pytest.approx(read_out_j(chip))
    assert leaves["input_gradient", "read_out"] == 0


# --- weight gradient ---


def test_weight_gradients_in_sram_arrays() -> None:
    counts = {"weight_gradient_vectors": 10, "weight_gradient_macs": 40}
    chip, report = trained_on("all-sram-28nm", counts, weight_gradient="sram-array")
    part = chip.sram
    assert part is not None
    # 4 vectors lie along the rows: 10 sums of 4 activations of 8 bits for each of 8 error bits: 25 full adders,
    # 32 product gates, and an addition to a sum of 8 + 1 + 2 bits
    tree, evaluations = part.adder_tree, 40 / 4 * 8
    adder_j, leaves = tree.full_adder_energy_j * tree.activity, report.energy.leaves
    assert leaves["weight_gradient", "adder_tree"] == pytest.approx(evaluations * 25 * adder_j)
    assert leaves["weight_gradient", "product"] == pytest.approx(
        evaluations * 32 * tree.product_energy_j * tree.activity
    )
    assert leaves["weight_gradient", "accumulator"] == pytest.approx(
        evaluations * 11 * (adder_j + tree.flip_flop_energy_j)
    )
    assert leaves["weight_gradient", "array_write"] == pytest.approx(10 * 4 * 8 * part.cell.write_energy_j)
    # two arrays of 16 columns hold 4 inputs of 8 bits; each pass of both makes 2 x 4 x 16 / 8 MACs for one error bit
    one_s = max(tree.cycle_price(4, 8, 1, 1, "").value, 1 / chip.clock_hz)
    assert report.latency.leaves["weight_gradient",] == pytest.approx(40 / 16 * 8 * one_s)


def test_masked_gradients_are_skipped_if_the_chip_can() -> None:
    counts = {"weight_gradient_vectors": 10, "weight_gradient_macs": 40}
    chip, skips = trained_on("all-sram-28nm", counts)
    _, all_ = trained_on("all-sram-28nm", counts, skip_masked_gradients=False)
    assert skips.energy.part("weight_gradient").total == pytest.approx(40 * chip.mac.gradient_energy_j)
    assert all_.energy.part("weight_gradient").total == pytest.approx(10 * 8 * chip.mac.gradient_energy_j)


# --- update: every step, gradient, master copy and optimiser state ---


def test_every_update_moves_gradient_master_copy_and_momentum() -> None:
    # masked: 3 of 8 weights at each of two steps; one value of momentum for each of the 8 weights
    counts, state = {"updated_weights": 6, "trainable_weights": 8}, {"optimizer_state_values": 8}
    chip, report = trained_on("all-sram-28nm", counts, state)
    leaves, bits = report.energy.leaves, 6 * 32
    # gradient written and read, master copy and momentum read and written back
    assert leaves["buffer", "read_update"] == pytest.approx(3 * bits * chip.buffer.read_energy_j)
    assert leaves["buffer", "write_update"] == pytest.approx(3 * bits * chip.buffer.write_energy_j)
    assert leaves["dram", "master"] == 0
    assert leaves["update", "arithmetic"] == pytest.approx(6 * chip.mac.update_energy_j)
    _, plain = trained_on("all-sram-28nm", counts)
    assert plain.energy.leaves["buffer", "read_update"] == pytest.approx(2 * bits * chip.buffer.read_energy_j)


def test_a_master_copy_in_dram_is_read_and_written_back_there() -> None:
    counts, state = {"updated_weights": 6, "trainable_weights": 8}, {"optimizer_state_values": 8}
    chip, report = trained_on("all-sram-28nm", counts, state, **{"master_copy.location": "dram"})
    assert report.energy.leaves["dram", "master"] == pytest.approx(2 * 2 * 6 * 32 * chip.dram.energy_j)
    assert report.energy.leaves["buffer", "read_update"] == pytest.approx(6 * 32 * chip.buffer.read_energy_j)


def test_of_a_master_copy_twice_the_buffer_half_goes_to_dram() -> None:
    # 4096 bytes hold 1024 values of 32 bits: 8 weights and 2040 digital parameters are twice as many
    chip, report = trained_on("all-sram-28nm", None, {"digital_parameters": 2040}, **{"buffer.size_bytes": 4096})
    updated = 2 * (8 + 2040)  # at each of two steps
    assert report.energy.leaves["dram", "master"] == pytest.approx(0.5 * 2 * updated * 32 * chip.dram.energy_j)
    assert report.energy.leaves["update", "arithmetic"] == pytest.approx(updated * chip.mac.update_energy_j)


# --- activations, replay, masks ---


def test_signs_are_kept_as_one_bit() -> None:
    chip, report = trained_on("all-sram-28nm", None, {"relu_elements": 100, "peak_kept_bits": 50})
    assert report.energy.leaves["buffer", "write_signs"] == pytest.approx(100 * chip.buffer.write_energy_j)
    assert report.energy.leaves["buffer", "read_signs"] == pytest.approx(100 * chip.buffer.read_energy_j)


def test_activations_get_the_room_that_the_master_copy_leaves() -> None:
    # half of the buffer holds 512 values of 32 bits; 2048 elements and 16384 signs ask for twice the other half
    room = {"digital_parameters": 504, "peak_kept_elements": 2048, "peak_kept_bits": 16384}
    used = {"other_kept_elements": 3000, "relu_elements": 16400}
    chip, report = trained_on(
        "all-sram-28nm", {"kept_elements": 1000, "forward_vectors": 250}, room | used, **{"buffer.size_bytes": 4096}
    )  # fmt: skip
    bits = 4000 * 8 + 16400
    assert report.energy.leaves["dram", "activations"] == pytest.approx(2 * 0.5 * bits * chip.dram.energy_j)
    assert report.energy.leaves["buffer", "write_signs"] == pytest.approx(0.5 * 16400 * chip.buffer.write_energy_j)


def test_replay_crosses_the_dram_channel_both_ways() -> None:
    chip, report = trained_on("hybrid-28nm", None, REPLAY)
    assert report.energy.leaves["dram", "replay"] == pytest.approx(120 * 8 * chip.dram.energy_j)
    assert report.latency.leaves["dram",] == pytest.approx(120 * 8 / chip.dram.bandwidth_bits_per_s)


def test_masks_come_from_dram_once_and_are_read_at_every_step() -> None:
    chip, report = trained_on("all-sram-28nm", None, {"mask_bits": 40})
    leaves = report.energy.leaves
    assert leaves["dram", "masks"] == pytest.approx(40 * chip.dram.energy_j)
    assert leaves["masks", "write"] == pytest.approx(40 * chip.buffer.write_energy_j)
    assert leaves["masks", "read"] == pytest.approx(2 * 40 * chip.buffer.read_energy_j)


# --- migration and task switch ---


def test_migration_reads_a_pe_writes_it_to_sram_and_commits_what_changed() -> None:
    chip, report = trained_on("hybrid-28nm")
    assert chip.sram is not None
    assert chip.rram is not None
    cell = chip.rram.cell
    pulses = cell.pulses_mean[1]
    mean_j = cell.set_pulse_share * cell.set_energy_j + (1 - cell.set_pulse_share) * cell.reset_energy_j
    event_j = pulses * mean_j + (pulses + 1) * cell.verify_energy_j
    leaves = report.energy.leaves
    assert leaves["migration", "rram_read"] == pytest.approx(read_out_j(chip))
    assert leaves["migration", "sram_write"] == pytest.approx(64 * chip.sram.cell.write_energy_j)
    assert leaves["migration", "rram_program"] == pytest.approx(3 * event_j)  # 0 -> 4: one cell; -1 -> 1: two


def test_a_pe_that_goes_on_training_is_not_loaded_again() -> None:
    chip = small_chip("hybrid-28nm")
    assert chip.config.sram is not None
    by_task = [tree.part("migration", "sram_write").total for tree in price(random_trace(1), chip).energy_by_task]
    # all 13 PEs arrive once: (10 x 5 + 5 x 3) weights of 8 cells
    assert by_task == pytest.approx([65 * 8 * chip.config.sram.cell.write_energy_j, 0.0, 0.0])


def test_pes_that_rest_for_a_task_are_loaded_again() -> None:
    chip = small_chip("hybrid-28nm")
    assert chip.config.sram is not None
    by_task = price(resting_trace(1, rest=1), chip).energy_by_task
    once_j = 65 * 8 * chip.config.sram.cell.write_energy_j
    assert [tree.part("migration", "sram_write").total for tree in by_task] == pytest.approx([once_j, 0.0, once_j])
    assert by_task[1].part("migration").total == 0


def test_a_task_switch_loads_that_tasks_masks() -> None:
    trace, resolved = one_pe_trace(task_counts={"mask_bits": 40}), small_chip("all-rram-28nm")
    chip = resolved.config
    loaded_j = 40 * (chip.dram.energy_j + chip.buffer.write_energy_j)
    assert price(told(trace), resolved).task_switch.total == pytest.approx(loaded_j)
    assert price(trace, resolved).task_switch.total == 0  # one network serves all tasks, masked or not


def test_a_step_costs_its_share() -> None:
    """Ten times the steps with ten times the work cost ten times as much, but what a task does once."""
    trace, exist = random_trace(1), ("trainable_weights", "active_weights", "peak_active_weights")
    more = ("optimizer_steps", "samples", "peak_kept_elements")
    grown = dataclasses.replace(
        trace,
        counts={name: v if name in exist else 10 * v for name, v in trace.counts.items()},
        task_counts=dict(trace.task_counts) | {name: 10 * trace.task_counts[name] for name in more},
    )
    chip = small_chip("all-sram-28nm")
    one, ten = price(trace, chip).energy, price(grown, chip).energy
    for part in ("forward", "input_gradient", "weight_gradient", "buffer", "link"):
        assert ten.part(part).total == pytest.approx(10 * one.part(part).total, rel=1e-12)
    assert ten.part("update", "sram_write").total == one.part("update", "sram_write").total
