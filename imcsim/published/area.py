"""Area of a published SRAM macro, predicted from its description and as reported."""

import math

from imcsim.published import wording
from imcsim.published.digital_area import digital_area_parts_m2
from imcsim.published.points import PublishedPoint
from imcsim.published.scope import Family, OutOfScope, array_family, check_converter, check_level, need
from imcsim.published.shape import analog_array, cells_of, digital_array, operations_of, outputs_of
from imcsim.published.units import PublishedUnits

_MOST_F2_PER_CELL = 5e4  # 300 times a cell of six transistors


def area_family(point: PublishedPoint, units: PublishedUnits) -> Family:
    """Return the family whose area model fits ``point``; OutOfScope for what has none or misses something."""
    check_level(point)
    family = array_family(point)
    if family == "rram":
        raise OutOfScope("clock and area are predicted for SRAM arrays alone")
    if not units.nodes.covers(need(point.feature_size_m, "node_nm")):
        raise OutOfScope("its node lies outside the scaling table")
    if point.rows_per_op is not None and point.array_rows is not None and point.rows_per_op > point.array_rows:
        raise OutOfScope("rows_per_op exceeds array_rows: its sums span arrays, whose number is not stated")
    return family


def area_parts(point: PublishedPoint, family: Family, units: PublishedUnits) -> dict[str, float]:
    """Return the parts (m2) of all macros that the reported area covers, before calibration.

    Digital: gates and cells one by one. Analog: ``adc``, the macro fit's 10^(a1 b + a0) 2^b um2 for each converter, at
    every node the same; ``cells``, cells of six transistors at the node, which the calibration multiplies.
    """
    macros, scale = wording.macros(point.condition), units.area_scale(need(point.feature_size_m, "node_nm"))
    if family == "digital-sram":
        array, outputs = digital_array(point), 0
        if array.structure == "tree":
            outputs = outputs_of(point)
        parts = digital_area_parts_m2(array, units, outputs=outputs, cells=cells_of(point), area_scale=scale)
    else:
        check_converter(point, units)
        array_bits, fit = analog_array(point), units.macro_fit
        log10_um2 = fit.area_log10_slope * array_bits.adc_bits + fit.area_log10_offset_um2
        converters = outputs_of(point) * math.ceil(array_bits.bits_w / units.weight_bits_per_conversion)
        parts = {
            "adc": converters * 10**log10_um2 * 2**array_bits.adc_bits * 1e-12,
            "cells": cells_of(point) * units.gates.cell_area_m2 * scale,
        }
    return {name: macros * value for name, value in parts.items()}


def reported_area_m2(point: PublishedPoint, family: Family) -> float | None:
    """Return the reported area (m2): in the words of the condition, else throughput over throughput on an area.

    Raises
    ------
    OutOfScope
        If throughput with all columns at work makes an area that no cell fills: the columns take turns then.
    """
    if (stated := wording.area_m2(point.condition)) is not None:
        return stated
    if point.density_ops_per_s_m2 is None or point.cycle_s is None:
        return None
    area_m2 = operations_of(point, family) / point.cycle_s / point.density_ops_per_s_m2
    cell_f2 = area_m2 / cells_of(point) / need(point.feature_size_m, "node_nm") ** 2
    if cell_f2 > _MOST_F2_PER_CELL:
        raise OutOfScope(f"TOPS/mm2 with all columns at work makes {cell_f2:.0f} F2 a cell: they must take turns")
    return area_m2
