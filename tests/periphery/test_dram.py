import pytest

from imcsim.core.errors import ConfigError
from imcsim.periphery import Dram


def test_free_dram_is_allowed_but_no_negative_energy() -> None:
    assert Dram(name="d", energy_j=0.0, bandwidth_bits_per_s=1.0).energy_j == 0
    with pytest.raises(ConfigError, match="energy_j"):
        Dram(name="d", energy_j=-1e-12, bandwidth_bits_per_s=1.0)


def test_bandwidth_must_be_positive() -> None:
    with pytest.raises(ConfigError, match="bandwidth_bits_per_s"):
        Dram(name="d", energy_j=1e-12, bandwidth_bits_per_s=0.0)
