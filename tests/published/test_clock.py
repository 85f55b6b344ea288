"""Cycle times of published SRAM arrays, against a pencil."""

from pathlib import Path

import pytest

from imcsim.published import PublishedUnits, load_units
from imcsim.published.clock import clock_of
from imcsim.published.digital_clock import digital_cycle_parts_s
from imcsim.published.digital_sram import DigitalArray
from imcsim.published.figure import Figure
from tests.published.rows import ANALOG, DIGITAL, RRAM, Row, points

NAND_S = 47.8e-12
UNITS = load_units().config


def clock(folder: Path, row: Row) -> Figure:
    return clock_of(points(folder, row)[0], UNITS)


def test_path_of_four_inputs_and_two_bits() -> None:
    # product 1; tree of two levels: sum 4.8, carry 4.4, then 2 + 2 - 2 carries of 2; accumulator of 3 + 2 + 2 bits
    parts = digital_cycle_parts_s(DigitalArray(inputs=4, bits_in=3, bits_w=2), UNITS, delay_scale=1.0)
    assert parts["product"] == pytest.approx(NAND_S, rel=1e-12)
    assert parts["adders"] == pytest.approx((4.8 + 4.4 + 2 * 2) * NAND_S, rel=1e-12)
    assert parts["accumulator"] == pytest.approx((4.4 + 6 * 2) * NAND_S, rel=1e-12)


def test_what_is_not_there_takes_no_time() -> None:
    once = digital_cycle_parts_s(DigitalArray(inputs=4, bits_in=1, bits_w=2), UNITS, delay_scale=1.0)
    assert once["accumulator"] == 0
    alone = digital_cycle_parts_s(DigitalArray(inputs=1, bits_in=4, bits_w=2), UNITS, delay_scale=1.0)
    assert alone["adders"] == 0


def test_products_of_two_bits() -> None:
    booth = DigitalArray(inputs=4, bits_in=8, bits_w=8, bits_per_cycle=2, booth=True)
    joined = DigitalArray(inputs=4, bits_in=8, bits_w=8, bits_per_cycle=2)
    product = {
        name: digital_cycle_parts_s(array, UNITS, delay_scale=2.0)["product"] / (2 * NAND_S)
        for name, array in (("booth", booth), ("joined", joined))
    }
    assert product == pytest.approx({"booth": 2 + 2.4, "joined": 1 + 4.8})


def test_a_register_leaves_the_slower_of_two_stages() -> None:
    array = DigitalArray(inputs=64, bits_in=8, bits_w=8)
    whole = digital_cycle_parts_s(array, UNITS, delay_scale=1.0)
    staged = digital_cycle_parts_s(array, UNITS, delay_scale=1.0, pipelined=True)
    assert sum(staged.values()) == max(whole["accumulator"], whole["product"] + whole["adders"])


def test_delay_follows_node_and_supply() -> None:
    assert UNITS.delay_scale(28e-9, 0.9) == pytest.approx(1.0, rel=1e-12)
    assert UNITS.nodes.delay_factor(45e-9, 1.0) == pytest.approx(12.5, rel=1e-12)
    # alpha-power law by hand: 45 nm, threshold 0.4644 V
    slower = (0.7 / 1.0) * ((1.0 - 0.4644) / (0.7 - 0.4644)) ** 1.3
    assert UNITS.nodes.delay_factor(45e-9, 0.7) == pytest.approx(12.5 * slower, rel=1e-9)
    supplies = [0.6, 0.7, 0.8, 0.9, 1.0, 1.2]
    delays = [UNITS.delay_scale(28e-9, supply) for supply in supplies]
    assert delays == sorted(delays, reverse=True)
    assert not UNITS.nodes.drives(28e-9, 0.5)
    with pytest.raises(ValueError, match="too close to the threshold"):
        UNITS.nodes.delay_factor(28e-9, 0.5)


def test_converter_sets_the_clock_of_an_analog_array(tmp_path: Path) -> None:
    found = clock(tmp_path, ANALOG | {"t_cycle_ns": "5"})
    assert found.predicted == pytest.approx(4 * (0.00653e-9 * 64 + 0.64e-9), rel=1e-12)
    assert found.reported == pytest.approx(5e-9)
    assert found.ratio == pytest.approx((found.predicted or 0) / 5e-9)
    assert found.reason == ""


def test_cycle_from_throughput_and_area(tmp_path: Path) -> None:
    # 64 rows, 16 weights of 4 bits: 2048 operations; 0.1 mm2 at 4 TOPS/mm2 is 0.4 TOPS
    row = ANALOG | {"bits_w": "4", "array_cols": "64", "tops_per_mm2_native": "4", "condition": "area 0.1 mm2"}
    found = clock(tmp_path, row)
    assert found.reported == pytest.approx(2048 / 0.4e12)
    assert found.reason == "reported cycle from TOPS/mm2 and area"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (RRAM, "clock and area are predicted for SRAM arrays alone"),
        (ANALOG, "t_cycle_ns is missing"),
        (ANALOG | {"adc_or_out_bits": "3.46"}, "does not find bits one after another"),
        (ANALOG | {"condition": "3b flash ADC"}, "does not find bits one after another"),
        (ANALOG | {"adc_or_out_bits": ""}, "adc_or_out_bits is missing"),
        (ANALOG | {"level": "SoC"}, "figure of a whole SoC"),
        (DIGITAL | {"cell": "6T + full adder per bit"}, "a chain of adders"),
        (DIGITAL | {"vdd_V": "0.5"}, "too close to the threshold"),
        (DIGITAL | {"vdd_V": ""}, "vdd_V is missing"),
        (DIGITAL | {"node_nm": "5"}, "its node lies outside the scaling table"),
        (DIGITAL | {"name": "approximate adders"}, "its adders are approximate"),
        (DIGITAL | {"memory": "PCM"}, "no model of PCM"),
    ],
)
def test_what_has_no_clock_says_why(tmp_path: Path, row: Row, reason: str) -> None:
    found = clock(tmp_path, row)
    assert found.ratio is None
    assert reason in found.reason


def test_pipelined_is_read_from_the_words(tmp_path: Path) -> None:
    plain, staged = clock(tmp_path, DIGITAL), clock(tmp_path, DIGITAL | {"condition": "pipelined"})
    assert (staged.predicted or 0) < (plain.predicted or 0)


def test_every_new_unit_has_a_source() -> None:
    units: PublishedUnits = load_units().config
    assert units.gates.full_adder_nands == pytest.approx(7.8)
    origin = load_units().origin("nodes.velocity_exponent")
    assert "Sakurai" in (origin.source or "")
