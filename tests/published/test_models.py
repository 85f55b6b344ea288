"""The three models of published chips, against a pencil."""

import math

import pytest

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.published import PublishedUnits, load_units
from imcsim.published.analog_sram import AnalogArray, analog_sram_parts
from imcsim.published.digital_sram import DigitalArray, digital_sram_mac_j
from imcsim.published.rram import rram_parts

NAND, ADDER, FLOP = 0.567e-15, 3.4e-15, 1.7e-15


@pytest.fixture(scope="module")
def units() -> PublishedUnits:
    return load_units().config


def test_every_unit_has_a_source() -> None:
    loaded = load_units()
    assert all(origin.source for origin in loaded.origins.values())
    assert loaded.origin("adc.macro_fit.linear_f").where == "adc-28nm.toml"


def test_units_need_the_fit_that_analog_arrays_are_priced_by(units: PublishedUnits) -> None:
    adc = {"name": "a", "model": "survey", "feature_size_m": 28e-9, "survey": units.model_dump()["adc"]["survey"]}
    with pytest.raises(ConfigError, match=r"^units: adc needs the table \[macro_fit\]$"):
        parse(PublishedUnits, {**units.model_dump(), "adc": adc}, "units")
    assert units.macro_fit == units.adc.macro_fit


def test_digital_array_of_four_inputs_and_two_bits(units: PublishedUnits) -> None:
    # tree: 4 (2 + 1) - (2 + 2 + 1) = 7 adders for 4 inputs; accumulator of 3 + 2 + 2 = 7 bits; 3 phases
    parts = digital_sram_mac_j(DigitalArray(inputs=4, bits_in=3, bits_w=2), units, gate_scale=1.0, activity=0.25)
    assert parts["adders"] == pytest.approx(3 * 7 / 4 * ADDER * 0.25, rel=1e-12)
    assert parts["product"] == pytest.approx(3 * 2 * NAND * 0.25, rel=1e-12)
    assert parts["accumulator"] == pytest.approx(3 * 7 * (ADDER * 0.25 + FLOP) / 4, rel=1e-12)


def test_idle_inputs_leave_the_clocked_accumulator(units: PublishedUnits) -> None:
    array = DigitalArray(inputs=16, bits_in=8, bits_w=8)
    idle = digital_sram_mac_j(array, units, gate_scale=2.0, activity=0.0)
    assert idle["product"] == idle["adders"] == 0
    assert idle["accumulator"] == pytest.approx(2 * 8 * 20 * FLOP / 16, rel=1e-12)


def test_chain_of_adders_is_as_wide_as_the_sum_in_every_row() -> None:
    assert DigitalArray(inputs=128, bits_in=1, bits_w=8, structure="chain").adders_per_input == 15
    assert DigitalArray(inputs=1, bits_in=1, bits_w=8).adders_per_input == 0


def test_booth_halves_phases_and_widens_products(units: PublishedUnits) -> None:
    array = DigitalArray(inputs=32, bits_in=8, bits_w=8, bits_per_cycle=2, booth=True)
    assert (array.phases, array.product_bits) == (4, 9)
    assert array.adders_per_input == (32 * 10 - (9 + 5 + 1)) / 32
    parts = digital_sram_mac_j(array, units, gate_scale=1.0, activity=1.0)
    assert parts["product"] == pytest.approx(4 * 9 * 3.5 * NAND, rel=1e-12)


def test_two_bits_a_cycle_without_booth_join_two_products(units: PublishedUnits) -> None:
    array = DigitalArray(inputs=32, bits_in=7, bits_w=8, bits_per_cycle=2)
    assert (array.phases, array.product_bits) == (4, 10)
    parts = digital_sram_mac_j(array, units, gate_scale=1.0, activity=1.0)
    assert parts["product"] == pytest.approx(4 * (2 * 8 * NAND + 8 * ADDER), rel=1e-12)


def test_analog_array_by_hand(units: PublishedUnits) -> None:
    array = AnalogArray(rows=64, phases=1, bits_w=4, adc_bits=4)
    parts = analog_sram_parts(array, units, feature_size_m=7e-9, supply_v=0.8)
    assert parts["adc"] == pytest.approx((4 * 75.3e-15 + 256 * 0.753e-18) * 0.64 / 64, rel=1e-12)
    assert parts["cells"] == pytest.approx(4 * 7e-9 * 0.64, rel=1e-12)


def test_analog_conversions_follow_phases_and_weight_bits(units: PublishedUnits) -> None:
    def adc_j(**changes: int) -> float:
        array = AnalogArray(**({"rows": 64, "phases": 1, "bits_w": 4, "adc_bits": 5} | changes))
        return analog_sram_parts(array, units, feature_size_m=28e-9, supply_v=0.9)["adc"]

    assert adc_j(bits_w=5) == pytest.approx(2 * adc_j())
    assert adc_j(phases=8) == pytest.approx(8 * adc_j())
    assert adc_j(rows=128) == pytest.approx(adc_j() / 2)


def test_converters_are_not_scaled_with_the_node_and_cells_are(units: PublishedUnits) -> None:
    array = AnalogArray(rows=64, phases=1, bits_w=8, adc_bits=8, unit_capacitors=3)
    small = analog_sram_parts(array, units, feature_size_m=14e-9, supply_v=0.9, activity=0.125)
    large = analog_sram_parts(array, units, feature_size_m=28e-9, supply_v=0.9)
    assert small["adc"] == large["adc"]
    assert large["cells"] == pytest.approx(4 * small["cells"])  # twice the node, twice the activity
    assert large["cells"] == pytest.approx(8 * 3 * 28e-9 * 0.81, rel=1e-12)


def test_rram_array_by_hand(units: PublishedUnits) -> None:
    sense = rram_parts(units, supply_v=0.9, rows=9, cycle_s=10e-9, bits_w=1)["sense"]
    assert sense == pytest.approx(0.9 * 10e-9 * 3 / 9, rel=1e-12)
    twice = rram_parts(units, supply_v=0.9, rows=36, cycle_s=10e-9, bits_w=5, comparators=7)["sense"]
    assert twice == pytest.approx(7 * 2 * sense / 2, rel=1e-12)  # four times the rows: half of it for each


def test_gate_energy_is_one_at_its_own_point_and_square_in_the_supply(units: PublishedUnits) -> None:
    assert units.gate_scale(28e-9, 0.9) == pytest.approx(1.0, rel=1e-12)
    assert units.gate_scale(28e-9, 0.45) == pytest.approx(0.25, rel=1e-12)
    assert units.gate_scale(65e-9, 0.55) / units.gate_scale(65e-9, 1.1) == pytest.approx(0.25, rel=1e-12)


def test_node_table_holds_its_entries_and_interpolates_between(units: PublishedUnits) -> None:
    nodes = units.nodes
    assert nodes.digital_factor(45e-9, 1.0) == pytest.approx(0.8612, rel=1e-12)
    assert nodes.digital_factor(7e-9, 0.7) == pytest.approx(0.0478, rel=1e-12)
    between = nodes.digital_factor(math.sqrt(20e-9 * 32e-9), 0.9)
    assert between == pytest.approx(math.sqrt(0.2008 * 0.4571), rel=1e-9)
    assert nodes.digital_factor(28e-9, 0.9) == pytest.approx(0.3619, rel=2e-4)  # the reference's own interpolation
    assert not nodes.covers(5e-9)
    assert nodes.covers(130 / 1e9)
    with pytest.raises(ValueError, match="outside the table"):
        nodes.digital_factor(180e-9, 1.8)
