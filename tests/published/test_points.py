"""Reading a CSV of published chips, and every way that it can be refused."""

from pathlib import Path

import pytest

from imcsim.core.errors import DataError
from imcsim.published import read_points, shipped_points
from tests.published.rows import COLUMNS, RRAM, points, write


def test_numbers_become_si_and_blanks_none(tmp_path: Path) -> None:
    (point,) = points(tmp_path, RRAM | {"array_cols": "", "array_rows": ""})
    assert point.feature_size_m == pytest.approx(40e-9)
    assert point.cycle_s == pytest.approx(10e-9)
    assert point.reported_j == pytest.approx(35e-15)
    assert (point.rows_per_op, point.array_rows) == (9, None)
    assert point.title == "r"  # without a name, the chip's own id


def test_energy_from_tops_per_watt_counts_two_operations(tmp_path: Path) -> None:
    (point,) = points(tmp_path, RRAM | {"e_per_mac_fJ_native": "", "tops_per_w_native": "25"})
    assert point.reported_j == pytest.approx(80e-15)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vdd_V": "high"}, "rows.csv, row 2: vdd_V must be a number or empty, got 'high'"),
        ({"vdd_V": "nan"}, "row 2: vdd_V must lie between 1e-06 and 1e\\+09, got 'nan'"),
        ({"node_nm": "-28"}, "row 2: node_nm must lie between"),
        ({"t_cycle_ns": "0"}, "row 2: t_cycle_ns must lie between"),
        ({"bits_w": "inf"}, "row 2: bits_w must lie between 1e-06 and 64"),
        ({"adc_or_out_bits": "200"}, "row 2: adc_or_out_bits must lie between 1e-06 and 64"),
        ({"rows_per_op": "2.5"}, "row 2: rows_per_op must be a whole number, got '2.5'"),
        ({"chip_id": " "}, "row 2: chip_id is empty"),
        ({"e_per_mac_fJ_native": "-35"}, "row 2: e_per_mac_fJ_native must lie between"),
        ({"capacity_kb": "many"}, "row 2: capacity_kb must be a number or empty, got 'many'"),
        ({"array_rows": "a\nb" * 40}, "array_rows must be a number or empty, got 'a ba ba .*\\.\\.\\.'"),
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


def test_size_and_throughput_become_si(tmp_path: Path) -> None:
    (point,) = points(tmp_path, RRAM | {"capacity_kb": "64", "tops_per_mm2_native": "2.5", "array_cols": "128"})
    assert point.capacity_bits == 65536
    assert point.density_ops_per_s_m2 == pytest.approx(2.5e18)
    assert point.array_cols == 128


def test_missing_unknown_and_repeated_columns_are_refused(tmp_path: Path) -> None:
    for columns, message in (
        (tuple(c for c in COLUMNS if c != "vdd_V"), "column 'vdd_V' is missing; needed are chip_id, memory"),
        ((*COLUMNS, "vddV"), "unknown column 'vddV'; did you mean 'vdd_V'\\?"),
        ((*COLUMNS, "memory"), "column 'memory' appears 2 times"),
    ):
        row = {name: value for name, value in RRAM.items() if name in columns}
        with pytest.raises(DataError, match=message):
            read_points(write(tmp_path / "c.csv", row, columns=columns))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x.csv is empty; its first line must name the columns"),
        (",".join(COLUMNS).encode(), "x.csv holds no rows of chips"),
        (
            ",".join(COLUMNS).encode() + b"\na,b\n",
            f"x.csv, row 1: 2 cells, but the header names {len(COLUMNS)} columns",
        ),
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
    assert all(point.source and "[memory]" not in f"{point.source} {point.condition}" for point in shipped)
    assert not any(point.contradicts for point in shipped)
