"""From a published point's description to the shape of its array, and what it states of its size and speed."""

import math

from imcsim.published import wording
from imcsim.published.analog_sram import AnalogArray
from imcsim.published.digital_sram import DigitalArray
from imcsim.published.points import PublishedPoint
from imcsim.published.scope import Family, OutOfScope, adc_bits_of, check_whole_bits, need, rows_of


def digital_array(point: PublishedPoint) -> DigitalArray:
    """Return a digital array; OutOfScope where its gates cannot be counted."""
    check_whole_bits(point)
    if wording.has(f"{point.title} {point.condition}", "approximate"):
        raise OutOfScope("its adders are approximate, so that they cannot be counted gate by gate")
    bits_in = round(need(point.bits_in, "bits_in"))
    return DigitalArray(
        inputs=_rows(point),
        bits_in=bits_in,
        bits_w=round(need(point.bits_w, "bits_w")),
        bits_per_cycle=min(bits_in, wording.bits_per_cycle(point.condition)),
        booth=wording.has(point.condition, "Booth"),
        structure="chain" if wording.has(point.cell, "full adder per bit") else "tree",
    )


def analog_array(point: PublishedPoint) -> AnalogArray:
    """Return an analog array; OutOfScope where the description lacks something."""
    voltages = wording.has(f"{point.style} {point.condition}", "C-2C", "input DAC")
    return AnalogArray(
        rows=_rows(point),
        phases=max(1, round(need(point.bits_in, "bits_in"))) if _serial(point) else 1,
        bits_w=need(point.bits_w, "bits_w"),
        adc_bits=need(adc_bits_of(point), "adc_or_out_bits"),
        unit_capacitors=3 if wording.has(point.style, "C-2C") else 1,
        voltage_bits=need(point.bits_in, "bits_in") if voltages else 0.0,
        outputs=outputs_of(point) if voltages else 1,
    )


def cells_of(point: PublishedPoint) -> int:
    """Return the cells of one array: its rows times its columns, else its capacity."""
    if point.array_rows is not None and point.array_cols is not None:
        return point.array_rows * point.array_cols
    return round(need(point.capacity_bits, "array_cols (and capacity_kb)"))


def outputs_of(point: PublishedPoint) -> int:
    """Return the sums that one array makes at once: one for each weight beside each other in a row."""
    weight_cells = math.ceil(need(point.bits_w, "bits_w"))
    columns = point.array_cols if point.array_cols is not None else cells_of(point) // _rows(point)
    if columns < weight_cells:
        raise OutOfScope(f"a row of {columns} cells holds no weight of {weight_cells} bits")
    return columns // weight_cells


def operations_of(point: PublishedPoint, family: Family) -> float:
    """Return the operations, two a MAC, of one array in one cycle, with all its columns at work."""
    if family == "digital-sram":
        array = digital_array(point)
        return 2 * array.inputs * outputs_of(point) / array.phases
    phases = max(1, round(need(point.bits_in, "bits_in"))) if _serial(point) else 1
    return 2 * _rows(point) * outputs_of(point) / phases


def _rows(point: PublishedPoint) -> int:
    return need(rows_of(point), "rows_per_op (and array_rows)")


def _serial(point: PublishedPoint) -> bool:
    return wording.has(f"{point.style} {point.condition}", "bit-serial", "bit serial")
