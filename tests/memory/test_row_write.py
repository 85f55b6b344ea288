"""How long a row takes to write, by hand: every column behind a converter's lines is verified in its turn."""

from typing import Any

import pytest

from tests.memory.macros import shipped


@pytest.mark.parametrize(
    ("more", "columns"),
    [
        ({"rram.pair": "converted"}, 8),
        ({}, 16),  # 8 lines, each the difference of two columns
        ({"rram.columns_per_adc": 2}, 4),
        ({"rram.joined_columns": 2}, 32),
        ({"rram.joined_columns": 8, "rram.columns_per_adc": 4}, 32),  # a weight has 8 columns, no more
        ({"rram.columns_per_adc": 64}, 64),  # no more than the row has
        ({"rram.sign": "offset", "rram.reference": "replica"}, 8),
    ],
)
def test_columns_behind_a_converter_are_verified_one_by_one(more: dict[str, Any], columns: int) -> None:
    # every cell takes 4 pulses, half of the cells SET, half RESET: of 64 there are some of both, as good as always
    always = {"rram.cell.pulses_mean": [4.0, 4.0], "rram.cell.pulses_p99": [4.0, 4.0], "rram.cell.set_pulse_share": 0.5}
    wear = {f"rram.cell.{name}": [1e6] for name in ("endurance_scale_cycles", "guaranteed_cycles")}
    macro = shipped("all-rram-28nm", "rram", **always, **wear, **{"rram.cell.endurance_shape": [2.0]}, **more)
    cell = macro.memory.cell  # type: ignore[attr-defined]
    row_s = 4 * 2 * cell.pulse_time_s + columns * 4 * cell.verify_time_s
    assert macro.sheet.row_write.value == pytest.approx(row_s, rel=1e-6)
    assert {"rram.columns_per_adc", "rram.joined_columns"} <= set(macro.sheet.row_write.origins)
