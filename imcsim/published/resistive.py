"""A published array of resistive cells (RRAM, PCM, MRAM) as the memory sort ``analog-rram``."""

from imcsim.devices.rram import RramCell
from imcsim.memory.analog_rram import AnalogRram, Sensing
from imcsim.published.converter import Converter
from imcsim.published.facts import Facts
from imcsim.published.points import PublishedPoint
from imcsim.published.shape import Shape
from imcsim.published.units import PublishedUnits

_SENSING: dict[str, Sensing] = {"current-clamp": "current-clamp", "voltage": "voltage", "dc-current-free": "dc-free"}
_CURRENT_SPREAD = 2.5  # design choice: currents of cells of one kind differ by this both ways


def resistive_memory(
    point: PublishedPoint, shape: Shape, converter: Converter, node_m: float, supply_v: float, facts: Facts,
    units: PublishedUnits,
) -> AnalogRram:  # fmt: skip
    """Return the memory; pulses and wear are those of the shipped cell, which nothing here asks for."""
    sensing = _sensing(point, facts, waits=point.waits(shape.phases, units.settling_s(node_m)))
    cell = _cell(point, shape, sensing, node_m, supply_v, facts, units)
    return AnalogRram(
        pe_count=1,
        cell=cell,
        cell_bits=1,
        sign="differential" if shape.differential else "offset",
        reference="ideal",  # columns of a macro are those that are stated
        pair="converted" if point.sign == "differential-two-conversions" else "subtracted",
        adc=converter.adc,
        adc_bits=converter.bits,
        columns_per_adc=converter.lines_per_adc,
        joined_columns=converter.joined_columns,
        open_rows=shape.rows,
        control_share=units.assumed.control_share,
        sensing=sensing,
        clamp_current_a=units.assumed.clamp_current_a,
        write_rule="flat",
        write_policy="step",
        parallel_write_pes=1,
    )


def _sensing(point: PublishedPoint, facts: Facts, *, waits: bool) -> Sensing:
    if point.sensing in _SENSING and (point.sensing != "voltage" or point.read_v is not None or waits):
        return _SENSING[point.sensing]
    why = "how columns are sensed is not stated"
    if point.sensing == "voltage":
        why = "a voltage is sensed, but that of the read is not stated: as if the supply gave the cells' current"
    elif waits:
        why = f"{why}, and no clamp holds a line for so long"
    return _SENSING[facts.word("sensing", "", "voltage" if waits else "current-clamp", (), why)]


def _cell(
    point: PublishedPoint, shape: Shape, sensing: Sensing, node_m: float, supply_v: float, facts: Facts,
    units: PublishedUnits,
) -> RramCell:  # fmt: skip
    """Return the cell: its window from stated resistances or current, else from an assumed current."""
    shipped = units.rram_cell
    area_f2 = shipped.area_f2 if point.cell_area_m2 is None else point.cell_area_m2 / node_m**2
    read_v = point.read_v
    if read_v is None:
        read_v = min(shipped.read_voltage_v, supply_v)
    high_s, low_s = _window(point, shape, read_v, facts, units)
    return shipped.model_copy(
        update={
            "feature_size_m": node_m,
            "area_f2": area_f2,
            "read_time_s": units.settling_s(node_m),
            "read_voltage_v": read_v,
            "conductance_max_s": high_s,
            "conductance_min_s": low_s,
        }
    )


def _window(
    point: PublishedPoint, shape: Shape, read_v: float, facts: Facts, units: PublishedUnits
) -> tuple[float, float]:
    assumed = units.assumed
    if point.on_ohm is not None:
        high_s = 1 / point.on_ohm
        low_s = high_s / assumed.on_off_ratio if point.off_ohm is None else 1 / point.off_ohm
        return high_s, low_s
    usual_a = assumed.on_current_a * shape.rows**-assumed.on_current_exponent
    why = "cell current and resistance are not stated"
    others = (usual_a / _CURRENT_SPREAD, usual_a * _CURRENT_SPREAD)
    current_a = facts.number("cell_current_a", point.cell_current_a, usual_a, others, why)
    high_s = current_a / read_v
    return high_s, high_s / assumed.on_off_ratio
