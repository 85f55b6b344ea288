"""Areas of published SRAM macros, against a pencil."""

from pathlib import Path

import pytest

from imcsim.published import load_units, shipped_points, validate
from imcsim.published.area import area_family, area_parts, reported_area_m2
from imcsim.published.digital_area import digital_area_parts_m2
from imcsim.published.digital_sram import DigitalArray
from imcsim.published.figure import Figure
from tests.published.rows import ANALOG, DIGITAL, RRAM, Row, points

NAND_M2, ADDER, FLOP, CELL_M2 = 0.614e-12, 7.8, 6, 0.1254e-12
UNITS = load_units().config


def area(folder: Path, row: Row) -> Figure:
    return validate(points(folder, row), shipped_points(), UNITS).comparisons[0].area


def test_gates_of_four_inputs_and_two_bits() -> None:
    # tree of 4 (2 + 1) - (2 + 2 + 1) = 7 adders, products of 4 x 2 NAND, accumulator of 7 bits; two outputs
    array = DigitalArray(inputs=4, bits_in=3, bits_w=2)
    parts = digital_area_parts_m2(array, UNITS, outputs=2, cells=16, area_scale=1.0)
    assert parts["product"] == pytest.approx(2 * 8 * NAND_M2, rel=1e-12)
    assert parts["adders"] == pytest.approx(2 * 7 * ADDER * NAND_M2, rel=1e-12)
    assert parts["accumulator"] == pytest.approx(2 * 7 * (ADDER + FLOP) * NAND_M2, rel=1e-12)
    assert parts["cells"] == pytest.approx(16 * CELL_M2, rel=1e-12)


def test_booth_joined_products_and_single_cycles() -> None:
    booth = DigitalArray(inputs=2, bits_in=8, bits_w=8, bits_per_cycle=2, booth=True)
    joined = DigitalArray(inputs=2, bits_in=2, bits_w=8, bits_per_cycle=2)
    selectors = digital_area_parts_m2(booth, UNITS, outputs=1, cells=8, area_scale=1.0)["product"]
    assert selectors == pytest.approx(2 * 9 * 4.4 * NAND_M2)
    parts = digital_area_parts_m2(joined, UNITS, outputs=1, cells=8, area_scale=1.0)
    assert parts["product"] == pytest.approx(2 * (2 * 8 + 8 * ADDER) * NAND_M2)
    assert parts["accumulator"] == 0  # one cycle an input: nothing to accumulate


def test_a_chain_has_an_adder_in_every_cell() -> None:
    array = DigitalArray(inputs=128, bits_in=1, bits_w=1, structure="chain")
    parts = digital_area_parts_m2(array, UNITS, outputs=0, cells=100, area_scale=2.0)
    assert sum(parts.values()) == pytest.approx(2 * 100 * ((1 + ADDER) * NAND_M2 + CELL_M2))


def test_area_scales_with_the_node_and_the_macros(tmp_path: Path) -> None:
    assert UNITS.area_scale(28e-9) == pytest.approx(1.0, rel=1e-12)
    assert UNITS.area_scale(45e-9) / UNITS.area_scale(90e-9) == pytest.approx(1 / 2.8, rel=1e-12)
    one = area(tmp_path, DIGITAL | {"condition": "area 0.1 mm2"})
    many = area(tmp_path, DIGITAL | {"condition": "4 macros, area 0.1 mm2"})
    assert many.predicted == pytest.approx(4 * (one.predicted or 0))
    assert many.reported == one.reported == pytest.approx(0.1e-6)


def test_digital_area_from_throughput(tmp_path: Path) -> None:
    # 64 inputs, 64 outputs of 4 bits, 4 cycles of 10 ns an input: 2048 operations in 10 ns
    row = DIGITAL | {"t_cycle_ns": "10", "tops_per_mm2_native": "4"}
    assert area(tmp_path, row).reported == pytest.approx(2 * 64 * 64 / 4 / 10e-9 / 4e18)


def test_capacity_stands_in_for_columns(tmp_path: Path) -> None:
    stated = area(tmp_path, DIGITAL | {"array_rows": "64", "array_cols": "128"})
    derived = area(tmp_path, DIGITAL | {"array_rows": "", "array_cols": "", "capacity_kb": "8"})
    assert derived.predicted == pytest.approx(stated.predicted)


def test_analog_parts_by_hand(tmp_path: Path) -> None:
    (point,) = points(tmp_path, ANALOG | {"bits_w": "8", "adc_or_out_bits": "6", "node_nm": "28"})
    family = area_family(point, UNITS)
    parts = area_parts(point, family, UNITS)
    assert parts["adc"] == pytest.approx(256 / 8 * 2 * 10 ** (-0.0369 * 6 + 0.418) * 64e-12, rel=1e-12)
    assert parts["cells"] == pytest.approx(256 * 256 * CELL_M2, rel=1e-12)
    assert reported_area_m2(point, family) is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (RRAM, "clock and area are predicted for SRAM arrays alone"),
        (ANALOG, "no area is stated"),
        (ANALOG | {"node_nm": ""}, "node_nm is missing"),
        (ANALOG | {"node_nm": "180"}, "its node lies outside the scaling table"),
        (DIGITAL | {"rows_per_op": "512"}, "rows_per_op exceeds array_rows"),
        (DIGITAL | {"array_cols": ""}, "array_cols (and capacity_kb) is missing"),
        (DIGITAL | {"array_cols": "2"}, "a row of 2 cells holds no weight of 4 bits"),
        (ANALOG | {"t_cycle_ns": "0.01", "tops_per_mm2_native": "1"}, "they must take turns"),
        (DIGITAL | {"level": "processor"}, "figure of a whole processor"),
    ],
)
def test_what_has_no_area_says_why(tmp_path: Path, row: Row, reason: str) -> None:
    found = area(tmp_path, row)
    assert found.ratio is None
    assert reason in found.reason
