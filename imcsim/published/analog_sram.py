"""Energy per MAC of an analog SRAM array: conversions shared by the rows of a column, and charge moved in its cells."""

import math
from dataclasses import dataclass

from imcsim.published.units import PublishedUnits

TYPICAL_ACTIVITY = 0.25  # half of the inputs, half of the weights


@dataclass(frozen=True)
class AnalogArray:
    """An analog SRAM array at work.

    Parameters
    ----------
    rows
        Rows summed by one conversion.
    phases
        Read cycles of one input: its bits where they enter one by one, else 1.
    bits_w, adc_bits
        Bits of a weight and of a converter; fractions are levels that are no power of two.
    unit_capacitors
        Capacitors of a cell: 3 in a C-2C ladder (one, and two in series twice as large), else 1.
    voltage_bits
        Bits of an input that enters as a voltage through a converter on each row, as a C-2C ladder needs; else 0.
    outputs
        Sums that share a row's input.
    """

    rows: int
    phases: int
    bits_w: float
    adc_bits: float
    unit_capacitors: int = 1
    voltage_bits: float = 0.0
    outputs: int = 1


def analog_sram_parts(
    array: AnalogArray,
    units: PublishedUnits,
    *,
    feature_size_m: float,
    supply_v: float,
    activity: float = TYPICAL_ACTIVITY,
) -> dict[str, float]:
    """Return the parts of one MAC's energy, before calibration.

    ``adc`` (J) is (k1 b + k2 4^b) Vdd^2, the macro fit of :mod:`imcsim.periphery.adc`, times conversions a MAC; it is
    not scaled with the node. ``cells`` (V2 m) is Vdd^2 times the feature size for each cell, capacitor and phase, in
    proportion to ``activity``, input toggle rate times weight density: the calibration supplies farads for each metre,
    as wires and gates of a cell shrink with the node. ``dac`` (J) is k b Vdd^2 for each row whose input is a voltage
    (KULeuven-MICAS/zigzag-imc@df34a6f aimc_cost_model.py, class DAC), shared by the outputs; it is not calibrated.
    """
    fit = units.macro_fit
    conversions = array.phases * math.ceil(array.bits_w / units.weight_bits_per_conversion) / array.rows
    conversion_j = (fit.linear_f * array.adc_bits + fit.exponential_f * 4.0**array.adc_bits) * supply_v**2
    charged = array.phases * array.bits_w * array.unit_capacitors * activity / TYPICAL_ACTIVITY
    parts = {"adc": conversions * conversion_j, "cells": charged * feature_size_m * supply_v**2}
    if array.voltage_bits:
        parts["dac"] = units.dac_per_bit_f * array.voltage_bits * supply_v**2 / array.outputs
    return parts
