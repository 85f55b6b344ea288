"""The fit of a few factors: exact where it can be, robust, each silicon once, held by its prior."""

import math

import pytest

from imcsim.core.errors import DataError
from imcsim.published.calibration import Calibration, Parameter, Sample, calibrate, without

LOOSE = (Parameter("a", "", 100.0), Parameter("b", "", 100.0))


def sample(silicon: str, reported: float, **parts: float) -> Sample:
    return Sample(silicon, parts, {"a": "a", "b": "b"}, reported)


def test_the_fit_finds_the_factors_that_made_the_samples() -> None:
    made = [sample(s, 0.5 * a + 3 * b + 2, a=a, b=b, c=2.0) for s, a, b in (("x", 10, 1), ("y", 1, 10), ("z", 5, 5))]
    found = calibrate("energy", LOOSE, made)
    assert found.values == pytest.approx({"a": 0.5, "b": 3.0}, rel=1e-3)
    assert found.silicon == ("x", "y", "z")
    assert found.parts(made[0]) == pytest.approx({"a": 5.0, "b": 3.0, "c": 2.0}, rel=1e-3)  # c has no factor


def test_a_silicon_of_many_rows_counts_once() -> None:
    (loose,) = (Parameter("a", "", 100.0),)
    one, four = sample("x", 1.0, a=1.0), sample("y", 4.0, a=1.0)
    assert calibrate("energy", [loose], [one, four]).values["a"] == pytest.approx(2.0, rel=1e-3)  # geometric mean
    assert calibrate("energy", [loose], [one] * 9 + [four]).values["a"] == pytest.approx(2.0, rel=0.25)


def test_one_wild_silicon_does_not_rule_the_fit() -> None:
    (loose,) = (Parameter("a", "", 100.0),)
    good = [sample(str(at), 1.0, a=1.0) for at in range(8)]
    found = calibrate("energy", [loose], [*good, sample("wild", 1e6, a=1.0)]).values["a"]
    assert 1.0 < found < math.exp(0.2)  # least squares would give 1e6^(1/9) = 4.6


def test_a_factor_that_no_sample_needs_stays_at_one_and_as_uncertain_as_its_prior() -> None:
    parameters = (Parameter("a", "", 100.0), Parameter("b", "", 0.3))
    found = calibrate("energy", parameters, [sample("x", 2.0, a=1.0), sample("y", 2.0, a=1.0)])
    assert found.values["b"] == pytest.approx(1.0)
    assert found.spread["b"] == pytest.approx(0.3, rel=1e-3)


def test_a_tight_prior_holds_a_factor_back() -> None:
    samples = [sample("x", 4.0, a=1.0), sample("y", 4.0, a=1.0)]
    loose, tight = (calibrate("energy", [Parameter("a", "", prior)], samples).values["a"] for prior in (100.0, 0.05))
    assert loose == pytest.approx(4.0, rel=1e-3)
    assert 1.0 < tight < 1.05


def test_a_single_silicon_is_refused() -> None:
    with pytest.raises(DataError, match="too few published macros to calibrate area on: 1 silicon, needed 2"):
        calibrate("area", LOOSE, [sample("x", 1.0, a=1.0, b=1.0)] * 3)


def test_without_leaves_out_all_rows_of_a_silicon() -> None:
    left = without([sample("x", 1.0), sample("y", 2.0), sample("x", 3.0)], "x")
    assert [each.reported for each in left] == [2.0]


def test_parts_without_a_known_factor_are_taken_as_they_are() -> None:
    calibration = Calibration("energy", {"a": 2.0}, {"a": 0.1}, ())
    assert calibration.parts(sample("x", 1.0, a=3.0, b=5.0)) == {"a": 6.0, "b": 5.0}
