import pytest
from pydantic import ValidationError

from imcsim.periphery import Link


@pytest.mark.parametrize(
    ("field", "value"), [("bandwidth_bits_per_s", 0.0), ("energy_j", -1e-13), ("hops", -1.0), ("hops", float("inf"))]
)
def test_impossible_links_are_refused(field: str, value: float) -> None:
    values = {"name": "l", "energy_j": 1e-13, "hops": 2.0, "bandwidth_bits_per_s": 1e9}
    assert Link.model_validate(values).hops == 2.0
    with pytest.raises(ValidationError, match=field):
        Link.model_validate({**values, field: value})
