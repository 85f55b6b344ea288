"""The validation of the shipped macros, made once."""

import pytest

from imcsim.published import Validation, load_units, shipped_points, validate


@pytest.fixture(scope="session")
def shipped() -> Validation:
    points = shipped_points()
    return validate(points, points, load_units().config)
