"""What is predicted, what is left out, and that the reason says why."""

from pathlib import Path

import pytest

from imcsim.published import Comparison, load_units, shipped_points, validate, wording
from imcsim.published.scope import OutOfScope, family_of
from tests.published.rows import ANALOG, DIGITAL, RRAM, Row, points

UNITS = load_units().config


def compared(folder: Path, row: Row) -> Comparison:
    return validate(points(folder, row), shipped_points(), UNITS).comparisons[0]


@pytest.mark.parametrize(
    ("row", "family"),
    [
        (RRAM, "rram"),
        (RRAM | {"memory": "hybrid RRAM+SRAM", "level": "SoC (RRAM part)"}, "rram"),
        (ANALOG, "analog-sram"),
        (ANALOG | {"memory": "hybrid SRAM analog+digital", "level": "analog core"}, "analog-sram"),
        (ANALOG | {"adc_or_out_bits": "", "condition": "bit-serial input, 3b ADC"}, "analog-sram"),
        (DIGITAL, "digital-sram"),
        (DIGITAL | {"compute_style": "", "cell": "6T+D"}, "digital-sram"),
        (DIGITAL | {"rows_per_op": ""}, "digital-sram"),
        (DIGITAL | {"compute_style": "", "name": "An All-Digital SRAM Macro"}, "digital-sram"),
        (ANALOG | {"compute_style": "charge-domain"}, "analog-sram"),
        (RRAM | {"memory": "ReRAM"}, "rram"),
    ],
)
def test_the_model_that_fits(tmp_path: Path, row: Row, family: str) -> None:
    assert family_of(points(tmp_path, row)[0], UNITS) == family


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (RRAM | {"level": "chip (paper simulation)"}, "simulated, not measured"),
        (RRAM | {"source": "[memory] a talk"}, "its source marks it as remembered"),
        (RRAM | {"level": "processor"}, "figure of a whole processor, more than its arrays"),
        (RRAM | {"level": "SoC"}, "figure of a whole SoC"),
        (RRAM | {"e_per_mac_fJ_native": "", "tops_per_w_1b_normalised": "9"}, "only a normalised figure is given"),
        (RRAM | {"e_per_mac_fJ_native": "", "condition": "normalised"}, "only a normalised figure is given"),
        (RRAM | {"tops_per_w_native": "25"}, "its energy per MAC and its TOPS/W contradict each other"),
        (RRAM | {"e_per_mac_fJ_native": ""}, "no energy per MAC and no TOPS/W is given"),
        (RRAM | {"memory": "PCM"}, "no model of PCM"),
        (RRAM | {"compute_style": "digital"}, "an RRAM array that is not read in analog form has no model"),
        (RRAM | {"compute_style": "analog voltage-mode sensing"}, "voltage-mode sensing"),
        (RRAM | {"rows_per_op": "1"}, "rows_per_op = 1 sums nothing"),
        (RRAM | {"rows_per_op": ""}, "rows_per_op is missing"),
        (RRAM | {"t_cycle_ns": ""}, "t_cycle_ns is missing"),
        (RRAM | {"vdd_V": ""}, "vdd_V is missing"),
        (RRAM | {"bits_in": ""}, "bits_in is missing"),
        (RRAM | {"bits_w": ""}, "bits_w is missing"),
        (RRAM | {"adc_or_out_bits": "", "condition": "flash sensing"}, "adc_or_out_bits is missing"),
        (RRAM | {"node_nm": "180", "condition": "5 V is the write supply"}, "vdd_V is the write supply, and the node"),
        (ANALOG | {"rows_per_op": "1"}, "rows_per_op = 1 sums nothing"),
        (ANALOG | {"compute_style": ""}, "compute_style does not tell"),
        (ANALOG | {"adc_or_out_bits": ""}, "adc_or_out_bits is missing"),
        (ANALOG | {"adc_or_out_bits": "12"}, "the converter's fit holds for 1 to 10 bits, not 12"),
        (ANALOG | {"node_nm": "180"}, "its node lies outside the scaling table"),
        (ANALOG | {"node_nm": ""}, "node_nm is missing"),
        (ANALOG | {"rows_per_op": "", "array_rows": ""}, "rows_per_op (and array_rows) is missing"),
        (ANALOG | {"condition": "100 % toggle assumed, sparsity unknown"}, "missing activity: its condition says"),
        (ANALOG | {"condition": "no sparsity given"}, "missing activity: its condition says"),
        (RRAM | {"condition": "not comparable"}, "its condition says that its energy is not for comparison"),
        (DIGITAL | {"condition": "0.9 V"}, "no input toggle rate and no weight density"),
        (DIGITAL | {"condition": "input toggle 0.5"}, "in proportion: no weight density"),
        (DIGITAL | {"bits_w": "1.5"}, "bits_w = 1.5 is no whole number of bits"),
        (DIGITAL | {"name": "DIMC with approximate adders"}, "its adders are approximate"),
        (RRAM | {"level": "accelerator"}, "figure of a whole accelerator"),
    ],
)  # fmt: skip
def test_what_is_left_out_says_why(tmp_path: Path, row: Row, reason: str) -> None:
    left_out = compared(tmp_path, row)
    assert left_out.excluded
    assert reason in left_out.reason
    assert left_out.predicted_j is None
    assert left_out.ratio is None


def test_assumptions_are_told(tmp_path: Path) -> None:
    rows = compared(tmp_path, DIGITAL | {"rows_per_op": ""})
    assert rows.reason == "rows_per_op is missing: all 256 rows of the array taken"
    nominal = compared(tmp_path, RRAM | {"node_nm": "130", "vdd_V": "1.2"}).predicted_j
    write = compared(tmp_path, RRAM | {"node_nm": "130", "vdd_V": "4.2", "condition": "4.2 V is the write supply"})
    assert write.predicted_j == pytest.approx(nominal)
    assert "nominal supply of the node" in write.reason


def test_activity_moves_the_prediction(tmp_path: Path) -> None:
    full = compared(tmp_path, DIGITAL | {"condition": "toggle 1.0, density 1.0"}).parts_j["adders"]
    half = compared(tmp_path, DIGITAL | {"condition": "toggle 1.0, weight sparsity 50 %"}).parts_j["adders"]
    assert half == pytest.approx(full / 2)
    cells = compared(tmp_path, ANALOG | {"condition": "average output code 15 of 15"}).parts_j["cells"]
    assert compared(tmp_path, ANALOG).parts_j["cells"] == pytest.approx(cells / 2)
    assert compared(tmp_path, ANALOG | {"condition": "output code 0 of 15"}).parts_j["cells"] == 0


def test_flash_converter_compares_with_every_level(tmp_path: Path) -> None:
    plain = compared(tmp_path, RRAM).predicted_j
    flash = compared(tmp_path, RRAM | {"condition": "3b flash ADC", "adc_or_out_bits": "3"}).predicted_j
    assert flash == pytest.approx(7 * (plain or 0))


def test_a_ladder_of_capacitors_has_a_converter_on_each_row(tmp_path: Path) -> None:
    row = ANALOG | {"array_cols": "64", "compute_style": "analog QR (C-2C)", "bits_in": "8", "bits_w": "4"}
    parts = compared(tmp_path, row).parts_j
    assert parts["dac"] == pytest.approx(8 * 50e-15 * 0.81 / 16, rel=1e-12)  # 16 weights of 4 bits share a row
    assert "dac" not in compared(tmp_path, ANALOG).parts_j


def test_a_refused_point_raises_its_reason(tmp_path: Path) -> None:
    with pytest.raises(OutOfScope, match="no model of MRAM"):
        family_of(points(tmp_path, RRAM | {"memory": "MRAM"})[0], UNITS)


def test_words_of_converters_and_inputs() -> None:
    assert wording.stated_adc_bits("binary, 3b flash ADC, 1.2 V") == 3
    assert wording.stated_adc_bits("6-bit ADC") == 6
    assert wording.stated_adc_bits("1b-in, 4b out") is None
    assert wording.bits_per_cycle("2 b/cycle, Booth") == 2
    assert wording.bits_per_cycle("4 bits per cycle") == 4
    assert wording.bits_per_cycle("0.9 V") == 1
    assert wording.output_share("average output code 6 of 15 (15 worst)") == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("words", "area_mm2", "macros"),
    [
        ("64 macro(s), total area 0.9408 mm2", 0.9408, 64),
        ("voltage sweep; area 0.124 mm2; uniform data", 0.124, 1),
        ("8 CIM macros, 2556 um^2", 0.002556, 8),
        ("64 kb macro, 0.03 mm\u00b2", 0.03, 1),
        ("paper title quotes 16.3 TOPS/mm2 native", None, 1),
        ("core 1 mm2, chip 5 mm2", None, 1),
        ("0.0 mm2", None, 1),
        ("0.9 V", None, 1),
    ],
)
def test_words_of_size(words: str, area_mm2: float | None, macros: int) -> None:
    area_m2 = wording.area_m2(words)
    assert area_m2 == (None if area_mm2 is None else pytest.approx(area_mm2 * 1e-6))
    assert wording.macros(words) == macros
