"""Which points are predicted by the macro model, and which are not, with the reason."""

from typing import Literal

from imcsim.core.errors import nearest
from imcsim.published.columns import WORDS
from imcsim.published.facts import OutOfScope
from imcsim.published.points import PublishedPoint

Family = Literal["resistive", "analog-sram", "digital-sram"]
FAMILIES: tuple[Family, ...] = ("resistive", "analog-sram", "digital-sram")

_FAMILY: dict[str, Family] = {
    "rram": "resistive", "pcm": "resistive", "mram": "resistive", "analog-sram": "analog-sram",
    "digital-sram": "digital-sram",
}  # fmt: skip
_MRAM = "an MRAM cell's on/off ratio of about two is read by circuits that have no model"
_WHY_NOT = {
    "eflash": "flash cells have no model",
    "digital-core": "a digital core computes beside its memory, not in it",
    "hybrid": "a figure of a system with two memories",
    "simulated": "simulated, not measured",
}


def family_of(point: PublishedPoint) -> Family:
    """Return the sort of macro that a point is of.

    Raises
    ------
    OutOfScope
        For a family without a model, and a figure of more than a macro.
    """
    if not point.family:
        raise OutOfScope("family is not stated")
    if point.family in _WHY_NOT:
        raise OutOfScope(_WHY_NOT[point.family])
    if point.family not in _FAMILY:
        raise OutOfScope(f"no model of family '{point.family}'{nearest(point.family, WORDS['family'])}")
    if point.includes == "processor":
        raise OutOfScope("a figure of a whole processor, more than its macros")
    return _FAMILY[point.family]


def check_clock(point: PublishedPoint) -> None:
    """Raise OutOfScope if a point's time is not that of a circuit which has a model."""
    if point.family == "mram":
        raise OutOfScope(_MRAM)
    if point.sensing == "voltage" and point.adc_type == "integrating":
        raise OutOfScope("how long an amplifier integrates a floating line's voltage has no model")


def check_energy(point: PublishedPoint) -> None:
    """Raise OutOfScope if a point's energy is not for comparison."""
    if "simulated" in point.basis:
        raise OutOfScope("simulated, not measured")
    if "normalised" in point.basis:
        raise OutOfScope("its energy is normalised, to an unknown basis")
    if point.supply_v is None:
        raise OutOfScope("vdd_V is not stated")
    if point.family == "mram":
        raise OutOfScope(_MRAM)
    if point.contradicts:
        raise OutOfScope("its energy per MAC and its TOPS/W contradict each other")
