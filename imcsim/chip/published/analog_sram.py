"""Energy per MAC of an analog SRAM array: conversions shared by the rows of a column, and charge moved in its cells."""

import math
from dataclasses import dataclass

from imcsim.chip.published.units import PublishedUnits

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
    """

    rows: int
    phases: int
    bits_w: float
    adc_bits: float
    unit_capacitors: int = 1


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
    as wires and gates of a cell shrink with the node.
    """
    fit = units.adc.macro_fit
    conversions = array.phases * math.ceil(array.bits_w / units.weight_bits_per_conversion) / array.rows
    conversion_j = (fit.linear_f * array.adc_bits + fit.exponential_f * 4.0**array.adc_bits) * supply_v**2
    charged = array.phases * array.bits_w * array.unit_capacitors * activity / TYPICAL_ACTIVITY
    return {"adc": conversions * conversion_j, "cells": charged * feature_size_m * supply_v**2}
