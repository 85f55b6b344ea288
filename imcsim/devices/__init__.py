"""Memory cells: what one cell costs to read and to write, and how it wears."""

from imcsim.devices.nonlinearity import cell_current_a, input_values
from imcsim.devices.programming import (
    WRITE_RULES,
    WriteRule,
    event_energies_j,
    event_price,
    event_pulses,
    programming_energy_j,
    sram_write_energy_j,
)
from imcsim.devices.programming_error import NEURRAM_AGES, neurram_sigma_s, program, programming_sigma_s
from imcsim.devices.pulses import PULSE_SCHEMES, lognormal_parameters, sample_pulses, scheme_statistics
from imcsim.devices.read_noise import read
from imcsim.devices.relaxation import (
    cmo_hfox_shift_s,
    cmo_hfox_sigma_s,
    log_variance_sigma_s,
    pooled_shift_s,
    pooled_sigma_s,
    relax,
)
from imcsim.devices.row_time import expected_max_pulses, pulses_in_turn, row_write_time_s, verify_turns
from imcsim.devices.rram import ProgrammingModel, RelaxationModel, RramCell
from imcsim.devices.spread import relaxed_s, spread_after_programming_s
from imcsim.devices.sram import SramCell
from imcsim.devices.stuck import apply_stuck, stuck_masks
from imcsim.devices.wear import failure_probability, first_failure_cycles

__all__ = [
    "NEURRAM_AGES",
    "PULSE_SCHEMES",
    "WRITE_RULES",
    "ProgrammingModel",
    "RelaxationModel",
    "RramCell",
    "SramCell",
    "WriteRule",
    "apply_stuck",
    "cell_current_a",
    "cmo_hfox_shift_s",
    "cmo_hfox_sigma_s",
    "event_energies_j",
    "event_price",
    "event_pulses",
    "expected_max_pulses",
    "failure_probability",
    "first_failure_cycles",
    "input_values",
    "log_variance_sigma_s",
    "lognormal_parameters",
    "neurram_sigma_s",
    "pooled_shift_s",
    "pooled_sigma_s",
    "program",
    "programming_energy_j",
    "programming_sigma_s",
    "pulses_in_turn",
    "read",
    "relax",
    "relaxed_s",
    "row_write_time_s",
    "sample_pulses",
    "scheme_statistics",
    "spread_after_programming_s",
    "sram_write_energy_j",
    "stuck_masks",
    "verify_turns",
]
