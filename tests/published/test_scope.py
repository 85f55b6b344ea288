"""Which rows are predicted, by the columns that say so; every reason why one is not."""

from pathlib import Path

import pytest

from imcsim.published import load_units, macro_of
from imcsim.published.facts import OutOfScope
from imcsim.published.predict import predict
from imcsim.published.scope import check_clock, check_energy, family_of
from tests.published.rows import ANALOG, DIGITAL, RRAM, points

UNITS = load_units().config


@pytest.mark.parametrize(
    ("family", "sort"),
    [
        ("rram", "resistive"), ("pcm", "resistive"), ("mram", "resistive"), ("analog-sram", "analog-sram"),
        ("digital-sram", "digital-sram"),
    ],
)  # fmt: skip
def test_each_family_is_a_sort_of_memory(tmp_path: Path, family: str, sort: str) -> None:
    (point,) = points(tmp_path, RRAM | {"family": family})
    assert family_of(point) == sort


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"family": ""}, "family is not stated"),
        ({"family": "eflash"}, "flash cells have no model"),
        ({"family": "digital-core"}, "computes beside its memory"),
        ({"family": "hybrid"}, "a system with two memories"),
        ({"family": "simulated"}, "simulated, not measured"),
        ({"family": "analog-srm"}, "no model of family 'analog-srm'; did you mean 'analog-sram'\\?"),
        ({"what_energy_includes": "processor"}, "a whole processor"),
        ({"what_energy_includes": "", "level": "chip incl. trainer"}, "a whole processor"),
    ],
)
def test_what_has_no_model_is_named(tmp_path: Path, change: dict[str, str], reason: str) -> None:
    (point,) = points(tmp_path, RRAM | change)
    with pytest.raises(OutOfScope, match=reason):
        family_of(point)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"energy_basis": "simulated"}, "simulated"),
        ({"energy_basis": "normalised (basis not in abstract)"}, "normalised, to an unknown basis"),
        ({"vdd_V": ""}, "vdd_V is not stated"),
        ({"family": "mram"}, "an MRAM cell's on/off ratio"),
        ({"tops_per_w_native": "10"}, "contradict each other"),
    ],
)
def test_energies_that_are_not_for_comparison_are_named(tmp_path: Path, change: dict[str, str], reason: str) -> None:
    (point,) = points(tmp_path, RRAM | change)
    with pytest.raises(OutOfScope, match=reason):
        check_energy(point)


def test_times_without_a_model_are_named(tmp_path: Path) -> None:
    mram, floating, good = points(
        tmp_path, RRAM | {"family": "mram"}, RRAM | {"sensing": "voltage", "adc_type": "integrating"}, RRAM
    )
    for point, reason in ((mram, "MRAM"), (floating, "floating line")):
        with pytest.raises(OutOfScope, match=reason):
            check_clock(point)
    check_clock(good)


@pytest.mark.parametrize(
    ("row", "change", "reason"),
    [
        (RRAM, {"node_nm": ""}, "node_nm is not stated"),
        (RRAM, {"node_nm": "500"}, "its node of 500 nm lies too far outside the scaling table"),
        (RRAM, {"bits_in": "unknown"}, "bits_in is not stated"),
        (RRAM, {"bits_w": "n/a"}, "bits_w is not stated"),
        (RRAM, {"rows_per_op": "", "array_rows": ""}, "rows_per_op and array_rows are not stated"),
        (RRAM, {"array_cols": "", "outputs_per_op": ""}, "array_cols and capacity_kb are not stated"),
        (RRAM, {"cells_per_weight": "30"}, "a weight of 30 cells is wider than 16 bits"),
        (DIGITAL, {"bits_w": "1.5"}, "bits_w = 1.5 is no whole number of bits"),
    ],
)
def test_a_row_without_structure_makes_no_macro(
    tmp_path: Path, row: dict[str, str], change: dict[str, str], reason: str
) -> None:
    (point,) = points(tmp_path, row | change)
    with pytest.raises(OutOfScope, match=reason):
        macro_of(point, UNITS)


@pytest.mark.parametrize(
    ("row", "change", "reason"),
    [
        (
            DIGITAL,
            {"bits_w": "32", "cells_per_weight": "32"},
            "no macro can be made of it: .* less than or equal to 16",
        ),
        (RRAM, {"i_cell_uA": "", "r_on_ohm": "1e6", "r_off_ohm": "1e3"}, "no macro can be made of it"),
    ],
)
def test_a_row_that_contradicts_its_memory_is_named(
    tmp_path: Path, row: dict[str, str], change: dict[str, str], reason: str
) -> None:
    (point,) = points(tmp_path, row | change)
    with pytest.raises(OutOfScope, match=reason):
        predict(point, UNITS)


@pytest.mark.parametrize("row", [RRAM, ANALOG, DIGITAL])
def test_a_row_that_states_everything_assumes_nothing(tmp_path: Path, row: dict[str, str]) -> None:
    (point,) = points(tmp_path, row)
    assert macro_of(point, UNITS).assumed == ()


@pytest.mark.parametrize(
    ("row", "change", "name"),
    [
        (RRAM, {"i_cell_uA": ""}, "cell_current_a"),
        (RRAM, {"sensing": "time"}, "sensing"),
        (RRAM, {"adc_type": "prioritized-hybrid"}, "adc_type"),
        (RRAM, {"adc_bits": ""}, "adc_bits"),
        (RRAM, {"rows_per_op": "unknown"}, "rows_per_op"),
        (RRAM, {"bits_w": "2", "cells_per_weight": "", "bits_per_cell": ""}, "cells_per_weight"),
        (RRAM, {"t_op_ns": ""}, "time_over_model"),
        (RRAM, {"vdd_V": ""}, "vdd_V"),
        (ANALOG, {"activity_input_toggle": "unknown"}, "input_toggle"),
        (ANALOG, {"activity_weight_density": "unknown"}, "weight_density"),
        (ANALOG, {"adcs_per_array": ""}, "conversions_per_output"),
        (ANALOG, {"bits_in": "4", "input_bits_per_op": "4", "dac_bits": ""}, "dac_bits"),
        (ANALOG, {"bits_in": "4", "dac_bits": "4"}, "input_coding"),
        (DIGITAL, {"adder_kind": "unknown"}, "adder_kind"),
        (DIGITAL, {"activity_input_toggle": ""}, "adder_activity"),
    ],
)
def test_each_missing_fact_is_assumed_by_name(
    tmp_path: Path, row: dict[str, str], change: dict[str, str], name: str
) -> None:
    (point,) = points(tmp_path, row | change)
    assumed = {each.name: each for each in macro_of(point, UNITS).assumed}
    assert name in assumed
    assert f"{name} = " in str(assumed[name])
