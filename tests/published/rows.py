"""Rows of a CSV of published chips, made up for tests."""

import csv
from collections.abc import Mapping
from pathlib import Path

from imcsim.published.points import COUNTS, NUMBERS, TEXTS, PublishedPoint, read_points

COLUMNS = (
    *TEXTS,
    *NUMBERS,
    "name",
    "cell",
    "capacity_kb",
    "tops_per_w_native",
    "tops_per_w_1b_normalised",
    "tops_per_mm2_native",
)
RRAM = {
    "chip_id": "r", "memory": "RRAM", "compute_style": "analog current summing (IS)", "level": "macro", "node_nm": "40",
    "array_rows": "256", "array_cols": "256", "vdd_V": "0.9", "bits_in": "1", "bits_w": "1", "adc_or_out_bits": "4",
    "rows_per_op": "9", "t_cycle_ns": "10", "e_per_mac_fJ_native": "35",
}  # fmt: skip
ANALOG = RRAM | {"chip_id": "a", "memory": "SRAM", "compute_style": "analog QR", "rows_per_op": "64", "t_cycle_ns": ""}
DIGITAL = ANALOG | {
    "chip_id": "d", "compute_style": "digital", "bits_in": "4", "bits_w": "4", "adc_or_out_bits": "0",
    "condition": "input toggle 0.5, weight density 0.5",
}  # fmt: skip
Row = Mapping[str, str]

assert set(COUNTS) <= set(COLUMNS)


def write(path: Path, *rows: Row, columns: tuple[str, ...] = COLUMNS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="raise")
        writer.writeheader()
        writer.writerows(rows)
    return path


def points(folder: Path, *rows: Row) -> tuple[PublishedPoint, ...]:
    return read_points(write(folder / "rows.csv", *rows))
