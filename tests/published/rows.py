"""Rows of a CSV of published macros, made up for tests."""

import csv
from collections.abc import Mapping
from pathlib import Path

from imcsim.published import PublishedPoint, read_points
from imcsim.published.columns import KNOWN

RRAM = {
    "chip_id": "r", "silicon_id": "R", "family": "rram", "node_nm": "28", "array_rows": "256", "array_cols": "256",
    "vdd_V": "0.9", "bits_in": "1", "bits_w": "1", "rows_per_op": "8", "outputs_per_op": "8", "t_op_ns": "10",
    "t_op_covers": "whole-input", "input_bits_per_op": "1", "ops_per_input": "1", "dac_bits": "1",
    "cells_per_weight": "1", "bits_per_cell": "1", "sensing": "current-clamp", "adc_type": "sense-amp", "adc_bits": "4",
    "adcs_per_array": "8", "columns_per_adc": "32", "what_energy_includes": "macro", "e_per_mac_fJ_reported": "35",
    "area_mm2_macro": "0.1", "i_cell_uA": "5", "v_read_V": "0.2", "r_on_ohm": "", "sign_scheme": "none",
    "activity_input_toggle": "0.5", "activity_weight_density": "0.5",
}  # fmt: skip
ANALOG = RRAM | {
    "chip_id": "a", "silicon_id": "A", "family": "analog-sram", "array_rows": "64", "array_cols": "64",
    "rows_per_op": "64", "bits_w": "4", "cells_per_weight": "4", "outputs_per_op": "16", "adcs_per_array": "16",
    "columns_per_adc": "4", "sensing": "charge", "adc_type": "sar", "adc_bits": "6", "i_cell_uA": "n/a",
    "v_read_V": "n/a",
}  # fmt: skip
DIGITAL = RRAM | {
    "chip_id": "d", "silicon_id": "D", "family": "digital-sram", "array_rows": "64", "array_cols": "64",
    "rows_per_op": "64", "bits_in": "4", "bits_w": "4", "cells_per_weight": "4", "outputs_per_op": "16",
    "ops_per_input": "1", "input_bits_per_op": "4", "sensing": "digital", "adc_type": "none", "adc_bits": "n/a",
    "adcs_per_array": "n/a", "columns_per_adc": "n/a", "adder_kind": "tree", "i_cell_uA": "n/a", "v_read_V": "n/a",
}  # fmt: skip
Row = Mapping[str, str]


def write(path: Path, *rows: Row, columns: tuple[str, ...] = KNOWN) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="raise")
        writer.writeheader()
        writer.writerows(rows)
    return path


def points(folder: Path, *rows: Row) -> tuple[PublishedPoint, ...]:
    return read_points(write(folder / "rows.csv", *rows))
