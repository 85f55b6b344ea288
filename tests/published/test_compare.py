"""Leave one silicon out: its own figures never reach its prediction; errors, bands and records of the shipped rows."""

import dataclasses
import math
from pathlib import Path

import pytest

from imcsim.core.errors import DataError
from imcsim.published import PublishedPoint, Validation, load_units, shipped_points, validate
from imcsim.published.calibration import QUANTITIES, Quantity
from imcsim.published.errors import bands_of, errors_of
from imcsim.published.scope import FAMILIES
from tests.published.rows import ANALOG, DIGITAL, RRAM, points

UNITS = load_units().config
SHIPPED = shipped_points()
TAKEN = ("xue_jssc19_55nm", "wang_vlsi22_22nm")


def scaled(silicon: str, factor: float) -> tuple[PublishedPoint, ...]:
    """Return the shipped points, all reported figures of one silicon times a factor."""
    return tuple(
        dataclasses.replace(
            point,
            reported_j=point.reported_j and point.reported_j * factor,
            area_m2=point.area_m2 and point.area_m2 * factor,
        )
        if point.silicon_id == silicon
        else point
        for point in SHIPPED
    )


@pytest.mark.parametrize("silicon", TAKEN)
def test_a_reported_figure_does_not_reach_its_own_prediction(shipped: Validation, silicon: str) -> None:
    changed_points = scaled(silicon, 5.0)
    changed = validate(changed_points, changed_points, UNITS)
    others_moved = False
    for before, after in zip(shipped.comparisons, changed.comparisons, strict=True):
        own = before.point.silicon_id == silicon
        for quantity in ("energy", "area"):
            one, other = before.figures[quantity], after.figures[quantity]
            if own:
                assert other.predicted == one.predicted
                # the band is as wide as others were off, which were predicted with it: a small part of its width
                assert one.low is None or other.low == pytest.approx(one.low, rel=0.1)
                assert one.ratio is None or other.ratio == pytest.approx(one.ratio / 5)
            others_moved |= not own and one.predicted != other.predicted
    assert others_moved  # the fits of the others did see it


def test_points_of_a_file_are_compared_and_never_fitted(shipped: Validation) -> None:
    halved = tuple(dataclasses.replace(p, reported_j=p.reported_j and p.reported_j / 2) for p in SHIPPED)
    other = validate(halved, SHIPPED, UNITS)
    for before, after in zip(shipped.comparisons, other.comparisons, strict=True):
        assert after.figures["energy"].predicted == before.figures["energy"].predicted


def test_a_silicon_that_is_not_in_the_table_sees_all_of_it(tmp_path: Path, shipped: Validation) -> None:
    (new,) = points(tmp_path, RRAM)
    (found,) = validate([new], SHIPPED, UNITS).comparisons
    figure = found.figures["energy"]
    assert figure.predicted == figure.in_sample
    assert figure.predicted is not None and figure.low is not None and figure.high is not None
    assert figure.low < figure.predicted < figure.high
    assert figure.predicted**2 == pytest.approx(figure.low * figure.high)


def test_the_order_of_rows_does_not_matter(shipped: Validation) -> None:
    backward = validate(SHIPPED, SHIPPED[::-1], UNITS)
    for quantity in QUANTITIES:
        one, other = shipped.calibrations[quantity].values, backward.calibrations[quantity].values
        assert other == pytest.approx(one, rel=1e-4)


def test_too_few_references_are_refused() -> None:
    with pytest.raises(DataError, match="too few published macros to calibrate energy on: 1 silicon, needed 2"):
        validate(SHIPPED, [p for p in SHIPPED if p.silicon_id == "diana"], UNITS)


def test_what_a_row_leaves_open_widens_its_band(tmp_path: Path) -> None:
    known, open_ = points(tmp_path, RRAM, RRAM | {"i_cell_uA": "", "activity_input_toggle": ""})
    widths = [
        (figure.high or 0) / (figure.low or 1)
        for c in validate([known, open_], SHIPPED, UNITS).comparisons
        for figure in [c.figures["energy"]]
    ]
    assert widths[0] < widths[1]


def test_every_point_is_either_predicted_or_named_with_a_reason(shipped: Validation) -> None:
    assert len(shipped.comparisons) == len(SHIPPED)
    for comparison in shipped.comparisons:
        for quantity in QUANTITIES:
            figure = comparison.figures[quantity]
            if figure.predicted is None:
                assert figure.reason
            else:
                assert math.isfinite(figure.predicted)
                assert figure.predicted == pytest.approx(sum(figure.parts.values()))
                assert figure.to_blame in figure.parts


def test_a_record_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    rows = points(tmp_path, RRAM, ANALOG | {"what_energy_includes": "processor"}, DIGITAL | {"area_mm2_macro": ""})
    good, processor, no_area = (c.record() for c in validate(rows, SHIPPED, UNITS).comparisons)
    assert list(good) == [
        "chip_id", "predicted_fj_per_mac", "predicted_low_fj_per_mac", "predicted_high_fj_per_mac",
        "reported_fj_per_mac", "ratio", "excluded", "reason", "predicted_cycle_ns", "predicted_low_cycle_ns",
        "predicted_high_cycle_ns", "reported_cycle_ns", "cycle_ratio", "cycle_reason", "predicted_area_mm2",
        "predicted_low_area_mm2", "predicted_high_area_mm2", "reported_area_mm2", "area_ratio", "area_reason",
        "states_activity", "assumed",
    ]  # fmt: skip
    assert good["reported_fj_per_mac"] == pytest.approx(35)
    assert good["reported_cycle_ns"] == pytest.approx(10)
    assert (good["excluded"], good["assumed"], good["states_activity"]) == (False, [], True)
    assert (processor["excluded"], processor["predicted_fj_per_mac"]) == (True, None)
    assert "processor" in str(processor["reason"])
    assert (no_area["area_ratio"], no_area["area_reason"]) == (None, "no area is stated")
    assert no_area["predicted_area_mm2"] is not None


def test_errors_and_bands_by_hand() -> None:
    errors = errors_of([("a", 1.1), ("a", 0.5), ("b", 4.0)])
    assert errors is not None
    assert (errors.points, errors.chips, errors.worst_factor) == (3, 2, 4.0)
    assert errors.median_error == pytest.approx(0.5)
    assert errors.median_error_by_chip == pytest.approx((0.3 + 3.0) / 2)
    assert errors.within_two == pytest.approx(2 / 3)
    bands = bands_of([("a", True, 2.0), ("a", False, 3.0), ("b", True, 9.0)])
    assert bands is not None
    assert (bands.points, bands.held, bands.held_by_chip, bands.median_width) == (3, 2 / 3, 0.75, 3.0)
    assert errors_of([]) is None
    assert bands_of([]) is None


def test_bands_hold_as_many_left_out_macros_as_they_say(shipped: Validation) -> None:
    for quantity in QUANTITIES:
        bands = shipped.bands(quantity)
        assert bands is not None
        assert 0.8 <= bands.held_by_chip <= 0.97, quantity


def test_most_rows_with_structure_bits_supply_and_time_are_predicted(shipped: Validation) -> None:
    known = [
        c
        for c in shipped.comparisons
        if c.point.family not in ("hybrid", "digital-core", "simulated")
        and c.point.includes != "processor"
        and None not in (c.point.rows, c.point.input_bits, c.point.weight_bits, c.point.supply_v, c.point.input_s)
    ]
    assert sum(c.predicts_energy for c in known) / len(known) > 0.8


MOST: dict[Quantity, tuple[float, float]] = {"energy": (0.45, 4.0), "clock": (0.6, 8.0), "area": (0.3, 40.0)}


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_leave_one_out_is_not_worse_than_the_page_says(shipped: Validation, quantity: Quantity) -> None:
    errors, seen = shipped.errors(quantity), shipped.errors(quantity, in_sample=True)
    assert errors is not None and seen is not None
    assert errors.median_error < MOST[quantity][0]
    assert errors.worst_factor < MOST[quantity][1]
    assert seen.median_error <= errors.median_error * 1.05
    assert {c.family for c in shipped.comparisons if c.family} == set(FAMILIES)


def test_what_is_shipped_is_where_the_fit_stays(shipped: Validation) -> None:
    for quantity in QUANTITIES:
        calibration = shipped.calibrations[quantity]
        for name, value in calibration.values.items():
            assert abs(math.log(value)) <= calibration.spread[name], (quantity, name, value)
