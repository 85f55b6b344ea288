"""Memory cells: what one cell costs to read and to write, and how it wears."""

from imcsim.devices.programming import (
    WRITE_RULES,
    WriteRule,
    event_energies_j,
    event_pulses,
    expected_max_pulses,
    programming_energy_j,
    row_write_time_s,
    sram_write_energy_j,
)
from imcsim.devices.rram import RramCell
from imcsim.devices.sram import SramCell
from imcsim.devices.wear import failure_probability, first_failure_cycles

__all__ = [
    "WRITE_RULES",
    "RramCell",
    "SramCell",
    "WriteRule",
    "event_energies_j",
    "event_pulses",
    "expected_max_pulses",
    "failure_probability",
    "first_failure_cycles",
    "programming_energy_j",
    "row_write_time_s",
    "sram_write_energy_j",
]
