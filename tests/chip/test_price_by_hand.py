"""Energies of one PE against arithmetic written out here, from the chip's own numbers."""

import math

import numpy as np
import pytest

from imcsim.chip import price
from tests.chip.hand import one_pe_trace, small_chip

VECTORS = 10


def test_rram_forward_energy_component_by_component() -> None:
    chip = small_chip("all-rram-28nm")
    config, part = chip.config, chip.config.rram
    assert part is not None
    report = price(one_pe_trace(counts={"forward_vectors": VECTORS}), chip)
    # 8 bit planes of density 0.5: each of the 4 rows is driven 4 times a vector
    drives = 4 * 8 * 0.5
    assert report.energy.leaves["forward", "rram", "driver"] == pytest.approx(
        VECTORS * drives * config.driver.energy_j(16, config.supply_v)
    )
    # 2 outputs x 4 pairs of cells a weight x 8 phases conversions; every pair summed as much as the mean pair
    conversions = VECTORS * 8 * 8
    # levels of the start codes, base 4: 0 | 5=1,1 | 7=3,1 | -7=3,1 | 100=0,1,2,1 | 3=3 | 2=2 | -1=1 -> sum 23
    step = (part.cell.conductance_max_s - part.cell.conductance_min_s) / 3
    total_s = 64 * part.cell.conductance_min_s + (2 + 4 + 4 + 4 + 3 + 2 + 1) * step
    each_j = part.adc.energy_j(part.adc_bits, config.supply_v, total_s / 8)
    assert report.energy.leaves["forward", "rram", "adc"] == pytest.approx(conversions * each_j)
    # a clamp holds the columns: the supply gives the current while a pair settles and is converted
    open_s = part.cell.read_time_s + part.adc.time_s(part.adc_bits, 4)
    cells = VECTORS * 8 * 0.5 * part.cell.read_voltage_v * config.supply_v * open_s * total_s
    assert report.energy.leaves["forward", "rram", "cells"] == pytest.approx(cells)
    assert report.energy.leaves["forward", "rram", "shift_add"] == pytest.approx(
        conversions * config.shift_add.energy_j
    )
    assert report.energy.leaves["forward", "rram", "accumulate"] == 0  # a single row tile


def test_transposed_read_takes_a_pass_for_each_slice() -> None:
    chip = small_chip("all-rram-28nm")
    part = chip.config.rram
    assert part is not None
    report = price(one_pe_trace(counts={"input_gradient_vectors": VECTORS}), chip)
    conversions = VECTORS * 4 * 8 * 4  # 4 rows, 8 error bits, 4 slices a weight (7 bits of magnitude in 2-bit cells)
    assert report.energy.leaves["input_gradient", "rram", "shift_add"] == pytest.approx(
        conversions * chip.config.shift_add.energy_j
    )


def test_sram_forward_energy_is_one_tree_evaluation_an_output_and_phase() -> None:
    chip = small_chip("all-sram-28nm")
    part = chip.config.sram
    assert part is not None
    report = price(one_pe_trace(counts={"forward_vectors": VECTORS}), chip)
    # 2 outputs, 8 phases; 4 x 8 product gates; 4 weights of 8 bits: 4 x 9 - (8 + 2 + 1) = 25 full adders; a sum of
    # 8 bits of a weight, 8 of an input and 2 of the rows
    tree, evaluations = part.adder_tree, VECTORS * 2 * 8
    adder_j = tree.full_adder_energy_j * tree.activity
    leaves = report.energy.leaves
    assert leaves["forward", "sram", "product"] == pytest.approx(
        evaluations * 32 * tree.product_energy_j * tree.activity
    )
    assert leaves["forward", "sram", "adder_tree"] == pytest.approx(evaluations * 25 * adder_j)
    assert leaves["forward", "sram", "accumulator"] == pytest.approx(
        evaluations * 18 * (adder_j + tree.flip_flop_energy_j)
    )


def test_weights_that_share_an_adder_take_turns() -> None:
    counts = {"forward_vectors": VECTORS}
    chip = small_chip("all-sram-28nm", {"sram.weight_sets": 2, "clock_hz": 1e12})
    part = chip.config.sram
    assert part is not None
    report = price(one_pe_trace(counts=counts), chip)
    tree, evaluations = part.adder_tree, VECTORS * 2 * 8
    adder_j = tree.full_adder_energy_j * tree.activity
    # two sets of 2 rows: 2 x 9 - (8 + 1 + 1) = 8 full adders each, and two additions to a sum of 17 bits
    assert report.energy.leaves["forward", "sram", "adder_tree"] == pytest.approx(evaluations * 2 * 8 * adder_j)
    assert report.energy.leaves["forward", "sram", "accumulator"] == pytest.approx(
        evaluations * 2 * 17 * (adder_j + tree.flip_flop_energy_j)
    )
    # product gate; the last level's carry in, then along 8 bits of a sum; then along the 17 bits of the accumulator
    carry_in_s = tree.full_adder_delay_s / 2 + tree.carry_delay_s
    path_s = tree.product_delay_s + carry_in_s + 7 * tree.carry_delay_s + carry_in_s + 16 * tree.carry_delay_s
    assert report.latency.leaves["forward",] == pytest.approx(VECTORS * 8 * 2 * path_s)
    assert report.area.leaves["sram", "adder_tree"] == pytest.approx(2 * 8 * tree.full_adder_area_m2)
    assert report.area.leaves["sram", "product"] == pytest.approx(2 * 2 * 8 * tree.product_area_m2)


def test_rows_that_are_opened_in_turn_are_converted_in_turn() -> None:
    whole, turns = (
        price(one_pe_trace(counts={"forward_vectors": VECTORS}), small_chip("all-rram-28nm", more))
        for more in ({}, {"rram.open_rows": 3})
    )
    one, two = whole.energy.part("forward", "rram"), turns.energy.part("forward", "rram")
    assert two.part("adc").total == pytest.approx(2 * one.part("adc").total)
    part = small_chip("all-rram-28nm").config.rram
    assert part is not None
    # each cell is open in one of the passes, for a conversion behind three open rows instead of four
    settle_s, four_s, three_s = part.cell.read_time_s, *(part.adc.time_s(part.adc_bits, rows) for rows in (4, 3))
    longer = (settle_s + three_s) / (settle_s + four_s)
    assert two.part("cells").total == pytest.approx(longer * one.part("cells").total)
    passes = [settle_s + part.columns_per_adc * convert_s for convert_s in (four_s, three_s)]
    assert turns.latency.leaves["forward",] == pytest.approx(
        2 * passes[1] / passes[0] * whole.latency.leaves["forward",]
    )


def test_a_pair_that_is_converted_one_by_one_takes_two_conversions() -> None:
    whole, twice = (
        price(one_pe_trace(counts={"forward_vectors": VECTORS}), small_chip("all-rram-28nm", more))
        for more in ({}, {"rram.pair": "converted"})
    )
    one, two = whole.energy.part("forward", "rram"), twice.energy.part("forward", "rram")
    assert two.part("adc").total == pytest.approx(2 * one.part("adc").total)
    assert two.part("shift_add").total == pytest.approx(2 * one.part("shift_add").total)
    assert two.part("cells").total == pytest.approx(one.part("cells").total)


def test_control_takes_a_fraction_of_what_it_controls() -> None:
    more = {"sram.control_share": 0.25, "sram.control_area_share": 0.5}
    counts = {"forward_vectors": VECTORS, "input_gradient_vectors": 3}
    plain, controlled = (
        price(one_pe_trace(counts=counts), small_chip("all-sram-28nm", chosen)) for chosen in ({}, more)
    )
    for tree in ("forward", "input_gradient"):
        rest = plain.energy.part(tree, "sram").total
        assert controlled.energy.leaves[tree, "sram", "control"] == pytest.approx(0.25 * rest)
    rest = plain.area.part("sram").total + plain.area.leaves["unused", "sram_cells"]
    assert controlled.area.leaves["sram", "control"] == pytest.approx(0.5 * rest)


def test_sensing_by_floating_or_cut_off_lines() -> None:
    counts = {"forward_vectors": VECTORS}
    chips = [small_chip("all-rram-28nm", {"rram.sensing": how}) for how in ("current-clamp", "voltage", "dc-free")]
    clamp, floating, cut_off = (
        price(one_pe_trace(counts=counts), chip).energy.leaves["forward", "rram", "cells"] for chip in chips
    )
    config = chips[0].config
    assert config.rram is not None
    read_v = config.rram.cell.read_voltage_v
    # half of the rows are driven: half of the conductance carries V_read Vdd, a quarter of it V_read^2
    assert floating / clamp == pytest.approx(read_v**2 / 4 / (read_v * config.supply_v / 2))
    # 16 columns past 4 cells, 8 phases
    farad = 4 * config.driver.wire_capacitance_per_cell_f
    assert cut_off == pytest.approx(VECTORS * 16 * 8 * farad * read_v * config.supply_v)


def test_rram_writes_follow_the_two_steps() -> None:
    # differential base 4: 0 -> 1 one cell up; 1 -> 4 digit0 1 -> 0 and digit1 0 -> 1; -1 -> 1 negative cell down,
    # positive cell up. Step policy: 1 + 4 = 5 events; task policy: (0 -> 4) 1 event + 2 = 3 events.
    trace = one_pe_trace()
    step = price(trace, small_chip("all-rram-28nm"))
    assert step.writes["rram"].total == 5
    assert step.writes["rram"].worst == 2  # digit 0 of weight (0, 0)
    task = price(trace, small_chip("all-rram-28nm", {"rram.write_policy": "task"}))
    assert task.writes["rram"].total == 3
    assert task.writes["rram"].worst == 1
    part = small_chip("all-rram-28nm").config.rram
    assert part is not None
    pulses = part.cell.pulses_mean[1]
    share = part.cell.set_pulse_share
    event_j = (
        pulses * (share * part.cell.set_energy_j + (1 - share) * part.cell.reset_energy_j)
        + (pulses + 1) * part.cell.verify_energy_j
    )
    assert step.energy.leaves["update", "rram_program"] == pytest.approx(5 * event_j)


def test_a_row_is_written_in_the_turns_of_its_pulses_and_converters() -> None:
    # Task policy: cells of rows 0 (one) and 3 (two) change, one row after the other, 1.5 cells a row on average.
    chip = small_chip("all-rram-28nm", {"rram.write_policy": "task"})
    part = chip.config.rram
    assert part is not None
    mean, p99 = part.cell.pulse_statistics(2)
    z99 = 2.3263478740408408
    sigma = z99 - math.sqrt(z99**2 - 2 * math.log(p99 / mean))
    mu = math.log(mean) - sigma**2 / 2
    # Rounds x: a cell is still unfinished with the chance 1 - F(x), F the lognormal distribution, to 2e4 pulses. It
    # needs SET in half of its rounds. Both cells of a row can stand on one converter: 1.5 places are read in turn.
    x = np.linspace(1e-9, 2e4, 800_001)
    beyond = 1 - np.array([0.5 * (1 + math.erf((math.log(value) - mu) / (sigma * math.sqrt(2)))) for value in x])
    pulses = 2 * np.trapezoid(1 - (1 - 0.5 * beyond) ** 1.5, x)
    row_s = pulses * part.cell.pulse_time_s + 1.5 * mean * part.cell.verify_time_s
    report = price(one_pe_trace(), chip)
    assert report.latency.leaves["update",] == pytest.approx(2 * row_s, rel=1e-5)


def test_sram_writes_count_changed_bits() -> None:
    # offset binary: 128 -> 129 (1 bit), 129 -> 132 (2 bits: ...001 -> ...100), 127 -> 127, 127 -> 129 (7 bits: 01111111
    # -> 10000001): 10 bits in all
    chip = small_chip("all-sram-28nm")
    part = chip.config.sram
    assert part is not None
    report = price(one_pe_trace(), chip)
    bits = 1 + 2 + bin(0b01111111 ^ 0b10000001).count("1")
    assert report.writes["sram"].total == bits
    assert report.energy.leaves["update", "sram_write"] == pytest.approx(bits * part.cell.write_energy_j)


def test_hybrid_trains_in_sram_and_commits_once() -> None:
    chip = small_chip("hybrid-28nm")
    report = price(one_pe_trace(), chip)
    assert report.writes["rram"].total == 3
    assert report.energy.leaves["update", "rram_program"] == 0
    loads = 4 * 16  # every cell of the PE is written when it is copied into SRAM
    assert report.writes["sram"].total == loads + 1 + 2 + 7
    free = price(one_pe_trace(), small_chip("hybrid-28nm", {"charge_migration": False}))
    assert free.energy.part("migration").total == 0
    assert free.energy.part("update").total == pytest.approx(report.energy.part("update").total)


def test_weight_gradient_and_update_energy() -> None:
    chip = small_chip("all-sram-28nm")
    mac = chip.config.mac
    counts = {
        "weight_gradient_vectors": 10,
        "weight_gradient_macs": 40,
        "dense_gradient_macs": 7,
        "updated_weights": 12,
    }
    report = price(one_pe_trace(counts=counts), chip)
    assert report.energy.leaves["weight_gradient", "mac"] == pytest.approx(47 * mac.gradient_energy_j)
    dense = price(one_pe_trace(counts=counts), small_chip("all-sram-28nm", {"skip_masked_gradients": False}))
    assert dense.energy.leaves["weight_gradient", "mac"] == pytest.approx(80 * mac.gradient_energy_j)
    assert report.energy.leaves["update", "arithmetic"] == pytest.approx(12 * mac.update_energy_j)


def test_deployment_programs_only_cells_that_leave_level_zero() -> None:
    report = price(one_pe_trace(), small_chip("all-rram-28nm"))
    # 0 -> none; 5 = 11 two cells; 7 = 13 two; -7 two; 100 = 1210 three; 3 one; 2 one; -1 one
    assert report.writes["rram"].deployment == 12
    assert report.deployment.total > 0
    assert report.energy.total != report.deployment.total


def test_traffic_is_bits_times_energy() -> None:
    chip = small_chip("all-sram-28nm")
    buffer = chip.config.buffer
    report = price(one_pe_trace(counts={"forward_vectors": VECTORS}), chip)
    assert report.energy.leaves["buffer", "read_forward"] == pytest.approx(VECTORS * 4 * 8 * buffer.read_energy_j)
    assert report.energy.leaves["buffer", "write_forward"] == pytest.approx(VECTORS * 2 * 8 * buffer.write_energy_j)
    samples = {"replay_samples_read": 2, "replay_samples_written": 1}
    replay = price(one_pe_trace(task_counts=samples | {"replay_bytes_read": 100, "replay_bytes_written": 20}), chip)
    assert replay.energy.leaves["dram", "replay"] == pytest.approx(120 * 8 * chip.config.dram.energy_j)


def test_activations_that_do_not_fit_go_to_dram_and_back() -> None:
    chip = small_chip("all-sram-28nm")
    room = chip.config.buffer.size_bytes * 8
    kept = room // 8 * 4
    more = {"other_kept_elements": kept}
    trace = one_pe_trace(counts={"kept_elements": 1000, "forward_vectors": 250}, task_counts=more)
    spilled, master = kept + 1000, 8 * 32  # 8 weights that train have the buffer first
    report = price(trace, chip)  # a quarter fits: three quarters are written and read once
    share = 1 - (room - master) / (spilled * 8)
    assert report.energy.leaves["dram", "activations"] == pytest.approx(
        2 * share * spilled * 8 * chip.config.dram.energy_j
    )
    assert any("75%" in text and "spill" in text for text in report.warnings)
    seen = {"kept_elements": 1000, "forward_vectors": 250}
    fits = price(one_pe_trace(counts=seen, task_counts={"peak_kept_elements": 10}), chip)
    assert fits.energy.leaves["dram", "activations"] == 0


def test_forward_time_is_phases_times_read_and_conversions() -> None:
    chip = small_chip("all-rram-28nm")
    part = chip.config.rram
    assert part is not None
    report = price(one_pe_trace(counts={"forward_vectors": VECTORS}), chip)
    phase = part.cell.read_time_s + part.columns_per_adc * part.adc.time_s(part.adc_bits, 4)
    assert report.latency.leaves["forward",] == pytest.approx(VECTORS * 8 * phase)
    assert report.inference_latency.total == pytest.approx(8 * phase)


def test_area_counts_used_and_unused_pes() -> None:
    chip = small_chip("all-rram-28nm")
    part = chip.config.rram
    assert part is not None
    report = price(one_pe_trace(), chip)
    assert report.area.leaves["rram", "cells"] == pytest.approx(64 * part.cell.area_m2)
    used = report.area.part("rram").total
    assert report.area.leaves["unused", "rram_pes"] == pytest.approx(15 * used)
    assert report.area.leaves["unused", "rram_cells"] == 0


def test_lifetime_divides_cycles_by_the_worst_cell() -> None:
    chip = small_chip("all-rram-28nm", {"horizon.tasks_per_day": 2.0})
    part = chip.config.rram
    assert part is not None
    life = price(one_pe_trace(), chip).lifetime["rram"]
    cell = part.cell.endurance(2)
    assert life.tasks_guaranteed == pytest.approx(cell.guaranteed_cycles / 2)
    # five cells are written, one of them twice; half of the chips have lost one of them at this number of tasks
    shape = cell.shape
    first = cell.scale_cycles * (math.log(2) / (2**shape + 3)) ** (1 / shape)
    assert life.tasks_first_failure == pytest.approx(first)
    assert life.years_first_failure == pytest.approx(first / (2 * 365.25))
    assert life.years_guaranteed == pytest.approx(cell.guaranteed_cycles / 2 / (2 * 365.25))


def test_origin_of_every_number_is_reported() -> None:
    chip = small_chip("hybrid-28nm", {"rram.cell.set_energy_j": 1e-12})
    origins = price(one_pe_trace(), chip).origins
    assert origins["rram.cell.set_energy_j"].kind == "override"
    assert origins["rram.cell.reset_energy_j"].kind == "file"
    assert origins["rram.cell.reset_energy_j"].source
    assert np.isfinite(price(one_pe_trace(), chip).row()["energy_j"])


def test_wider_inputs_take_fewer_phases_of_a_wider_tree() -> None:
    chip = small_chip("all-sram-28nm", {"dac_bits": 2})
    part = chip.config.sram
    assert part is not None
    report = price(one_pe_trace(counts={"forward_vectors": VECTORS}), chip)
    # 2 outputs, 4 phases; products of 8 + 2 bits, each joined by 8 full adders; 4 x 11 - (10 + 2 + 1) = 31 in the tree
    tree = part.adder_tree
    assert report.energy.leaves["forward", "sram", "adder_tree"] == pytest.approx(
        VECTORS * 2 * 4 * (31 + 4 * 8) * tree.full_adder_energy_j * tree.activity
    )
    assert report.energy.leaves["forward", "sram", "product"] == pytest.approx(
        VECTORS * 2 * 4 * 4 * 8 * 2 * tree.product_energy_j * tree.activity
    )
    assert report.energy.leaves["forward", "sram", "driver"] == pytest.approx(
        # a phase of two bits switches a line unless both are 0: 3 of 4 times at density 0.5
        VECTORS * 4 * 4 * 0.75 * chip.config.driver.energy_j(16, chip.config.supply_v, 2)
    )
