"""Cycle time of a published SRAM array, predicted from its description and as reported. Nothing is fitted."""

import math

from imcsim.published import wording
from imcsim.published.digital_clock import digital_cycle_parts_s
from imcsim.published.figure import Figure
from imcsim.published.points import PublishedPoint
from imcsim.published.scope import OutOfScope, adc_bits_of, array_family, check_converter, check_level, need
from imcsim.published.shape import analog_array, digital_array, operations_of
from imcsim.published.units import PublishedUnits

_LEAST_S, _MOST_S = 1e-12, 1e-3  # a derived cycle beyond these is no cycle


def clock_of(point: PublishedPoint, units: PublishedUnits) -> Figure:
    """Return the cycle (s) of one operation of the array: of one input phase where inputs enter by phases."""
    reported, said = point.cycle_s, ""
    try:
        if reported is None and (reported := _derived_s(point)) is not None:
            said = "reported cycle from TOPS/mm2 and area"
        return _compared(_predicted_s(point, units), reported, said)
    except OutOfScope as reason:
        return Figure(None, reported, str(reason))


def _compared(predicted_s: float, reported_s: float | None, said: str) -> Figure:
    return Figure(predicted_s, reported_s, said if reported_s is not None else "t_cycle_ns is missing")


def _predicted_s(point: PublishedPoint, units: PublishedUnits) -> float:
    check_level(point)
    family = array_family(point)
    if family == "rram":
        raise OutOfScope("clock and area are predicted for SRAM arrays alone")
    if family == "digital-sram":
        return _digital_s(point, units)
    bits = need(adc_bits_of(point), "adc_or_out_bits")
    check_converter(point, units)
    if wording.has(point.condition, "flash") or bits != int(bits):
        raise OutOfScope("its converter does not find bits one after another, as the fit of its time assumes")
    fit, rows = units.macro_fit, analog_array(point).rows
    return bits * (fit.time_per_bit_and_row_s * rows + fit.time_per_bit_s)


def _digital_s(point: PublishedPoint, units: PublishedUnits) -> float:
    array = digital_array(point)
    node_m, supply_v = need(point.feature_size_m, "node_nm"), need(point.supply_v, "vdd_V")
    if array.structure == "chain":
        raise OutOfScope("a chain of adders: how many of them a cycle passes is not stated")
    if not units.nodes.covers(node_m):
        raise OutOfScope("its node lies outside the scaling table")
    if not units.nodes.drives(node_m, supply_v):
        raise OutOfScope("its supply is too close to the threshold for the law of delay")
    pipelined = wording.has(point.condition, "pipeline")
    parts = digital_cycle_parts_s(array, units, delay_scale=units.delay_scale(node_m, supply_v), pipelined=pipelined)
    return math.fsum(parts.values())


def _derived_s(point: PublishedPoint) -> float | None:
    """Return the cycle that throughput on an area and that area make, None where one of them is silent."""
    area_m2, density = wording.area_m2(point.condition), point.density_ops_per_s_m2
    if area_m2 is None or density is None:
        return None
    try:
        operations = operations_of(point, array_family(point)) * wording.macros(point.condition)
    except OutOfScope:
        return None
    cycle_s = operations / (density * area_m2)
    return cycle_s if _LEAST_S <= cycle_s <= _MOST_S else None
