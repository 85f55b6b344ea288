"""The converters of a published analog array."""

import math
from dataclasses import dataclass

from imcsim.periphery.adc import Adc
from imcsim.periphery.converters.converter import ConverterType
from imcsim.published.facts import Facts
from imcsim.published.points import PublishedPoint
from imcsim.published.shape import Shape
from imcsim.published.units import PublishedUnits

_TYPES: tuple[ConverterType, ...] = ("sar", "flash", "integrating", "sense-amp")
_MOST_FLASH_BITS = 5  # design choice: more than 31 comparators a column have not been published
_SPARE_BITS = 2  # design choice: bits that a converter may have more or less than taken


@dataclass(frozen=True)
class Converter:
    """Converters of an array: their model and bits, the lines that share one, the columns that a line joins."""

    adc: Adc
    bits: int
    kind: ConverterType
    lines_per_adc: int
    joined_columns: int


def converter_of(
    point: PublishedPoint, shape: Shape, node_m: float, supply_v: float, facts: Facts, units: PublishedUnits
) -> Converter:
    """Return the converters of a row."""
    needed = math.ceil(math.log2(shape.rows * (2**shape.dac_bits - 1) + 1))
    summed = min(8, max(3, needed))
    others_b = (summed - _SPARE_BITS, summed + _SPARE_BITS)
    bits = facts.number("adc_bits", point.adc_bits, summed, others_b, "the bits of a sum, 3 to 8")
    charge = point.family == "analog-sram"
    others = ("flash",) if charge and bits <= _MOST_FLASH_BITS else ()
    waits = point.sensing != "current-clamp" and point.waits(shape.phases, units.settling_s(node_m))
    usual = "sar" if charge else "integrating" if waits else "sense-amp"
    stated = point.adc_type if point.adc_type in _TYPES else ""
    kind = _kind_of(facts.word("adc_type", stated, usual, others, "the kind of converter is not stated"))
    columns = shape.cells_per_weight // (2 if _subtracts(point, shape) else 1)
    joined = -(-columns // shape.conversions)
    lines = shape.weights_per_row * -(-columns // joined)
    adcs = point.adcs if point.adcs is not None else shape.outputs * shape.conversions
    from_v = units.assumed.sar_supply_v if kind == "sar" else None
    adc = units.adc.of_type(kind).scaled(units.nodes, node_m, supply_v, from_v)
    return Converter(
        adc=adc,
        bits=max(adc.bits_known[0], min(adc.bits_known[-1], round(bits))),
        kind=kind,
        lines_per_adc=max(1, -(-lines // adcs)),
        joined_columns=joined,
    )


def _kind_of(word: str) -> ConverterType:
    return next(kind for kind in _TYPES if kind == word)


def _subtracts(point: PublishedPoint, shape: Shape) -> bool:
    return shape.differential and point.sign != "differential-two-conversions"
