"""A row of the table becomes a macro: the memory and site that ``price`` charges, with what the row leaves open.

What the row states is taken as it is. A component whose size or energy follows from the node is the shipped one,
scaled. What the row does not state is assumed, with a range.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from imcsim.memory.macro import Macro
from imcsim.memory.memory import Memory
from imcsim.memory.site import Site
from imcsim.periphery.digital import ShiftAdd
from imcsim.periphery.driver import RowDriver
from imcsim.published.charge import charge_memory
from imcsim.published.converter import converter_of
from imcsim.published.facts import Assumption, Fact, Facts, OutOfScope, need
from imcsim.published.gates import gate_memory
from imcsim.published.points import PublishedPoint
from imcsim.published.resistive import resistive_memory
from imcsim.published.scope import Family, family_of
from imcsim.published.shape import Shape, shape_of
from imcsim.published.units import PublishedUnits

_WIDEST = 16  # bits of an encoding
_LEAST_BUSY, _MOST_BUSY = 0.6, 1.6  # design choice: shares that a row does not state differ by these
_PLENTIFUL_HZ = 1e12  # no clock of a chip waits for a macro: its own path counts


@dataclass(frozen=True)
class PublishedMacro:
    """A row as a macro.

    Parameters
    ----------
    macro
        What ``price`` would charge.
    shape
        Rows that are open at once, outputs of one operation, input bits.
    toggle, density
        Share of input bits and of weight bits that are one.
    input_s
        Time of a whole input that its cells conduct for (s): stated, else None.
    slower
        Factor on the modelled time of an input that states none.
    assumed
        What the row does not state.
    """

    family: Family
    macro: Macro
    shape: Shape
    toggle: float
    density: float
    input_s: float | None
    slower: float
    assumed: tuple[Assumption, ...]


def macro_of(point: PublishedPoint, units: PublishedUnits, instead: Mapping[str, Fact] | None = None) -> PublishedMacro:
    """Return the macro of a row; ``instead`` replaces assumed facts by name.

    Raises
    ------
    OutOfScope
        For a row that no macro can be built of: its family, its bits, its node, its supply or its size is missing.
    """
    facts, family = Facts(instead or {}), family_of(point)
    node_m = need(point.node_m, "node_nm")
    if not units.nodes.covers(node_m):
        raise OutOfScope(f"its node of {node_m * 1e9:g} nm lies too far outside the scaling table")
    usual_v = units.nodes.nominal_supply_v(node_m)
    supply_v = facts.number("vdd_V", point.supply_v, usual_v, (0.8 * usual_v, 1.2 * usual_v), "the node's nominal one")
    shape = shape_of(point, facts, units)
    memory, weight_bits = _memory(point, family, shape, node_m, supply_v, facts, units)
    toggle, density = (0.5, 0.5) if family == "digital-sram" else _activity(point, facts, units)
    site = Site(
        at=f"published.{family}",
        geometry=memory.geometry(shape.array_rows, max(shape.array_cols, weight_bits), weight_bits),
        supply_v=supply_v,
        clock_hz=_PLENTIFUL_HZ,
        dac_bits=shape.dac_bits,
        input_bits=shape.input_bits,
        error_bits=shape.input_bits,
        driver=_driver(point, shape, node_m, facts, units, high_voltage=family == "resistive"),
        shift_add=_shift_add(units, node_m, supply_v),
        transposable=family == "resistive",  # columns are driven, too, when cells are written
    )
    slower = 1.0
    if family == "resistive" and point.input_s is None:
        why = "no time of an input is stated: cells conduct as long as modelled"
        slower = facts.number("time_over_model", None, 1.0, (0.5, 2.0), why)
    assumed = tuple(facts.assumed.values())
    return PublishedMacro(family, Macro(memory, site), shape, toggle, density, point.input_s, slower, assumed)


def _memory(
    point: PublishedPoint, family: Family, shape: Shape, node_m: float, supply_v: float, facts: Facts,
    units: PublishedUnits,
) -> tuple[Memory, int]:  # fmt: skip
    """Return the memory, and the bits of a weight in the encoding that has the row's cells for each weight."""
    if family == "digital-sram":
        return gate_memory(point, shape, node_m, supply_v, facts, units), int(shape.weight_bits)
    bits = shape.cells_per_weight // 2 + 1 if shape.differential else shape.cells_per_weight
    if bits > _WIDEST:
        raise OutOfScope(f"a weight of {shape.cells_per_weight} cells is wider than {_WIDEST} bits")
    converter = converter_of(point, shape, node_m, supply_v, facts, units)
    if family == "resistive":
        return resistive_memory(point, shape, converter, node_m, supply_v, facts, units), bits
    return charge_memory(point, shape, converter, node_m, units.delay_scale(node_m, supply_v), units), bits


def _activity(point: PublishedPoint, facts: Facts, units: PublishedUnits) -> tuple[float, float]:
    if point.activity is not None and point.input_toggle is None:
        toggle = max(units.assumed.input_toggle, point.activity)
        return toggle, point.activity / toggle  # the product counts
    found = []
    for name, stated, usual in (
        ("input_toggle", point.input_toggle, units.assumed.input_toggle),
        ("weight_density", point.weight_density, units.assumed.weight_density),
    ):
        others = (usual * _LEAST_BUSY, min(1.0, usual * _MOST_BUSY))
        found.append(facts.number(name, stated, usual, others, "activity is not stated"))
    return found[0], found[1]


def _driver(
    point: PublishedPoint, shape: Shape, node_m: float, facts: Facts, units: PublishedUnits, *, high_voltage: bool
) -> RowDriver:
    """Return the driver of a line; inputs of several bits need a converter if they enter as voltages."""
    shipped, shrunk, high_m2 = units.driver, node_m / units.feature_size_m, units.assumed.high_voltage_line_m2
    volts = False
    if shape.dac_bits > 1 and point.family != "digital-sram":
        coding = point.input_coding.partition(",")[0].partition(" ")[0]
        said = facts.word("input_coding", coding, "pulses", ("voltage",), "how bits of an input enter is not stated")
        volts = said == "voltage"
    return shipped.model_copy(
        update={
            "wire_capacitance_per_cell_f": shipped.wire_capacitance_per_cell_f * shrunk,
            "gate_capacitance_per_cell_f": shipped.gate_capacitance_per_cell_f * shrunk,
            "dac_capacitance_per_bit_f": shipped.dac_capacitance_per_bit_f if volts else 0.0,
            "area_per_row_m2": high_m2 if high_voltage else shipped.area_per_row_m2 * shrunk**2,
        }
    )


def _shift_add(units: PublishedUnits, node_m: float, supply_v: float) -> ShiftAdd:
    shipped = units.shift_add
    return shipped.model_copy(
        update={
            "energy_j": shipped.energy_j * units.gate_scale(node_m, supply_v),
            "area_m2": shipped.area_m2 * units.area_scale(node_m),
        }
    )
