"""Columns of a table of published macros: their names, and what a cell of each may hold.

The column's meaning is in ``models/published/README.md``. A column that is not named here is ignored.
"""

from imcsim.core.errors import DataError

SILENT = ("", "unknown", "n/a")
"""Cells that say nothing: no public text was found, or the fact cannot apply."""

TEXTS = ("chip_id", "silicon_id", "name", "memory", "compute_style", "cell", "level", "condition", "source")
WORDS: dict[str, tuple[str, ...]] = {
    "family": (
        "rram", "pcm", "mram", "eflash", "analog-sram", "digital-sram", "digital-core", "hybrid", "simulated",
    ),
    "t_op_covers": ("whole-input", "one-input-bit", "input-slice"),
    "sign_scheme": (
        "differential-subtracted-before-adc", "differential-two-conversions", "offset", "twos-complement",
        "reference-column", "none",
    ),
    "sensing": ("current-clamp", "voltage", "charge", "dc-current-free", "digital"),
    "adc_type": ("sar", "flash", "integrating", "sense-amp", "none"),
    "adder_kind": ("tree", "chain", "approximate", "none"),
    "what_energy_includes": ("array", "macro", "macro+buffer", "processor"),
}  # fmt: skip
"""Columns of set words; any other word is one that no model here knows."""
OPEN_WORDS = ("input_coding", "energy_basis")
BITS = (
    "bits_in", "bits_w", "adc_bits", "adc_or_out_bits", "input_bits_per_op", "dac_bits",
)  # fmt: skip
COUNTS = ("array_rows", "array_cols", "rows_per_op")
MEANS = (
    "outputs_per_op", "ops_per_input", "adcs_per_array", "weight_sets_per_adder", "n_arrays", "cells_per_weight",
)  # fmt: skip
"""Counts that may be fractions: means over a figure, or weights that share cells."""
SHARES = ("activity_input_toggle", "activity_weight_density", "activity_product")
AMOUNTS = (
    "node_nm", "vdd_V", "t_op_ns", "t_cycle_ns", "capacity_kb", "capacity_kb_exact", "columns_per_adc",
    "area_mm2_macro", "area_uncertainty_pct", "cell_area_um2", "clock_MHz", "e_per_mac_fJ_reported",
    "e_per_mac_fJ_native", "tops_per_w_native", "tops_per_mm2_native", "tops_per_mm2_reported", "i_cell_uA", "r_on_ohm",
    "r_off_ohm", "v_read_V",
)  # fmt: skip
BITS_OF_A_CELL = "bits_per_cell"
ANALOG = "analog"
NUMBERS = (*BITS, *COUNTS, *MEANS, *SHARES, *AMOUNTS)
KNOWN = (*TEXTS, *WORDS, *OPEN_WORDS, BITS_OF_A_CELL, *NUMBERS)

_MAY_BE_ZERO = (
    "adc_or_out_bits", "adc_bits", "adcs_per_array", "columns_per_adc", "area_uncertainty_pct", *SHARES,
)  # digital arrays have no converter; nothing may switch  # fmt: skip
_SMALLEST, _LARGEST, _MOST_BITS = 1e-6, 1e9, 64.0  # beyond these a cell is a slip, in any column
_LONGEST_QUOTE = 40  # characters of a bad cell that an error shows


def said(text: str | None) -> str:
    """Return what a cell says, without blanks around it; nothing for a silent one or a column that is missing."""
    stripped = (text or "").strip()
    return "" if stripped.lower() in SILENT else stripped


def number(text: str | None, name: str, where: str) -> float | None:
    """Return the number in a cell of column ``name``, None for a silent one.

    Raises
    ------
    DataError
        For anything else, and for a number out of the column's range.
    """
    given = said(text)
    if not given:
        return None
    try:
        value = float(given)
    except ValueError:
        raise DataError(f"{where}: {name} must be a number, empty, unknown or n/a, got {quoted(given)}") from None
    low, high = _range(name)
    if not (low <= value <= high or (value == 0 and name in _MAY_BE_ZERO)):  # nan fails, too
        raise DataError(f"{where}: {name} must lie between {low:g} and {high:g}, got {quoted(given)}")
    if name in COUNTS and value != int(value):
        raise DataError(f"{where}: {name} must be a whole number, got {quoted(given)}")
    return value


def quoted(text: str) -> str:
    """Return a cell for an error of one line, whatever it holds."""
    plain = " ".join(text.split())
    return repr(plain if len(plain) <= _LONGEST_QUOTE else plain[:_LONGEST_QUOTE] + "...")


def _range(name: str) -> tuple[float, float]:
    if name in SHARES:
        return 0.0, 1.0
    return _SMALLEST, _MOST_BITS if name in BITS or name == BITS_OF_A_CELL else _LARGEST
