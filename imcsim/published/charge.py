"""A published analog SRAM array as the memory sort ``analog-sram``."""

from imcsim.memory.analog_sram import AnalogSram
from imcsim.published.converter import Converter
from imcsim.published.points import PublishedPoint
from imcsim.published.shape import Shape
from imcsim.published.units import PublishedUnits

_PULSES = "pulse"
_PULSE_S = 0.25e-9  # design choice: of a word line at 28 nm
_LADDER = "c-2c"
_LADDER_CAPACITORS = 3  # one, and two in series twice as large


def charge_memory(
    point: PublishedPoint, shape: Shape, converter: Converter, node_m: float, delay_scale: float, units: PublishedUnits
) -> AnalogSram:
    """Return the memory; a cell's charge is in proportion to the node, as its wires and gates are."""
    shipped = units.sram_cell
    cell_m2 = shipped.area_f2 * node_m**2 if point.cell_area_m2 is None else point.cell_area_m2
    around_m2 = units.assumed.analog_share_m2_per_m * node_m
    cell = shipped.model_copy(
        update={
            "feature_size_m": node_m,
            "area_f2": (cell_m2 + around_m2) / node_m**2,
            "read_time_s": _settling_s(point, shape, delay_scale, units),
        }
    )
    return AnalogSram(
        pe_count=1,
        cell=cell,
        cell_bits=1,
        sign="differential" if shape.differential else "offset",
        pair="converted" if point.sign == "differential-two-conversions" else "subtracted",
        adc=converter.adc,
        adc_bits=converter.bits,
        columns_per_adc=converter.lines_per_adc,
        joined_columns=converter.joined_columns,
        open_rows=shape.rows,
        product_capacitance_f=_capacitance_f(point, node_m, units),
        control_share=units.assumed.control_share,
        idle_share=units.assumed.idle_share,
        unit_capacitors=_LADDER_CAPACITORS if _LADDER in point.style.lower() else 1,
        write_policy="step",
    )


def _capacitance_f(point: PublishedPoint, node_m: float, units: PublishedUnits) -> float:
    """Return the charge over supply of a product: of the cell's own capacitor, else of its share of a line."""
    assumed = units.assumed
    return node_m * (assumed.capacitor_f_per_m if point.has_capacitors else assumed.product_capacitance_f_per_m)


def _settling_s(point: PublishedPoint, shape: Shape, delay_scale: float, units: PublishedUnits) -> float:
    """Return how long a column's charge takes to settle, each row's after the other where cells have capacitors."""
    if point.has_capacitors:
        return units.assumed.capacitor_s_per_row * shape.rows
    if point.input_coding.startswith(_PULSES):
        return _PULSE_S * (2.0**shape.dac_bits - 1)
    return _PULSE_S * delay_scale
