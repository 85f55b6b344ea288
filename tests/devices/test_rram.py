import pytest

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.devices import RramCell
from tests.devices.cells import rram, rram_values


def test_levels_are_equally_spaced_from_lowest_to_highest() -> None:
    assert rram().conductances_s(2) == pytest.approx([1e-6, 2e-6, 3e-6, 4e-6])
    assert rram().conductances_s(1) == pytest.approx([1e-6, 4e-6])


def test_levels_need_at_least_one_bit() -> None:
    with pytest.raises(ConfigError, match="cell_bits must be >= 1, got 0"):
        rram().conductances_s(0)


def test_area_counts_squares_of_the_feature_size() -> None:
    assert rram().area_m2 == pytest.approx(50 * 100e-18)


def test_pulse_statistics_are_indexed_by_bits() -> None:
    assert rram().pulse_statistics(1) == (2.0, 10.0)
    assert rram().pulse_statistics(2) == (8.5, 44.0)


def test_bits_without_measured_pulses_are_refused() -> None:
    with pytest.raises(ConfigError, match="cell_bits = 3, but cell 'round' has pulse counts for 1 to 2 bits"):
        rram().pulse_statistics(3)
    with pytest.raises(ConfigError, match="cell_bits = 2, but cell 'round' has pulse counts for 1 bit only; lower"):
        rram(pulses_mean=(2.0,), pulses_p99=(10.0,)).pulse_statistics(2)


def test_an_older_file_without_models_is_a_cell_with_programming_error_alone() -> None:
    cell = rram()
    assert (cell.programming_model, cell.relaxation_model, cell.nonlinearity_v) == ("fraction", "none", None)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"conductance_max_s": 1e-6}, r"conductance_max_s \(1e-06\) must be > conductance_min_s \(1e-06\)"),
        ({"stuck_low_fraction": 0.6, "stuck_high_fraction": 0.5}, "must be <= 1"),
        ({"pulses_p99": (10.0,)}, "pulses_mean has 2 entries and pulses_p99 1"),
        ({"pulses_mean": (0.5, 8.5)}, "pulses_mean at 1 bits must be >= 1, got 0.5"),
        ({"pulses_p99": (1.0, 44.0)}, "pulses_p99 at 1 bits must lie between the mean"),
        ({"pulses_p99": (10.0, 200.0)}, "pulses_p99 at 2 bits must lie between the mean"),
        ({"endurance_scale_cycles": 0}, "'endurance_scale_cycles': .*greater than 0"),
        ({"read_voltage_v": -0.1}, "'read_voltage_v': .*greater than 0"),
        ({"pulse_time_s": float("nan")}, "'pulse_time_s': .*finite"),
        ({"pulses_mean": ()}, "'pulses_mean'"),
        ({"kind": "sram"}, "'kind'"),
        ({"programming_model": "neuram"}, "'programming_model': .*'fraction' or 'neurram'.*given: 'neuram'"),
        ({"relaxation_model": "poled"}, "'relaxation_model': .*'none', 'pooled', 'neurram' or 'cmo-hfox'"),
        ({"nonlinearity_v": 0.0}, "'nonlinearity_v': .*greater than 0"),
        ({"nonlinearity_v": 0.003}, r"nonlinearity_v must be >= read_voltage_v / 50 \(= 0.004 V\), got 0.003"),
        ({"read_volage_v": 0.2}, "unknown key 'read_volage_v'; did you mean 'read_voltage_v'"),
    ],
)
def test_impossible_cells_are_refused_in_one_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse(RramCell, rram_values(**changes), "cell.toml")
