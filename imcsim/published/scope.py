"""Which model fits a published point, and which points no model here should predict, with the reason."""

from typing import Literal, TypeVar

from imcsim.published import activity, wording
from imcsim.published.points import PublishedPoint
from imcsim.published.units import PublishedUnits

Family = Literal["rram", "analog-sram", "digital-sram"]
T = TypeVar("T")

_WHOLE = ("chip", "soc", "system", "processor", "training", "accelerator")
_ANALOG = ("analog", "charge", "current", "voltage", "time-domain", "mixed-signal")
_SAID_DIGITAL = ("all digital", "all-digital", "fully digital", "digital in-memory", "dcim", "dimc", "adder tree")


class OutOfScope(Exception):
    """A point that should not be predicted; its text is the reason."""


def family_of(point: PublishedPoint, units: PublishedUnits, *, activity_assumed: bool = False) -> Family:
    """Return the model of energy that fits ``point``; with ``activity_assumed`` its words need not tell activity.

    Raises
    ------
    OutOfScope
        For a figure of more than an array, one that is simulated, normalised or contradicts itself, and for
        descriptions that miss what the model needs.
    """
    check_level(point)
    _check_energy(point)
    family = array_family(point)
    if family != "digital-sram" and point.rows_per_op == 1:
        raise OutOfScope("rows_per_op = 1 sums nothing, so it is not the number of rows that a MAC shares")
    need(point.supply_v, "vdd_V")
    need(point.bits_in, "bits_in")
    need(point.bits_w, "bits_w")
    if family == "rram":
        _check_rram(point)
        return family
    if not units.nodes.covers(need(point.feature_size_m, "node_nm")):
        raise OutOfScope("its node lies outside the scaling table")
    need(rows_of(point), "rows_per_op (and array_rows)")
    if family == "analog-sram":
        if activity.activity_unknown(point.condition):
            raise OutOfScope("missing activity: its condition says that it is not known")
        check_converter(point, units)
    else:
        check_whole_bits(point)
        if not activity_assumed:
            _check_activity(point)
    return family


def rows_of(point: PublishedPoint) -> int | None:
    """Return the rows summed at once: as stated, else all rows of the array."""
    return point.rows_per_op if point.rows_per_op is not None else point.array_rows


def adc_bits_of(point: PublishedPoint) -> float | None:
    """Return the converter's bits: the column's, else what the condition says."""
    return point.adc_bits or wording.stated_adc_bits(point.condition)


def check_level(point: PublishedPoint) -> None:
    """Raise OutOfScope for a figure that is no measurement, or of more than an array."""
    level = point.level.lower()
    if wording.has(level, "simulat"):
        raise OutOfScope("simulated, not measured")
    if wording.has(point.source, "[memory]"):
        raise OutOfScope("its source marks it as remembered, not read in a document")
    if level.startswith(_WHOLE) and "part" not in level:
        raise OutOfScope(f"figure of a whole {point.level}, more than its arrays")


def array_family(point: PublishedPoint) -> Family:
    """Return the family of a point's array by its memory and style; OutOfScope if the words do not tell."""
    memory = point.memory.upper().replace("RERAM", "RRAM")
    if "RRAM" in memory.replace("SRAM", "") and ("SRAM" not in memory or "RRAM part" in point.level):
        if not wording.has(point.style, *_ANALOG):
            raise OutOfScope("an RRAM array that is not read in analog form has no model")
        return "rram"
    if "SRAM" not in memory:
        raise OutOfScope(f"no model of {point.memory or 'an unnamed memory'}")
    style = point.style or point.cell
    if wording.has(style, "digital") or style.upper().endswith("+D"):
        return "digital-sram"
    if wording.has(style, *_ANALOG):
        return "analog-sram"
    if wording.has(f"{point.title} {point.condition}", *_SAID_DIGITAL) and not point.adc_bits:
        return "digital-sram"
    raise OutOfScope("compute_style does not tell whether its arrays are analog or digital")


def _check_energy(point: PublishedPoint) -> None:
    if wording.has(point.condition, "not comparable", "not meant for energy"):
        raise OutOfScope("its condition says that its energy is not for comparison")
    if point.normalised or (point.reported_j is None and wording.has(point.condition, "normalised")):
        raise OutOfScope("only a normalised figure is given")
    if point.contradicts:
        raise OutOfScope("its energy per MAC and its TOPS/W contradict each other")
    if point.reported_j is None:
        raise OutOfScope("no energy per MAC and no TOPS/W is given")


def _check_rram(point: PublishedPoint) -> None:
    if wording.has(point.style, "voltage-mode", "voltage mode"):
        raise OutOfScope(
            "voltage-mode sensing: the RRAM model holds for columns that carry direct current, and the capacitances "
            "that voltages charge are in no column"
        )
    need(point.rows_per_op, "rows_per_op")
    need(point.cycle_s, "t_cycle_ns")
    if wording.has(point.condition, "flash"):
        need(adc_bits_of(point), "adc_or_out_bits")


def check_converter(point: PublishedPoint, units: PublishedUnits) -> None:
    """Raise OutOfScope if the converter's resolution is missing, or beyond its fit."""
    bits, fit = need(adc_bits_of(point), "adc_or_out_bits"), units.macro_fit
    if not fit.bits_min <= bits <= fit.bits_max:
        raise OutOfScope(f"the converter's fit holds for {fit.bits_min} to {fit.bits_max} bits, not {bits:g}")


def _check_activity(point: PublishedPoint) -> None:
    missing = [
        name
        for name, value in (
            ("input toggle rate", activity.input_toggle(point.condition)),
            ("weight density", activity.weight_density(point.condition)),
        )
        if value is None
    ]
    if missing:
        raise OutOfScope(
            f"missing activity, to which the energy of adders is in proportion: no {' and no '.join(missing)}"
        )


def check_whole_bits(point: PublishedPoint) -> None:
    """Raise OutOfScope if gates for the bits of an input or a weight cannot be counted."""
    for name, bits in (("bits_in", point.bits_in), ("bits_w", point.bits_w)):
        if bits is not None and (bits != int(bits) or bits < 1):
            raise OutOfScope(f"{name} = {bits:g} is no whole number of bits")


def need(value: T | None, column: str) -> T:
    """Return ``value``; OutOfScope naming the column if it is missing."""
    if value is None:
        raise OutOfScope(f"{column} is missing")
    return value
