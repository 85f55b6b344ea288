"""Calibration and leave-one-chip-out: a chip's own figures never reach its prediction."""

import dataclasses
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError, DataError
from imcsim.published import PublishedPoint, Validation, calibrate, load_units, shipped_points, validate
from imcsim.published.calibration import Sample, without
from imcsim.published.text import text

UNITS = load_units().config
SHIPPED = shipped_points()
FITTED = ("xue_jssc19_55nm", "wang_vlsi22_22nm")


@pytest.fixture(scope="module")
def shipped() -> Validation:
    return validate(SHIPPED, SHIPPED, UNITS)


def sample(chip: str, factor: float, family: str = "analog-sram", **parts: float) -> Sample:
    amounts = parts or {"adc": 2e-15, "cells": 1e-9}
    joules = factor * sum(amounts.get(name, 0.0) * value for name, value in (("adc", 0.5), ("cells", 3e-7)))
    return Sample(chip, chip, family, amounts, joules)  # type: ignore[arg-type]


def scaled(points: tuple[PublishedPoint, ...], chip: str, factor: float) -> tuple[PublishedPoint, ...]:
    return tuple(
        dataclasses.replace(p, reported_j=p.reported_j * factor) if p.chip_id == chip and p.reported_j else p
        for p in points
    )


def test_fit_finds_parameters_that_made_the_samples() -> None:
    samples = [sample("a", 1.0, adc=2e-15, cells=1e-9), sample("b", 1.0, adc=3e-14, cells=1e-9)]
    found = calibrate("analog-sram", [*samples, sample("c", 1.0, adc=1e-15, cells=7e-8)])
    assert found.values == pytest.approx({"adc": 0.5, "cells": 3e-7}, rel=1e-6)
    assert found.chips == ("a", "b", "c")


def test_many_points_of_a_chip_weigh_as_much_as_one() -> None:
    one = Sample("a", "a", "rram", {"sense": 1.0}, 1e-5)
    two = Sample("b", "b", "rram", {"sense": 1.0}, 4e-5)
    expected = calibrate("rram", [one, two]).values["sense"]
    assert expected == pytest.approx(2e-5, rel=1e-6)  # the geometric mean of the two
    assert calibrate("rram", [one] * 7 + [two]).values["sense"] == pytest.approx(expected, rel=0.2)


def test_fit_does_not_depend_on_the_order_of_rows() -> None:
    forward = validate(SHIPPED, SHIPPED, UNITS).calibrations
    backward = validate(SHIPPED, SHIPPED[::-1], UNITS).calibrations
    for one, other in zip(forward, backward, strict=True):
        assert other.values == pytest.approx(one.values, rel=1e-6)


def test_too_few_chips_to_fit_are_refused() -> None:
    with pytest.raises(DataError, match="too few published chips of family rram to calibrate on: 1, needed 2"):
        calibrate("rram", [Sample("a", "a", "rram", {"sense": 1.0}, 1e-5)])


def test_same_chip_and_same_paper_are_left_out() -> None:
    samples = [Sample(chip, paper, "rram", {}, 1.0) for chip, paper in (("a", "x"), ("b", "x"), ("c", "y"), ("a", "z"))]
    assert [s.chip_id for s in without(samples, "a", "x")] == ["c"]


@pytest.mark.parametrize("chip", FITTED)
def test_a_reported_value_does_not_reach_its_own_prediction(shipped: Validation, chip: str) -> None:
    changed = validate(*(2 * (scaled(SHIPPED, chip, 5.0),)), UNITS)
    for before, after in zip(shipped.comparisons, changed.comparisons, strict=True):
        if before.point.chip_id == chip:
            assert after.predicted_j == before.predicted_j
            assert after.ratio == pytest.approx((before.ratio or 0) / 5)
    same_family = next(c.family for c in shipped.comparisons if c.point.chip_id == chip)
    moved = [
        after.predicted_j != before.predicted_j
        for before, after in zip(shipped.comparisons, changed.comparisons, strict=True)
        if before.family == same_family and before.point.chip_id != chip and not before.excluded
    ]
    assert all(moved)  # the fits of the others did see it


def test_points_of_a_file_are_compared_and_never_fitted(shipped: Validation) -> None:
    halved = tuple(dataclasses.replace(p, reported_j=p.reported_j and p.reported_j / 2) for p in SHIPPED)
    other = validate(halved, SHIPPED, UNITS)
    assert [c.predicted_j for c in other.comparisons] == [c.predicted_j for c in shipped.comparisons]


def test_every_point_is_either_predicted_or_named_with_a_reason(shipped: Validation) -> None:
    assert len(shipped.comparisons) == len(SHIPPED)
    for comparison in shipped.comparisons:
        if comparison.excluded:
            assert comparison.reason
        else:
            assert comparison.predicted_j is not None
            assert math.isfinite(comparison.predicted_j)
            assert comparison.predicted_j == pytest.approx(sum(comparison.parts_j.values()))


def test_leave_one_chip_out_stays_as_good_as_the_page_says(shipped: Validation) -> None:
    errors = shipped.errors()
    assert errors is not None
    assert (errors.points, errors.chips) == (38, 22)
    assert errors.median_error < 0.25
    assert errors.within_two > 0.9
    assert errors.worst_factor < 2.5
    clock, area = shipped.errors(quantity="clock"), shipped.errors(quantity="area")
    assert clock is not None
    assert area is not None
    assert (clock.points, clock.chips, area.points, area.chips) == (27, 14, 32, 12)
    assert clock.median_error < 0.4
    assert area.median_error < 0.27


def test_the_described_digital_macro_is_within_a_fifth_in_all_three(shipped: Validation) -> None:
    (found,) = [c for c in shipped.comparisons if c.point.chip_id == "zz_dimc1_isscc22_15p5"]
    ratios = [found.ratio, found.clock.ratio, found.area.ratio]
    assert all(ratio is not None and abs(ratio - 1) < 0.2 for ratio in ratios)


def test_an_area_does_not_reach_its_own_prediction(shipped: Validation) -> None:
    chip = "papistas_cicc21_22nm"
    changed = tuple(
        dataclasses.replace(p, density_ops_per_s_m2=p.density_ops_per_s_m2 / 3)
        if p.chip_id == chip and p.density_ops_per_s_m2
        else p
        for p in SHIPPED
    )
    other = validate(changed, changed, UNITS)
    for before, after in zip(shipped.comparisons, other.comparisons, strict=True):
        if before.point.chip_id == chip:
            assert after.area.predicted == before.area.predicted
            assert after.area.reported == pytest.approx(3 * (before.area.reported or 0))
    moved = [
        after.area.predicted != before.area.predicted
        for before, after in zip(shipped.comparisons, other.comparisons, strict=True)
        if before.family == "analog-sram" and before.point.chip_id != chip and before.area.predicted is not None
    ]
    assert moved
    assert all(moved)


def test_an_assumed_activity_is_told_apart_from_the_headline(shipped: Validation) -> None:
    found = validate(SHIPPED, SHIPPED, UNITS, assumed_activity=0.5)
    assert found.errors() == shipped.errors()
    assumed = found.errors(assumed=True)
    assert assumed is not None
    assert (assumed.points, assumed.chips) == (12, 4)
    assert "With an assumed activity, not in the headline" in text(found, "chips.csv")
    marked = [c for c in found.comparisons if c.assumed]
    assert all(c.reason.startswith("activity of 0.5 assumed") for c in marked)
    doubled = validate([c.point for c in marked], SHIPPED, UNITS, assumed_activity=1.0)
    for half, whole in zip(marked, doubled.comparisons, strict=True):
        assert whole.parts_j["adders"] == pytest.approx(2 * half.parts_j["adders"])


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, math.nan, math.inf])
def test_an_assumed_activity_that_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="an assumed activity is a share > 0 and <= 1, got"):
        validate(SHIPPED[:1], SHIPPED, UNITS, assumed_activity=share)


def test_parts_without_a_parameter_are_taken_as_they_are() -> None:
    made = [Sample(c, c, "rram", {"sense": s, "fixed": 3e-6}, 2e-5 * s + 3e-6) for c, s in (("a", 1.0), ("b", 4.0))]
    found = calibrate("rram", made)
    assert found.values == {"sense": pytest.approx(2e-5, rel=1e-6)}
    assert found.predict({"sense": 1.0, "fixed": 3e-6}) == pytest.approx({"sense": 2e-5, "fixed": 3e-6}, rel=1e-6)


def test_errors_by_hand(shipped: Validation) -> None:
    one = next(c for c in shipped.comparisons if not c.excluded)
    made = [
        dataclasses.replace(one, predicted_j=ratio * (one.point.reported_j or 0), point=point)
        for ratio, point in ((1.5, one.point), (1.0, one.point), (0.25, dataclasses.replace(one.point, chip_id="z")))
    ]
    errors = Validation(tuple(made), ()).errors()
    assert errors is not None
    assert (errors.points, errors.chips) == (3, 2)
    assert errors.median_error == pytest.approx(0.5)
    assert errors.median_error_by_chip == pytest.approx((0.25 + 0.75) / 2)
    assert errors.within_two == pytest.approx(2 / 3)
    assert errors.worst_factor == pytest.approx(4)
    assert Validation((), ()).errors() is None


def test_text_names_parameters_fitted_chips_and_what_is_left_out(shipped: Validation) -> None:
    printed = text(shipped, "chips.csv")
    assert max(len(line) for line in printed.splitlines()) <= 100
    told = " ".join(printed.split())
    for words in (
        "leave one chip out",
        "rram.sense = ",
        "analog-sram.cells = ",
        "fitted to xue_jssc19_55nm",
        "analog-sram-area.cells = ",
        "SRAM points that state toggle rate and weight density, within 20%: energy 6 of 7, clock 2 of 7, area 6 of 7",
        "within 2x",
    ):
        assert words in told
    for comparison in shipped.comparisons:
        assert comparison.point.chip_id in told
        for reason in (comparison.reason, comparison.clock.reason, comparison.area.reason):
            assert reason in told or comparison.family in ("rram", None) or not reason


numbers = st.one_of(st.none(), st.floats(1e-6, 1e9))
bits = st.one_of(st.none(), st.floats(1e-6, 64), st.integers(1, 16).map(float))
counts = st.one_of(st.none(), st.integers(1, 10**9))


@settings(max_examples=60, deadline=None)
@given(
    template=st.sampled_from(SHIPPED), supply_v=numbers, adc_bits=bits, bits_in=bits, bits_w=bits, rows=counts,
    node_nm=st.floats(1, 200), cycle_ns=numbers, cols=counts, density=numbers, assumed=st.sampled_from((None, 0.25)),
)  # fmt: skip
def test_any_description_is_predicted_with_a_finite_number_or_left_out(
    template: PublishedPoint,
    supply_v: float | None,
    adc_bits: float | None,
    bits_in: float | None,
    bits_w: float | None,
    rows: int | None,
    node_nm: float,
    cycle_ns: float | None,
    cols: int | None,
    density: float | None,
    assumed: float | None,
) -> None:
    point = dataclasses.replace(
        template, supply_v=supply_v, adc_bits=adc_bits, bits_in=bits_in, bits_w=bits_w, rows_per_op=rows,
        feature_size_m=node_nm * 1e-9, cycle_s=None if cycle_ns is None else cycle_ns * 1e-9, array_cols=cols,
        density_ops_per_s_m2=None if density is None else density * 1e18,
    )  # fmt: skip
    found = validate([point], SHIPPED, UNITS, assumed_activity=assumed)
    record = found.comparisons[0].record()
    if record["excluded"]:
        assert record["reason"]
        assert record["predicted_fj_per_mac"] is None
    else:
        assert isinstance(record["ratio"], float)
        assert math.isfinite(record["ratio"])
        assert record["ratio"] > 0
    for value in record.values():
        assert not isinstance(value, float) or (math.isfinite(value) and value >= 0)
    printed = text(found, "made up.csv")
    assert max(len(line) for line in printed.splitlines()) <= 100
    assert not re.search(r"\b(nan|inf)\b", printed)
