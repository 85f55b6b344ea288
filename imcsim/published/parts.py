"""From a published point's description to the parts of its energy per MAC, before calibration."""

from typing import TypeVar

from imcsim.published import activity, wording
from imcsim.published.analog_sram import TYPICAL_ACTIVITY, analog_sram_parts
from imcsim.published.digital_sram import digital_sram_mac_j
from imcsim.published.points import PublishedPoint
from imcsim.published.rram import rram_parts
from imcsim.published.scope import Family, OutOfScope, adc_bits_of
from imcsim.published.shape import analog_array, digital_array
from imcsim.published.units import PublishedUnits

Number = TypeVar("Number", int, float)

_HALF = 0.5  # what an average output code is compared with


def parts_of(
    point: PublishedPoint, family: Family, units: PublishedUnits, *, assumed_activity: float | None = None
) -> dict[str, float]:
    """Return the parts of one MAC; in J for a digital array, else as a calibrated parameter multiplies them.

    ``assumed_activity`` is the share of gates of a digital array that switch where its words do not tell.

    Raises
    ------
    OutOfScope
        If the description lacks what the model needs; :func:`~imcsim.published.scope.family_of` has checked.
    """
    if family == "rram":
        return _rram(point, units)
    if family == "analog-sram":
        return _analog(point, units)
    return _digital(point, units, assumed_activity)


def states_activity(point: PublishedPoint) -> bool:
    """Tell whether the condition states both the toggle rate of inputs and the density of weights."""
    condition = point.condition
    return activity.input_toggle(condition) is not None and activity.weight_density(condition) is not None


def assumptions(point: PublishedPoint, family: Family) -> str:
    """Return what the model takes for granted where the description is silent, as one phrase, or nothing."""
    said = []
    if family != "rram" and point.rows_per_op is None:
        said.append(f"rows_per_op is missing: all {point.array_rows} rows of the array taken")
    if family == "rram" and wording.has(point.condition, "write supply"):
        said.append("vdd_V is the write supply: nominal supply of the node taken")
    return "; ".join(said)


def _rram(point: PublishedPoint, units: PublishedUnits) -> dict[str, float]:
    comparators = 1
    if wording.has(point.condition, "flash"):
        comparators = round(2 ** (adc_bits_of(point) or 1.0)) - 1
    return rram_parts(
        units,
        supply_v=_read_supply_v(point, units),
        rows=_given(point.rows_per_op),
        cycle_s=_given(point.cycle_s),
        bits_w=_given(point.bits_w),
        comparators=comparators,
    )


def _read_supply_v(point: PublishedPoint, units: PublishedUnits) -> float:
    if not wording.has(point.condition, "write supply"):
        return _given(point.supply_v)
    if not units.nodes.covers(_given(point.feature_size_m)):
        raise OutOfScope("vdd_V is the write supply, and the node lies outside the scaling table")
    return units.nodes.nominal_supply_v(_given(point.feature_size_m))


def _analog(point: PublishedPoint, units: PublishedUnits) -> dict[str, float]:
    return analog_sram_parts(
        analog_array(point),
        units,
        feature_size_m=_given(point.feature_size_m),
        supply_v=_given(point.supply_v),
        activity=_analog_activity(point.condition),
    )


def _analog_activity(condition: str) -> float:
    toggle, density = activity.input_toggle(condition), activity.weight_density(condition)
    if toggle is not None and density is not None:
        return toggle * density
    share = wording.output_share(condition)
    return TYPICAL_ACTIVITY if share is None else TYPICAL_ACTIVITY * share / _HALF


def _digital(point: PublishedPoint, units: PublishedUnits, assumed: float | None) -> dict[str, float]:
    toggle, density = activity.input_toggle(point.condition), activity.weight_density(point.condition)
    share = assumed if toggle is None or density is None else toggle * density
    scale = units.gate_scale(_given(point.feature_size_m), _given(point.supply_v))
    return digital_sram_mac_j(digital_array(point), units, gate_scale=scale, activity=_given(share))


def _given(value: Number | None) -> Number:
    if value is None:
        raise OutOfScope("the description lacks what the model needs")
    return value
