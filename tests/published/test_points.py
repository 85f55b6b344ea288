"""Reading a table of published macros, and every way that it can be refused."""

from pathlib import Path

import pytest

from imcsim.core.errors import DataError
from imcsim.published import read_points, shipped_points
from imcsim.published.columns import KNOWN, WORDS
from tests.published.rows import ANALOG, DIGITAL, RRAM, points, write


def test_numbers_become_si_and_silent_cells_none(tmp_path: Path) -> None:
    row = RRAM | {"array_rows": "unknown", "array_cols": "N/A", "cell_area_um2": "0.2", "capacity_kb_exact": "64"}
    (point,) = points(tmp_path, row)
    assert (point.node_m, point.operation_s, point.reported_j) == (28e-9, 10e-9, 35e-15)
    assert (point.area_m2, point.cell_area_m2, point.cell_current_a) == pytest.approx((1e-7, 2e-13, 5e-6))
    assert (point.array_rows, point.array_cols, point.cells) == (None, None, 65536)
    assert (point.rows, point.outputs, point.adcs) == (8, 8, 8)
    assert point.title == "r"  # without a name, the chip's own id


def test_rows_times_columns_come_before_a_capacity(tmp_path: Path) -> None:
    (point,) = points(tmp_path, RRAM | {"capacity_kb_exact": "1"})
    assert point.cells == 65536


def test_the_time_of_an_input_is_all_its_operations(tmp_path: Path) -> None:
    silent = {"ops_per_input": "unknown", "t_op_covers": "unknown", "input_bits_per_op": "unknown"}
    one, unknown = points(tmp_path, RRAM | {"ops_per_input": "8"}, RRAM | silent)
    assert one.input_s == pytest.approx(80e-9)
    assert unknown.input_s is None


@pytest.mark.parametrize(
    ("change", "fj", "contradicts"),
    [
        ({}, 35, False),
        ({"e_per_mac_fJ_reported": "", "e_per_mac_fJ_native": "40"}, 40, False),
        ({"e_per_mac_fJ_reported": "", "tops_per_w_native": "25"}, 80, False),  # two operations a MAC
        ({"tops_per_w_native": "57"}, 35, False),
        ({"tops_per_w_native": "30"}, 35, True),
    ],
)
def test_energy_is_the_stated_one_else_from_throughput_over_power(
    tmp_path: Path, change: dict[str, str], fj: float, contradicts: bool
) -> None:
    (point,) = points(tmp_path, RRAM | change)
    assert point.reported_j == pytest.approx(fj * 1e-15)
    assert point.contradicts is contradicts


@pytest.mark.parametrize(
    ("change", "operations"),
    [
        ({"ops_per_input": "2.5"}, 2.5),
        ({"ops_per_input": "", "t_op_covers": "whole-input", "bits_in": "8"}, 1),
        ({"ops_per_input": "", "t_op_covers": "one-input-bit", "bits_in": "8"}, 8),
        ({"ops_per_input": "", "t_op_covers": "input-slice", "bits_in": "8", "input_bits_per_op": "3"}, 3),
        ({"ops_per_input": "", "t_op_covers": "", "input_bits_per_op": ""}, None),
        ({"ops_per_input": "", "t_op_covers": "", "input_bits_per_op": "", "t_op_ns": "", "t_cycle_ns": "4"}, 1),
    ],
)
def test_operations_of_an_input_follow_from_what_one_covers(
    tmp_path: Path, change: dict[str, str], operations: float | None
) -> None:
    (point,) = points(tmp_path, RRAM | change)
    assert point.operations == operations


def test_counts_that_are_means_are_rounded_and_none_is_zero(tmp_path: Path) -> None:
    row = RRAM | {"cells_per_weight": "1.5", "outputs_per_op": "12.8", "adcs_per_array": "0", "columns_per_adc": "0"}
    (point,) = points(tmp_path, row)
    assert (point.cells_per_weight, point.outputs, point.adcs, point.columns_per_adc) == (2, 13, None, None)


def test_activity_is_the_product_of_both_shares_or_stated_alone(tmp_path: Path) -> None:
    half = {"activity_input_toggle": "", "activity_product": "0.4"}
    both, alone, neither = points(tmp_path, RRAM, RRAM | half, RRAM | half | {"activity_product": ""})
    assert (both.activity, alone.activity, neither.activity) == (0.25, 0.4, None)
    assert [p.states_activity for p in (both, alone, neither)] == [True, True, False]


def test_a_table_of_old_columns_is_read(tmp_path: Path) -> None:
    columns = (
        "chip_id", "memory", "compute_style", "level", "condition", "source", "node_nm", "array_rows", "array_cols",
        "vdd_V", "bits_in", "bits_w", "adc_or_out_bits", "rows_per_op", "t_cycle_ns", "e_per_mac_fJ_native",
    )  # fmt: skip
    old = {"chip_id": "o", "memory": "SRAM", "compute_style": "analog QR", "level": "macro", "t_cycle_ns": "5"}
    old |= {"adc_or_out_bits": "6", "e_per_mac_fJ_native": "12", "condition": "input toggle 0.5, 3b flash ADC"}
    digital = old | {"compute_style": "digital", "adc_or_out_bits": "0"}
    rram = old | {"memory": "RRAM", "level": "chip (paper)"}
    found = read_points(write(tmp_path / "old.csv", old, digital, rram, columns=columns))
    assert [p.family for p in found] == ["analog-sram", "digital-sram", "rram"]
    assert [p.adc_bits for p in found] == [6, None, 6]
    assert [p.includes for p in found] == ["macro", "macro", "processor"]
    assert found[0].silicon_id == "o"
    assert found[0].operation_s == 5e-9
    assert found[0].reported_j == 12e-15
    assert (found[0].input_toggle, found[0].adc_type) == (None, "")  # words of a condition say nothing


def test_chip_id_alone_is_a_row(tmp_path: Path) -> None:
    (point,) = read_points(write(tmp_path / "x.csv", {"chip_id": "x"}, columns=("chip_id",)))
    assert (point.family, point.reported_j, point.cells) == ("", None, None)


def test_unknown_columns_are_ignored_and_foreign_words_are_kept_apart(tmp_path: Path) -> None:
    row = RRAM | {"adc_type": "prioritized-hybrid", "sensing": "TIME", "colour": "blue"}
    (point,) = read_points(write(tmp_path / "x.csv", row, columns=(*KNOWN, "colour")))
    assert (point.adc_type, point.sensing) == ("", "")
    assert point.foreign == (("sensing", "time"), ("adc_type", "prioritized-hybrid"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vdd_V": "high"}, "rows.csv, row 2: vdd_V must be a number, empty, unknown or n/a, got 'high'"),
        ({"vdd_V": "nan"}, "row 2: vdd_V must lie between 1e-06 and 1e\\+09, got 'nan'"),
        ({"node_nm": "-28"}, "row 2: node_nm must lie between"),
        ({"t_op_ns": "0"}, "row 2: t_op_ns must lie between"),
        ({"bits_w": "inf"}, "row 2: bits_w must lie between 1e-06 and 64"),
        ({"bits_per_cell": "two"}, "row 2: bits_per_cell must be a number"),
        ({"adc_or_out_bits": "200"}, "row 2: adc_or_out_bits must lie between 1e-06 and 64"),
        ({"rows_per_op": "2.5"}, "row 2: rows_per_op must be a whole number, got '2.5'"),
        ({"activity_input_toggle": "1.5"}, "row 2: activity_input_toggle must lie between 0 and 1"),
        ({"chip_id": " "}, "row 2: chip_id is empty"),
        ({"e_per_mac_fJ_native": "-35"}, "row 2: e_per_mac_fJ_native must lie between"),
        ({"array_rows": "a\nb" * 40}, "array_rows must be a number, .* got 'a ba ba .*\\.\\.\\.'"),
    ],
)
def test_bad_cells_are_refused_by_name(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message) as refused:
        points(tmp_path, RRAM, RRAM | change)
    assert len(str(refused.value).splitlines()) == 1


def test_the_same_row_twice_is_refused(tmp_path: Path) -> None:
    other = RRAM | {"vdd_V": "1.0"}
    with pytest.raises(DataError, match=r"rows\.csv, row 3 repeats row 1; an operating point counts once"):
        points(tmp_path, RRAM, other, RRAM)
    assert len(points(tmp_path, RRAM, other)) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x.csv is empty; its first line must name the columns"),
        (b"chip_id,vdd_V", "x.csv holds no rows of chips"),
        (b"chip_id,vdd_V\na,1,2\n", "x.csv, row 1: 3 cells, but the header names 2 columns"),
        (b"vdd_V\n1\n", "x.csv: column 'chip_id' is missing"),
        (b"chip_id,vdd_V,vdd_V\na,1,2\n", "x.csv: column 'vdd_V' appears 2 times"),
        (b"\xff\xfe\x00chip", "x.csv is not a CSV file in UTF-8"),
        (b'"chip', "x.csv is not a CSV file in UTF-8"),
    ],
)
def test_files_that_are_no_table_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_points(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match="cannot read"):
            read_points(path)


def test_every_shipped_point_has_a_source_and_none_is_from_memory() -> None:
    shipped = shipped_points()
    assert len(shipped) == 70
    assert len({point.silicon_id for point in shipped}) == 37
    assert all(point.source and "[memory]" not in point.source for point in shipped)
    assert not any(point.contradicts for point in shipped)
    assert all(point.family in WORDS["family"] for point in shipped)


def test_made_up_rows_use_known_columns() -> None:
    assert {*RRAM, *ANALOG, *DIGITAL} <= set(KNOWN)
