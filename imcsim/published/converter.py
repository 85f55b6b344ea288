"""The converters of a published analog array."""

import math
from dataclasses import dataclass

from imcsim.periphery.adc import Adc
from imcsim.published.facts import Facts
from imcsim.published.points import PublishedPoint
from imcsim.published.shape import Shape
from imcsim.published.units import PublishedUnits

_TYPES = ("sar", "flash", "integrating", "sense-amp")
_MOST_FLASH_BITS = 5  # design choice: more than 31 comparators a column have not been published
_MOST_BITS = 10
_SPARE_BITS = 2  # design choice: bits that a converter may have more or less than taken


@dataclass(frozen=True)
class Converter:
    """Converters of an array: their model and bits, the lines that share one, the columns that a line joins."""

    adc: Adc
    bits: int
    kind: str
    lines_per_adc: int
    joined_columns: int


def converter_of(point: PublishedPoint, shape: Shape, facts: Facts, units: PublishedUnits) -> Converter:
    """Return the converters of a row."""
    needed = math.ceil(math.log2(shape.rows * (2**shape.dac_bits - 1) + 1))
    summed = min(8, max(3, needed))
    others_b = (summed - _SPARE_BITS, summed + _SPARE_BITS)
    bits = facts.number("adc_bits", point.adc_bits, summed, others_b, "the bits of a sum, 3 to 8")
    charge = point.family == "analog-sram"
    usual, others = "sar" if charge else "sense-amp", ("flash",) if charge and bits <= _MOST_FLASH_BITS else ()
    kind = facts.word("adc_type", point.adc_type if point.adc_type in _TYPES else "", usual, others, "not stated")
    columns = shape.cells_per_weight // (2 if _subtracts(point, shape) else 1)
    joined = -(-columns // shape.conversions)
    lines = shape.weights_per_row * -(-columns // joined)
    adcs = point.adcs if point.adcs is not None else shape.outputs * shape.conversions
    return Converter(
        adc=_stub(kind, point, units),
        bits=max(1, min(_MOST_BITS, round(bits))),
        kind=kind,
        lines_per_adc=max(1, -(-lines // adcs)),
        joined_columns=joined,
    )


def _stub(kind, point, units):
    from imcsim.periphery.converters.table import ConverterTable
    v, s = point.supply_v or 1.0, point.node_m / 28e-9
    if kind == "sar":
        return units.adc
    bits = tuple(range(1, 17))
    n = {"flash": [2**b - 1 for b in bits], "sense-amp": list(bits), "integrating": [2**b for b in bits]}[kind]
    unit = {"flash": (10e-15, None), "sense-amp": (float(__import__("os").environ.get("SA","10"))*1e-15, None), "integrating": (10e-15, None)}[kind][0]
    t = {"flash": [1e-9] * 16, "sense-amp": [b * 1e-9 for b in bits], "integrating": [2**b * 0.3e-9 for b in bits]}[kind]
    if kind == "integrating":
        t = [2**b * 0.3e-9 * s * 2 for b in bits]
        unit, n = 1.0, [2e-6 / v * each / s for each in t]
    area = [40e-12 * s * k if kind != "integrating" else 100e-12 * s + 20e-12 * s * b for b, k in zip(bits, n)]
    table = ConverterTable.model_validate({"bits": bits, "energy_j": [unit * k * v * v * (s if kind != "flash" else 2) for k in n], "time_s": t, "area_m2": area})
    return Adc.model_validate({"name": f"stub-{kind}", "model": "table", "feature_size_m": point.node_m, "table": table})


def _subtracts(point: PublishedPoint, shape: Shape) -> bool:
    return shape.differential and point.sign != "differential-two-conversions"
