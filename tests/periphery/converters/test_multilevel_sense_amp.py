import pytest

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.core.toml import load_resolved
from imcsim.periphery import Adc
from imcsim.periphery.converters.multilevel_sense_amp import MultilevelSenseAmp

VALUES: dict[str, object] = {
    "bits_min": 1,
    "bits_max": 8,
    "feature_sizes_m": (22e-9, 32e-9),
    "power_per_reference_w": (1.7e-6, 3.0875e-6),
    "power_resistive_w": (0.0631, 0.0649),
    "resistive_slope": (2.302585092994046, 2.302585092994046),
    "time_s": 1e-9,
}


def amp(**changes: object) -> MultilevelSenseAmp:
    return parse(MultilevelSenseAmp, {**VALUES, **changes}, "amp.toml")


def test_energy_by_hand_at_a_node() -> None:
    # 31 comparisons x 1.7 uW + 0.0631 / 10 kohm = 52.7 + 6.31 uW, for 1 ns (a slope of ln 10 makes the power of R -1)
    assert amp().energy_j(22e-9, 5, 0.85, 1e-4) == pytest.approx(59.01e-15)
    assert amp().energy_j(22e-9, 1, 0.85, 0.0) == pytest.approx(1.7e-15)


def test_one_more_bit_doubles_the_comparisons_of_an_open_column() -> None:
    assert amp().energy_j(32e-9, 4, 0.85, 0.0) / amp().energy_j(32e-9, 3, 0.85, 0.0) == pytest.approx(15 / 7)


def test_between_nodes_lies_between() -> None:
    low, middle, high = (amp().energy_j(node, 5, 0.85, 1e-4) for node in (22e-9, (22e-9 * 32e-9) ** 0.5, 32e-9))
    assert middle == pytest.approx((low * high) ** 0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"power_resistive_w": (1e-6,)}, "one entry for each of feature_sizes_m"),
        ({"feature_sizes_m": (32e-9, 22e-9)}, "feature_sizes_m must increase"),
        ({"bits_min": 9}, r"bits_min \(9\) must be <= bits_max \(8\)"),
    ],
)
def test_tables_that_disagree_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        amp(**changes)


def test_as_an_adc() -> None:
    adc = load_resolved(Adc, "component", "adc-neurosim-22nm").config
    assert adc.time_s(5, 128) == 1e-9
    assert adc.energy_j(5, 0.85, 1e-4) == pytest.approx(59.01e-15, rel=1e-3)
    assert adc.energy_j(5, 1.7, 1e-4) == adc.energy_j(5, 0.85, 1e-4)
    sar = adc.model_copy(update={"model": "neurosim"})
    assert sar.area_m2(5) == adc.area_m2(5)
    with pytest.raises(ConfigError, match="model 'neurosim-mlsa' holds for 1 to 8 bits, got 9"):
        adc.energy_j(9, 0.85, 1e-4)
    with pytest.raises(ConfigError, match=r"must lie in .* for 'neurosim-mlsa'"):
        adc.model_copy(update={"feature_size_m": 65e-9}).energy_j(5, 0.85, 1e-4)
