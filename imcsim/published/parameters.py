"""Which few factors are fitted to published macros, and which parts of a prediction each multiplies."""

from imcsim.memory.analog_array import AnalogArray
from imcsim.memory.analog_rram import AnalogRram
from imcsim.memory.analog_sram import AnalogSram
from imcsim.memory.memory import Memory
from imcsim.published.calibration import Parameter, Quantity
from imcsim.published.points import PublishedPoint
from imcsim.published.scope import Family

_WIDE, _NARROW = 0.7, 0.4  # standard deviations of the logarithm: a factor of 2, and of 1.5

PARAMETERS: dict[Quantity, tuple[Parameter, ...]] = {
    "energy": (
        Parameter("cell_current", "current of resistive cells", _WIDE),
        Parameter("clamp_current", "current of the clamps of resistive arrays", _WIDE),
        Parameter("cell_charge", "charge of a product in an analog SRAM cell", _WIDE),
        Parameter("capacitor_charge", "charge of a product in an analog SRAM cell with a capacitor", _WIDE),
        Parameter("conversion", "energy of a conversion in an analog SRAM array", _WIDE),
        Parameter("switching", "share of full adders that switch where activity is not stated", _NARROW),
    ),
    "clock": (
        Parameter("resistive_time", "time of a read of resistive cells", _WIDE),
        Parameter("conversion_time", "time of a conversion in an analog SRAM array", _WIDE),
        Parameter("gate_delay", "delay of gates", _NARROW),
    ),
    "area": (
        Parameter("resistive_cell", "area of a resistive cell with its share of the rest", _WIDE),
        Parameter("high_voltage_line", "area of what writes a line of resistive cells", _WIDE),
        Parameter("analog_cell", "area of an analog SRAM cell with its share of the rest", _WIDE),
        Parameter("converter", "area of a converter", _WIDE),
        Parameter("gate_area", "area of gates in an adder tree", _NARROW),
    ),
}

_ADDERS = ("product", "adder_tree", "accumulator")
_OF: dict[tuple[Quantity, Family], dict[str, str]] = {
    ("energy", "resistive"): {"cells": "cell_current", "clamp": "clamp_current"},
    ("energy", "analog-sram"): {"cells": "cell_charge", "adc": "conversion"},
    ("energy", "digital-sram"): dict.fromkeys(_ADDERS, "switching"),
    ("clock", "resistive"): dict.fromkeys(("settling", "conversion"), "resistive_time"),
    ("clock", "analog-sram"): {"conversion": "conversion_time"},
    ("clock", "digital-sram"): {"gates": "gate_delay"},
    ("area", "resistive"): {
        "cells": "resistive_cell",
        "adc": "converter",
        "driver": "high_voltage_line",
        "transpose_driver": "high_voltage_line",
    },
    ("area", "analog-sram"): {"cells": "analog_cell", "adc": "converter"},
    ("area", "digital-sram"): dict.fromkeys(_ADDERS, "gate_area"),
}


def parameters_of(quantity: Quantity, family: Family, point: PublishedPoint) -> dict[str, str]:
    """Return the parameter of each part of a prediction that has one."""
    if quantity == "energy" and family == "digital-sram" and point.states_activity:
        return {}
    if quantity == "energy" and family == "analog-sram" and point.has_capacitors:
        return {"cells": "capacitor_charge", "adc": "conversion"}
    if quantity == "energy" and family == "resistive" and point.states_current:
        return {"clamp": "clamp_current"}
    return _OF[quantity, family]


def parts_of_memory(memory: Memory) -> dict[str, str]:
    """Return the parameter of each part of a chip's own memory, which states its cells and its activity."""
    found = {}
    if isinstance(memory, AnalogRram):
        found["clamp"] = "clamp_current"
    if isinstance(memory, AnalogSram):
        found["cells"] = "cell_charge"
    if isinstance(memory, AnalogArray) and memory.adc.converter_type == "sar":
        found["adc"] = "conversion"
    return found
