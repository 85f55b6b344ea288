"""Which model fits a published point, and which points no model here should predict, with the reason."""

from typing import Literal, TypeVar

from imcsim.chip.published import wording
from imcsim.chip.published.points import PublishedPoint
from imcsim.chip.published.units import PublishedUnits

Family = Literal["rram", "analog-sram", "digital-sram"]
T = TypeVar("T")


class OutOfScope(Exception):
    """A point that should not be predicted; its text is the reason."""


def family_of(point: PublishedPoint, units: PublishedUnits) -> Family:
    """Return the model that fits ``point``.

    Raises
    ------
    OutOfScope
        For a figure of more than an array, one that is simulated, normalised or contradicts itself, and for
        descriptions that miss what the model needs.
    """
    _check_figure(point)
    family = _family(point)
    if family != "digital-sram" and point.rows_per_op == 1:
        raise OutOfScope("rows_per_op = 1 sums nothing, so it is not the number of rows that a MAC shares")
    _need(point.supply_v, "vdd_V")
    _need(point.bits_in, "bits_in")
    _need(point.bits_w, "bits_w")
    if family == "rram":
        _check_rram(point)
        return family
    if not units.nodes.covers(_need(point.feature_size_m, "node_nm")):
        raise OutOfScope("its node lies outside the scaling table")
    _need(rows_of(point), "rows_per_op (and array_rows)")
    if family == "analog-sram":
        if wording.activity_unknown(point.condition):
            raise OutOfScope("missing activity: its condition says that it is not known")
        _check_converter(point, units)
    else:
        _check_activity(point)
    return family


def rows_of(point: PublishedPoint) -> int | None:
    """Return the rows summed at once: as stated, else all rows of the array."""
    return point.rows_per_op if point.rows_per_op is not None else point.array_rows


def adc_bits_of(point: PublishedPoint) -> float | None:
    """Return the converter's bits: the column's, else what the condition says."""
    return point.adc_bits or wording.stated_adc_bits(point.condition)


def _check_figure(point: PublishedPoint) -> None:
    level = point.level.lower()
    if wording.has(level, "simulat"):
        raise OutOfScope("simulated, not measured")
    if wording.has(point.source, "[memory]"):
        raise OutOfScope("its source marks it as remembered, not read in a document")
    if level.startswith(("chip", "soc", "system", "processor", "training")) and "part" not in level:
        raise OutOfScope(f"figure of a whole {point.level}, more than its arrays")
    if wording.has(point.condition, "not comparable", "not meant for energy"):
        raise OutOfScope("its condition says that its energy is not for comparison")
    if point.normalised or (point.reported_j is None and wording.has(point.condition, "normalised")):
        raise OutOfScope("only a normalised figure is given")
    if point.contradicts:
        raise OutOfScope("its energy per MAC and its TOPS/W contradict each other")
    if point.reported_j is None:
        raise OutOfScope("no energy per MAC and no TOPS/W is given")


def _family(point: PublishedPoint) -> Family:
    memory = point.memory.upper()
    if "RRAM" in memory.replace("SRAM", "") and ("SRAM" not in memory or "RRAM part" in point.level):
        if not wording.has(point.style, "analog"):
            raise OutOfScope("an RRAM array that is not read in analog form has no model")
        return "rram"
    if "SRAM" not in memory:
        raise OutOfScope(f"no model of {point.memory or 'an unnamed memory'}")
    style = point.style or point.cell
    if wording.has(style, "digital") or style.upper().endswith("+D"):
        return "digital-sram"
    if wording.has(style, "analog"):
        return "analog-sram"
    raise OutOfScope("compute_style does not tell whether its arrays are analog or digital")


def _check_rram(point: PublishedPoint) -> None:
    if wording.has(point.style, "voltage-mode"):
        raise OutOfScope("voltage-mode sensing: the RRAM model holds for columns that carry direct current")
    _need(point.rows_per_op, "rows_per_op")
    _need(point.cycle_s, "t_cycle_ns")
    if wording.has(point.condition, "flash"):
        _need(adc_bits_of(point), "adc_or_out_bits")


def _check_converter(point: PublishedPoint, units: PublishedUnits) -> None:
    bits, fit = _need(adc_bits_of(point), "adc_or_out_bits"), units.adc.macro_fit
    if not fit.bits_min <= bits <= fit.bits_max:
        raise OutOfScope(f"the converter's fit holds for {fit.bits_min} to {fit.bits_max} bits, not {bits:g}")


def _check_activity(point: PublishedPoint) -> None:
    missing = [
        name
        for name, value in (
            ("input toggle rate", wording.input_toggle(point.condition)),
            ("weight density", wording.weight_density(point.condition)),
        )
        if value is None
    ]
    if missing:
        raise OutOfScope(
            f"missing activity, to which the energy of adders is in proportion: no {' and no '.join(missing)}"
        )
    for name, bits in (("bits_in", point.bits_in), ("bits_w", point.bits_w)):
        if bits is not None and bits != int(bits):
            raise OutOfScope(f"{name} = {bits:g} is no whole number of bits")


def _need(value: T | None, column: str) -> T:
    if value is None:
        raise OutOfScope(f"{column} is missing")
    return value
