import math

import numpy as np
import pytest

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.periphery import Adc

_VALUES: dict[str, object] = {
    "name": "round",
    "model": "macro-fit",
    "feature_size_m": 28e-9,
    "macro_fit": {
        "bits_min": 1,
        "bits_max": 10,
        "linear_f": 100e-15,
        "exponential_f": 0.001e-15,
        "time_per_bit_and_row_s": 0.00653e-9,
        "time_per_bit_s": 0.640e-9,
        "area_log10_slope": -0.0369,
        "area_log10_offset_um2": 1.206,
    },
    "neurosim": {
        "bits_min": 1,
        "bits_max": 10,
        "feature_sizes_m": (22e-9, 32e-9),
        "power_per_bit_w": (0.538e-6, 1.1294e-6),
        "power_offset_w": (4.3753e-6, 8.8998e-6),
        "power_resistive_w": (0.072341, 0.079449),
        "resistive_slope": (2.303, 2.297),
        "time_per_bit_s": 1e-9,
    },
    "survey": {
        "bits": (5, 6, 8),
        "energy_j": (0.728e-12, 0.828e-12, 1.33e-12),
        "rate_hz": 1e8,
        "area_ln_per_ln_nm": 0.9933,
        "area_ln_per_ln_hz": 0.1807,
        "area_ln_per_ln_pj": 0.2991,
        "area_ln_offset_um2": 1.346,
    },
}


def adc(**changes: object) -> Adc:
    return parse(Adc, {**_VALUES, **changes}, "adc.toml")


def table(name: str, **changes: object) -> dict[str, object]:
    part = _VALUES[name]
    assert isinstance(part, dict)
    return {name: {**part, **changes}}


def test_macro_fit_energy_by_hand() -> None:
    # (100 x 8 + 0.001 x 65536) fF x 0.81 V^2 = 865.536 x 0.81 = 701.08 fJ; 5 b: (500 + 1.024) x 0.81 = 405.83 fJ.
    assert adc().energy_j(8, 0.9, 0.0) == pytest.approx(701.08416e-15)
    assert adc().energy_j(5, 0.9, 0.0) == pytest.approx(405.82944e-15)


def test_macro_fit_time_and_area_by_hand() -> None:
    assert adc().time_s(8, 64) == pytest.approx(8 * (0.00653 * 64 + 0.640) * 1e-9)
    assert adc().area_m2(8) == pytest.approx(2086e-12, rel=2e-3)  # the value published with the fit
    assert adc().area_m2(5) == pytest.approx(333e-12, rel=2e-2)


@pytest.mark.parametrize(
    ("node_m", "bits", "resistance_ohm", "energy_pj"),
    [(22e-9, 5, 1e3, 0.476), (22e-9, 8, 1e4, 0.143), (32e-9, 5, 1e4, 0.136), (32e-9, 8, 1e3, 0.889)],
)
def test_neurosim_at_its_own_nodes(node_m: float, bits: int, resistance_ohm: float, energy_pj: float) -> None:
    # Energies of SarADC.cpp's fit, P (b + 1) ns, to the three digits of the reference table.
    converter = adc(model="neurosim", feature_size_m=node_m)
    assert converter.energy_j(bits, 0.9, 1 / resistance_ohm) == pytest.approx(energy_pj * 1e-12, rel=5e-3)


def test_neurosim_between_nodes_is_log_log() -> None:
    ends = [adc(model="neurosim", feature_size_m=node).energy_j(8, 0.9, 1e-3) for node in (22e-9, 32e-9)]
    share = math.log(28 / 22) / math.log(32 / 22)
    between = adc(model="neurosim").energy_j(8, 0.9, 1e-3)
    assert between == pytest.approx(math.exp((1 - share) * math.log(ends[0]) + share * math.log(ends[1])))


def test_neurosim_open_column_draws_only_the_converter() -> None:
    at_22 = adc(model="neurosim", feature_size_m=22e-9)
    assert at_22.energy_j(8, 0.9, 0.0) == pytest.approx((0.538e-6 * 8 + 4.3753e-6) * 9e-9)
    assert at_22.energy_j(8, 0.9, 1e-4) > at_22.energy_j(8, 0.9, 1e-5) > at_22.energy_j(8, 0.9, 0.0)


def test_neurosim_time_and_borrowed_area() -> None:
    assert adc(model="neurosim").time_s(8, 64) == pytest.approx(9e-9)
    assert adc(model="neurosim").area_m2(8) == adc().area_m2(8)


def test_survey_table_and_log_linear_interpolation() -> None:
    converter = adc(model="survey")
    assert converter.energy_j(5, 0.9, 0.0) == pytest.approx(0.728e-12)
    assert converter.energy_j(8, 0.9, 0.0) == pytest.approx(1.33e-12)
    assert converter.energy_j(7, 0.9, 0.0) == pytest.approx(math.sqrt(0.828 * 1.33) * 1e-12)  # halfway from 6 to 8 b
    assert converter.time_s(8, 64) == pytest.approx(10e-9)


def test_survey_area_by_hand() -> None:
    # 0.9933 ln 28 + 0.1807 ln 1e8 + 0.2991 ln 1.33 + 1.346 = 3.3099 + 3.3286 + 0.0853 + 1.346 = 8.0698
    assert adc(model="survey").area_m2(8) == pytest.approx(math.exp(8.0698) * 1e-12, rel=1e-3)


@pytest.mark.parametrize(
    ("model", "bits", "sentence"),
    [
        ("survey", 4, "model 'survey' holds for 5 to 8 bits, got 4; change adc_bits or adc.model"),
        ("survey", 9, "model 'survey' holds for 5 to 8 bits, got 9"),
        ("macro-fit", 11, "model 'macro-fit' holds for 1 to 10 bits, got 11"),
        ("neurosim", 0, "model 'neurosim' holds for 1 to 10 bits, got 0"),
    ],
)
def test_bits_outside_the_model_are_refused(model: str, bits: int, sentence: str) -> None:
    converter = adc(model=model)
    with pytest.raises(ConfigError, match=sentence):
        converter.energy_j(bits, 0.9, 1e-4)
    with pytest.raises(ConfigError, match=sentence):
        converter.time_s(bits, 64)
    with pytest.raises(ConfigError, match=sentence):
        converter.area_m2(bits)


@pytest.mark.parametrize("model", ["macro-fit", "neurosim", "survey"])
def test_an_array_holds_a_column_in_each_element(model: str) -> None:
    columns_s = np.array([[0.0, 1e-6, 1e-3], [2e-5, 1e-4, 5e-4]])
    found = adc(model=model).energy_j(8, 0.9, columns_s)
    each = [[adc(model=model).energy_j(8, 0.9, float(g)) for g in row] for row in columns_s]
    np.testing.assert_allclose(found, each, rtol=1e-15)
    assert adc(model=model).follows_conductance == (model == "neurosim") == (np.ptp(found) > 0)


def test_impossible_operating_points_are_refused() -> None:
    with pytest.raises(ConfigError, match="supply_v must be > 0, got 0"):
        adc().energy_j(8, 0.0, 1e-4)
    with pytest.raises(ConfigError, match="column_conductance_s must be >= 0, got -1"):
        adc().energy_j(8, 0.9, -1.0)
    with pytest.raises(ConfigError, match="column_conductance_s must be >= 0, got -2e-06"):
        adc().energy_j(8, 0.9, np.array([[1e-6, -2e-6]]))
    with pytest.raises(ConfigError, match="feature_size_m must lie in"):
        adc(model="neurosim", feature_size_m=65e-9).energy_j(8, 0.9, 1e-4)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "macrofit"}, "'model'.*macro-fit"),
        (table("neurosim", power_offset_w=(1e-6,)), "one entry for each of feature_sizes_m"),
        (table("neurosim", feature_sizes_m=(32e-9, 22e-9)), "feature_sizes_m must increase"),
        (table("survey", energy_j=(1e-12,)), "energy_j needs one entry for each of bits"),
        (table("survey", bits=(5, 5, 8)), "bits must increase"),
        (table("survey", energy_j=(1e-12, 0.0, 1e-12)), "energy_j must hold values > 0"),
        (table("macro_fit", bits_min=8, bits_max=5), r"bits_min \(8\) must be <= bits_max \(5\)"),
    ],
)
def test_broken_coefficients_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        adc(**changes)
