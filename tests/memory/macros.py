"""Macros small enough to reckon by hand."""

from typing import Any

from imcsim.chip import load_chip
from imcsim.core.config import parse
from imcsim.devices.sram import SramCell
from imcsim.memory.analog_sram import AnalogSram
from imcsim.memory.macro import Macro
from imcsim.memory.site import Site
from imcsim.periphery import Adc, RowDriver, ShiftAdd

ADC = {
    "name": "flat", "model": "table", "feature_size_m": 28e-9,
    "table": {"bits": [4], "energy_j": [50e-15], "time_s": [2e-9], "area_m2": [80e-12]},
}  # fmt: skip
CELL = {
    "kind": "sram", "name": "round", "feature_size_m": 28e-9, "area_f2": 400.0, "write_energy_j": 1e-14,
    "read_energy_j": 2e-14, "write_time_s": 1e-9, "read_time_s": 3e-9, "leakage_w": 1e-11, "endurance_cycles": 1e16,
}  # fmt: skip


def analog_sram(rows: int = 8, cols: int = 16, **more: Any) -> Macro:
    """An analog SRAM PE of ``rows`` x ``cols`` cells at 1 V: 8-bit weights, converters of 4 bits for 4 lines each."""
    given = {
        "pe_count": 1, "cell": parse(SramCell, CELL, "cell"), "cell_bits": 1, "sign": "offset", "write_policy": "step",
        "adc": parse(Adc, ADC, "adc"), "adc_bits": 4, "columns_per_adc": 4, "product_capacitance_f": 2e-15,
    }  # fmt: skip
    memory = parse(AnalogSram, given | more, "memory")
    site = Site(
        at="memory.cache",
        geometry=memory.geometry(rows, cols, 8),
        supply_v=1.0,
        clock_hz=1e9,
        dac_bits=1,
        input_bits=8,
        error_bits=8,
        driver=RowDriver(
            name="d", wire_capacitance_per_cell_f=1e-16, gate_capacitance_per_cell_f=4e-16,
            dac_capacitance_per_bit_f=5e-14, area_per_row_m2=1e-12,
        ),
        shift_add=ShiftAdd(name="s", energy_j=1e-14, area_m2=5e-11),
        transposable=False,
    )  # fmt: skip
    return Macro(memory, site)


def shipped(name: str, memory: str, **overrides: Any) -> Macro:
    """A memory of a shipped chip."""
    chip = load_chip(name, overrides).config
    return next(macro for macro in chip.macros if macro.name == memory)
