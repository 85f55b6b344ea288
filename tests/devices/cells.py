"""Cells with round numbers, for sums by hand."""

from imcsim.core.content import names
from imcsim.core.toml import load_resolved
from imcsim.devices import RramCell, SramCell

# Levels of a 2-bit cell lie at 1, 2, 3 and 4 uS; SET at 2 V (V^2 = 4), RESET at 1 V (V^2 = 1).
_RRAM = {
    "kind": "rram",
    "name": "round",
    "feature_size_m": 10e-9,
    "area_f2": 50.0,
    "conductance_min_s": 1e-6,
    "conductance_max_s": 4e-6,
    "read_voltage_v": 0.2,
    "read_time_s": 10e-9,
    "set_voltage_v": 2.0,
    "reset_voltage_v": 1.0,
    "pulse_time_s": 100e-9,
    "set_energy_j": 20e-12,
    "reset_energy_j": 30e-12,
    "verify_energy_j": 2e-12,
    "verify_time_s": 20e-9,
    "pulses_mean": (2.0, 8.5),
    "pulses_p99": (10.0, 44.0),
    "set_pulse_share": 0.4,
    "wire_capacitance_f": 1e-15,
    "endurance_scale_cycles": 1e7,
    "endurance_shape": 2.2,
    "guaranteed_cycles": 1e4,
    "programming_sigma_fraction": 0.05,
    "read_noise_fraction": 0.01,
    "stuck_low_fraction": 0.001,
    "stuck_high_fraction": 0.001,
}


def rram_values(**changes: object) -> dict[str, object]:
    """Return the values of the round RRAM cell with ``changes``."""
    return {**_RRAM, **changes}


def rram(**changes: object) -> RramCell:
    """Return the round RRAM cell with ``changes``."""
    return RramCell.model_validate(rram_values(**changes))


def sram(**changes: object) -> SramCell:
    """Return an SRAM bit with round numbers and ``changes``."""
    values = {
        "kind": "sram",
        "name": "round",
        "feature_size_m": 20e-9,
        "area_f2": 300.0,
        "write_energy_j": 0.1e-12,
        "read_energy_j": 0.05e-12,
        "write_time_s": 1e-9,
        "read_time_s": 1e-9,
        "leakage_w": 2e-12,
        "endurance_cycles": 1e16,
    }
    return SramCell.model_validate({**values, **changes})


def preset(name: str) -> RramCell:
    """Return the RRAM cell of ``models/devices`` with this name."""
    return load_resolved(RramCell, "device", name).config


PRESETS = [preset(name) for name in names("device") if name.startswith("rram-")]
