import math

import pytest

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.periphery import Buffer

_VALUES: dict[str, object] = {
    "name": "round",
    "size_bytes": 2000,
    "table_bytes": (1000, 4000, 8000),
    "read_table_j": (1e-13, 4e-13, 5e-13),
    "write_table_j": (2e-13, 2e-13, 5e-13),
    "leakage_table_w": (4e-12, 1e-12, 1e-12),
    "area_table_m2": (1e-13, 1e-13, 1e-13),
    "bandwidth_bits_per_s": 1e9,
}


def buffer(**changes: object) -> Buffer:
    return parse(Buffer, {**_VALUES, **changes}, "buffer.toml")


def test_interpolation_is_log_log_by_hand() -> None:
    # 2000 B is halfway from 1000 to 4000 B on a log axis: sqrt(1 x 4) = 2, and leakage sqrt(4 x 1) = 2 per bit.
    middle = buffer()
    assert middle.read_energy_j == pytest.approx(2e-13)
    assert middle.write_energy_j == pytest.approx(2e-13)
    assert middle.leakage_w == pytest.approx(2e-12 * 16000)
    assert middle.area_m2 == pytest.approx(1e-13 * 16000)


@pytest.mark.parametrize(("size", "energy"), [(1000, 1e-13), (4000, 4e-13), (8000, 5e-13)])
def test_table_entries_come_back_as_they_are(size: int, energy: float) -> None:
    assert math.isclose(buffer(size_bytes=size).read_energy_j, energy, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"size_bytes": 999}, r"size_bytes \(999\) must lie inside table_bytes, 1000 to 8000 bytes"),
        ({"size_bytes": 8001}, r"size_bytes \(8001\) must lie inside table_bytes"),
        ({"table_bytes": (4000, 1000, 8000)}, "table_bytes must increase"),
        ({"read_table_j": (1e-13,)}, "read_table_j has 1 entries for 3 sizes"),
        ({"area_table_m2": (1e-13, 0.0, 1e-13)}, "area_table_m2 must hold values > 0, got 0.0"),
    ],
)
def test_broken_buffers_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        buffer(**changes)
