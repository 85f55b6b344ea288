"""Area and time by hand."""

from imcsim.devices.row_time import row_write_time_s
from tests.chip.leaves.two_tiles import COLUMNS, HYBRID, IN, OUT, POSITIONS, RRAM, SRAM, check, priced

PES, ROWS, CELLS = 16, 4, 4 * 16  # of the chip; of a PE
USED = 2  # PEs, of which one has rows 4 and 5 alone
EMPTY = USED * CELLS - IN * COLUMNS
BITS = (15 * (IN + OUT) + 9 * (IN + OUT) + 12 * (IN + OUT) + 9 * (IN + OUT)) * 8 + 2 * 30 + 2 * 3 * 15 * 32
"""Through the buffer: vectors forward, back, of weight gradients and scoring; signs; 15 updates of three values."""
DRAM_BITS = 120 * 8 + 2 * 13 * 8 + 40  # replay, what scoring remembers, masks


def test_area_of_rram() -> None:
    chip, report = priced(RRAM)
    part = chip.rram
    assert part is not None
    pe = {
        "adc": COLUMNS / 2 / part.columns_per_adc * part.adc.area_m2(part.adc_bits),
        "driver": ROWS * chip.driver.area_per_row_m2,
        "shift_add": COLUMNS / 2 / part.columns_per_adc * chip.shift_add.area_m2,
        "transpose_driver": COLUMNS * chip.driver.area_per_row_m2,
    }
    each = sum(pe.values()) + CELLS * part.cell.area_m2
    check(report, "area", {f"rram.{name}": USED * value for name, value in pe.items()})
    check(report, "area", {
        "rram.cells": IN * COLUMNS * part.cell.area_m2,
        "unused.rram_cells": EMPTY * part.cell.area_m2,
        "unused.rram_pes": (PES - USED) * each,
        "digital": chip.mac.area_m2,
    })  # fmt: skip


def test_area_of_sram_and_buffer() -> None:
    chip, report = priced(SRAM)
    part = chip.sram
    assert part is not None
    tree = part.adder_tree
    pe = {
        "product": OUT * ROWS * 8 * tree.product_area_m2,
        "adder_tree": OUT * 25 * tree.full_adder_area_m2,
        "accumulator": OUT * 18 * (tree.full_adder_area_m2 + tree.flip_flop_area_m2),
        "driver": ROWS * chip.driver.area_per_row_m2,
        "transpose_product": ROWS * OUT * 8 * tree.product_area_m2,
        "transpose_adder_tree": ROWS * 8 * tree.full_adder_area_m2,
        "transpose_accumulator": ROWS * 17 * (tree.full_adder_area_m2 + tree.flip_flop_area_m2),
        "transpose_driver": COLUMNS * chip.driver.area_per_row_m2,
    }
    each = sum(pe.values()) + CELLS * part.cell.area_m2
    check(report, "area", {f"sram.{name}": USED * value for name, value in pe.items()})
    check(report, "area", {
        "sram.cells": IN * COLUMNS * part.cell.area_m2,
        "unused.sram_cells": EMPTY * part.cell.area_m2,
        "unused.sram_pes": (PES - USED) * each,
    })  # fmt: skip
    at = chip.buffer.table_bytes[2]  # an entry of the table, so that nothing is interpolated
    chip, report = priced(SRAM, {"buffer.size_bytes": int(at)})
    check(report, "area", {"buffer": 8 * at * chip.buffer.area_table_m2[2]})


def test_time_of_vectors_in_rram() -> None:
    chip, report = priced(RRAM)
    part = chip.rram
    assert part is not None
    forward = 8 * (part.cell.read_time_s + part.columns_per_adc * part.adc.time_s(part.adc_bits, ROWS))
    # one converter senses four rows: four turns for each phase and each of four slices, columns of 16 cells
    back = 8 * 4 * (part.cell.read_time_s + 4 * part.adc.time_s(part.transposed_adc_bits, COLUMNS))
    mac_s = 1 / chip.mac.macs_per_s
    check(report, "latency", {
        "forward": 15 * forward,
        "input_gradient": 9 * back,
        "weight_gradient": 105 * mac_s,
        "scoring": 6 * forward + 3 * back + 33 * mac_s,
        "dram": DRAM_BITS / chip.dram.bandwidth_bits_per_s,
    })  # fmt: skip
    check(report, "inference_latency", {"forward": POSITIONS * forward})


def test_time_of_vectors_in_sram() -> None:
    for clock_hz in (200e6, 1e12):  # the clock sets the pace, or the adder trees do
        chip, report = priced(SRAM, {"clock_hz": clock_hz})
        assert chip.sram is not None
        tree = chip.sram.adder_tree
        carry_in_s, carry_s = tree.full_adder_delay_s / 2 + tree.carry_delay_s, tree.carry_delay_s
        # product; two levels and the carry along 8 + 1 bits; then along an accumulator of 18 bits
        path_s = tree.product_delay_s + tree.full_adder_delay_s + carry_in_s + 8 * carry_s + carry_in_s + 17 * carry_s
        forward = 8 * max(path_s, 1 / clock_hz)
        path_s = tree.product_delay_s + carry_in_s + 7 * carry_s + carry_in_s + 16 * carry_s  # one level, 17 bits
        back = 8 * max(path_s, 1 / clock_hz)
        check(report, "latency", {"forward": 15 * forward, "input_gradient": 9 * back})
        check(report, "inference_latency", {"forward": POSITIONS * forward})


def test_time_that_the_buffer_adds() -> None:
    bandwidth = 1e6  # bits a second: far slower than the arrays
    _, report = priced(RRAM, {"buffer.bandwidth_bits_per_s": bandwidth})
    hidden = sum(report.latency.flat()[name] for name in ("forward", "input_gradient", "weight_gradient"))
    check(report, "latency", {"buffer": BITS / bandwidth - hidden})


def test_time_of_writes() -> None:
    # task policy: cells of rows 0 (one; one bit in SRAM) and 3 (two; seven bits) of the first PE
    chip, report = priced(SRAM, {"sram.write_policy": "task"})
    assert chip.sram is not None
    check(report, "latency", {"update": 2 * chip.sram.cell.write_time_s})
    chip, report = priced(RRAM, {"rram.write_policy": "task"})
    assert chip.rram is not None
    both = 2 * row_write_time_s(chip.rram.cell, 2, 1.5, 8)
    check(report, "latency", {"update": both})
    chip, report = priced(HYBRID)
    assert chip.rram is not None
    assert chip.sram is not None
    convert = chip.rram.columns_per_adc * chip.rram.adc.time_s(chip.rram.adc_bits, ROWS)
    load = ROWS * (chip.rram.cell.read_time_s + convert + chip.sram.cell.write_time_s)
    check(report, "latency", {"migration": both + load})
