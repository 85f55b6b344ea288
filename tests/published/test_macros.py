"""A row as a macro: its shape and its charges, counted here once more by hand."""

import math
from pathlib import Path

import pytest

from imcsim.memory.analog_array import AnalogArray
from imcsim.memory.digital_sram import DigitalSram
from imcsim.published import PublishedMacro, load_units, macro_of
from imcsim.published.predict import predict
from tests.published.rows import ANALOG, DIGITAL, RRAM, points

UNITS = load_units().config
CONTROL = 1 + UNITS.assumed.control_share  # of every part, as a share of it


def made(folder: Path, row: dict[str, str], **change: str) -> PublishedMacro:
    (point,) = points(folder, row | change)
    return macro_of(point, UNITS)


def test_resistive_cells_conduct_for_the_time_that_is_stated(tmp_path: Path) -> None:
    (point,) = points(tmp_path, RRAM)
    energy_j = predict(point, UNITS).energy_j
    on_a, off_a = 5e-6, 5e-6 / UNITS.assumed.on_off_ratio
    mean_a = 0.5 * (0.5 * on_a + 0.5 * off_a)  # half of the rows driven, half of the cells at their highest level
    assert energy_j["cells"] == pytest.approx(CONTROL * 0.9 * mean_a * 10e-9, rel=1e-9)
    clamp_j = 0.9 * UNITS.assumed.clamp_current_a * 10e-9 / 8  # one line for 8 rows
    assert energy_j["clamp"] == pytest.approx(CONTROL * clamp_j, rel=1e-9)


def test_a_cell_by_its_resistances(tmp_path: Path) -> None:
    change = {"i_cell_uA": "", "r_on_ohm": "25000", "r_off_ohm": "1e6", "v_read_V": "0.5"}
    cell = made(tmp_path, RRAM, **change).macro.memory.cell  # type: ignore[attr-defined]
    assert cell.conductance_max_s == pytest.approx(40e-6)
    assert cell.conductance_min_s == pytest.approx(1e-6)
    assert cell.read_voltage_v == 0.5


@pytest.mark.parametrize(("activity", "share"), [("0", 0.5), ("0.25", 1.0), ("1", 0.5 + 0.5 * 4)])
def test_half_of_a_mean_charge_moves_whatever_the_data(tmp_path: Path, activity: str, share: float) -> None:
    change = {"activity_input_toggle": "", "activity_weight_density": "", "activity_product": activity}
    (point,), (mean,) = points(tmp_path, ANALOG | change), points(tmp_path, ANALOG)
    cells = [predict(each, UNITS).energy_j["cells"] for each in (point, mean)]
    assert cells[0] == pytest.approx(share * cells[1])


def test_an_integrating_converter_s_bias_flows_for_the_time_that_is_stated(tmp_path: Path) -> None:
    change = {"adc_type": "integrating", "bits_in": "4", "input_bits_per_op": "4", "adc_bits": "6"}
    one, two = (
        predict(point, UNITS).energy_j["adc"] * 8 / CONTROL
        for point in points(tmp_path, RRAM | change, RRAM | change | {"t_op_ns": "30"})
    )
    table = UNITS.adc.integrating
    assert table is not None
    assert two - one == pytest.approx(table.bias_a * 0.9 * 20e-9)
    flips = 2**6 - 1 - 6 / 2  # once for all read cycles of an input
    assert one == pytest.approx(table.bias_a * 0.9 * 10e-9 + table.counter_bit_f * 0.9**2 * flips)


def test_a_chain_s_cycle_is_the_geometric_middle_of_one_row_and_all(tmp_path: Path) -> None:
    (point,) = points(tmp_path, DIGITAL | {"adder_kind": "chain"})
    memory = macro_of(point, UNITS).macro.memory
    assert isinstance(memory, DigitalSram)
    cycle_s = float(memory.adder_tree.cycle_price(64, 4, 1, 4, "x").value)
    assert predict(point, UNITS).time_s["gates"] == pytest.approx(4 * cycle_s / 8)


def test_twice_the_time_is_twice_the_current_s_energy(tmp_path: Path) -> None:
    one, two = points(tmp_path, RRAM, RRAM | {"t_op_ns": "20"})
    short, long = (predict(point, UNITS).energy_j for point in (one, two))
    for part in ("cells", "clamp"):
        assert long[part] == pytest.approx(2 * short[part])
    for part in ("driver", "adc", "shift_add"):
        assert long[part] == pytest.approx(short[part])


def test_one_open_row_contradicts_a_converter_of_more_bits(tmp_path: Path) -> None:
    found = made(tmp_path, RRAM, rows_per_op="1", adc_bits="4")
    assert found.shape.rows == 8  # 2^(4 - 1) sums of one-bit weights
    assert [each.name for each in found.assumed] == ["rows_per_op"]
    assert made(tmp_path, RRAM, rows_per_op="1", adc_bits="1").shape.rows == 1


@pytest.mark.parametrize(
    ("row", "change", "rows"),
    [
        (RRAM, {"adc_bits": "5"}, 16),  # 2^(5 - 1) products
        (RRAM, {"adc_bits": "1"}, 45),  # between 8 and 256
        (ANALOG, {"adc_bits": "6", "array_rows": "128", "adcs_per_array": ""}, 32),
        (DIGITAL, {"array_rows": "32"}, 16),
    ],
)
def test_open_rows_that_are_not_stated(tmp_path: Path, row: dict[str, str], change: dict[str, str], rows: int) -> None:
    assert made(tmp_path, row, rows_per_op="", **change).shape.rows == rows


def test_no_clamp_holds_a_line_for_thirty_settling_times(tmp_path: Path) -> None:
    silent = {"sensing": "", "adc_type": ""}
    for nanoseconds, sensing, kind in (("299", "current-clamp", "sense-amp"), ("301", "voltage", "integrating")):
        memory = made(tmp_path, RRAM, t_op_ns=nanoseconds, **silent).macro.memory
        assert (memory.sensing, memory.adc.converter_type) == (sensing, kind)  # type: ignore[attr-defined]
    stated = made(tmp_path, RRAM, t_op_ns="301", adc_type="").macro.memory
    assert (stated.sensing, stated.adc.converter_type) == ("current-clamp", "sense-amp")  # type: ignore[attr-defined]


def test_charge_of_an_analog_array_by_hand(tmp_path: Path) -> None:
    (point,) = points(tmp_path, ANALOG)
    energy_j = predict(point, UNITS).energy_j
    product_j = UNITS.assumed.product_capacitance_f_per_m * 28e-9 * 0.9**2
    assert energy_j["cells"] == pytest.approx(
        CONTROL * 4 * 0.25 * product_j
    )  # four bits, a quarter of them times a one
    adc_j = UNITS.adc.energy_j(6, 0.9, 0.0)
    assert energy_j["adc"] == pytest.approx(
        CONTROL * float(adc_j) / 64
    )  # one conversion for the four columns of 64 rows


def test_columns_that_are_converted_one_by_one(tmp_path: Path) -> None:
    (point,) = points(tmp_path, ANALOG | {"adcs_per_array": "64", "columns_per_adc": "1"})
    assert predict(point, UNITS).energy_j["adc"] == pytest.approx(
        CONTROL * 4 * float(UNITS.adc.energy_j(6, 0.9, 0.0)) / 64
    )


def test_cells_with_a_capacitor_and_with_a_ladder(tmp_path: Path) -> None:
    plain, own, ladder = points(
        tmp_path, ANALOG, ANALOG | {"cell": "10T1C"}, ANALOG | {"compute_style": "analog QR (C-2C)"}
    )
    cells = [predict(point, UNITS).energy_j["cells"] for point in (plain, own, ladder)]
    assert cells[1] / cells[0] == pytest.approx(
        UNITS.assumed.capacitor_f_per_m / UNITS.assumed.product_capacitance_f_per_m
    )
    assert cells[2] / cells[0] == pytest.approx(3)


def test_gates_of_a_digital_array_by_hand(tmp_path: Path) -> None:
    (point,) = points(tmp_path, DIGITAL)
    energy_j, tree = predict(point, UNITS).energy_j, UNITS.adder_tree
    phases, rows, bits = 4, 64, 4
    adders = (rows * (bits + 1) - (bits + 6 + 1)) / rows  # 64 inputs, six levels
    assert energy_j["adder_tree"] == pytest.approx(CONTROL * phases * adders * tree.full_adder_energy_j * 0.25)
    assert energy_j["product"] == pytest.approx(CONTROL * phases * bits * tree.product_energy_j * 0.25)
    width = bits + 4 + 6
    bit_j = tree.full_adder_energy_j * 0.25 + tree.flip_flop_energy_j
    assert energy_j["accumulator"] == pytest.approx(CONTROL * phases * width * bit_j / rows)


def test_booth_takes_two_input_bits_at_a_time(tmp_path: Path) -> None:
    found = made(tmp_path, DIGITAL, bits_in="8", dac_bits="2", input_coding="bit-serial, Booth radix 4")
    assert (found.shape.phases, found.shape.weight_bits) == (4, 5)
    (point,) = points(tmp_path, DIGITAL | {"bits_in": "8", "dac_bits": "2", "input_coding": "Booth radix 4"})
    product_j = 4 * 5 * 3.5 * UNITS.adder_tree.product_energy_j * 0.25
    assert predict(point, UNITS).energy_j["product"] == pytest.approx(CONTROL * product_j)


def test_weight_sets_take_turns_at_one_tree(tmp_path: Path) -> None:
    change = {"array_rows": "512", "outputs_per_op": "4"}
    memory = made(tmp_path, DIGITAL, **change).macro.memory
    assert isinstance(memory, DigitalSram)
    assert (memory.weight_sets, memory.weights_per_tree) == (8, 4)
    whole, shared = points(tmp_path, DIGITAL, DIGITAL | change)
    one, few = predict(whole, UNITS), predict(shared, UNITS)
    assert few.time_s["gates"] == pytest.approx(one.time_s["gates"])  # of one operation, not of all sets
    assert few.area_m2["adder_tree"] == pytest.approx(one.area_m2["adder_tree"] / 4)


@pytest.mark.parametrize("row", [RRAM, ANALOG])
def test_the_time_of_an_input_is_one_pass_and_one_turn(tmp_path: Path, row: dict[str, str]) -> None:
    found = made(tmp_path, row)
    memory, site = found.macro.memory, found.macro.site
    assert isinstance(memory, AnalogArray)
    (point,) = points(tmp_path, row)
    seconds = predict(point, UNITS).time_s
    assert seconds["settling"] == pytest.approx(float(memory.settling(site).value))
    assert seconds["conversion"] == pytest.approx(memory.adc.time_s(memory.adc_bits, found.shape.rows))


def test_a_gate_shrinks_with_the_node_and_slows_near_the_threshold() -> None:
    assert UNITS.gate_scale(28e-9, 0.9) == pytest.approx(1)
    assert UNITS.gate_scale(28e-9, 0.45) == pytest.approx(0.25)
    assert UNITS.gate_scale(7e-9, 0.7) < UNITS.gate_scale(14e-9, 0.7) < 1
    delays = [UNITS.delay_scale(28e-9, volts) for volts in (1.1, 0.9, 0.7, 0.5, 0.3)]
    assert delays == sorted(delays)
    assert math.isfinite(delays[-1])
    assert UNITS.area_scale(28e-9) == pytest.approx(1)


def test_nodes_are_carried_on_a_little_beyond_the_table() -> None:
    nodes = UNITS.nodes
    assert nodes.covers(3e-9)
    assert not nodes.covers(2e-9)
    slope = math.log(0.1 / 0.059) / math.log(10 / 7)
    assert nodes.area_factor(5e-9) == pytest.approx(0.059 * (5 / 7) ** slope)
    with pytest.raises(ValueError, match="too far outside the table"):
        nodes.area_factor(1e-9)
