import pytest
from pydantic import ValidationError

from tests.devices.cells import sram


def test_area_counts_squares_of_the_feature_size() -> None:
    assert sram().area_m2 == pytest.approx(300 * 400e-18)


@pytest.mark.parametrize("field", ["area_f2", "write_energy_j", "write_time_s", "endurance_cycles"])
def test_values_must_be_positive(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        sram(**{field: 0.0})
