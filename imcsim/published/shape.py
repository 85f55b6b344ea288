"""The shape of a published array: its cells, the rows and columns that work at once, and how a weight lies in them."""

import math
from dataclasses import dataclass

from imcsim.published.facts import Facts, OutOfScope, need
from imcsim.published.points import PublishedPoint
from imcsim.published.units import PublishedUnits

_BOOTH = "booth"
_FEW_ROWS = 8  # design choice: the fewest rows that arrays open at once, where the number is not stated


@dataclass(frozen=True)
class Shape:
    """How a published array is laid out and read.

    Parameters
    ----------
    array_rows, array_cols
        Cells.
    rows, outputs
        Products summed into one output in one operation, and outputs of one.
    input_bits, dac_bits
        Bits of an input, and those that enter at once.
    weight_bits, cells_per_weight
        Bits of a weight, fractions for levels that are no power of two, and its cells.
    differential
        Whether a weight lies in pairs of cells of opposite sign.
    conversions
        Conversions of one output and input phase, or evaluations of an adder tree.
    """

    array_rows: int
    array_cols: int
    rows: int
    outputs: int
    input_bits: int
    dac_bits: int
    weight_bits: float
    cells_per_weight: int
    differential: bool
    conversions: int

    @property
    def cells(self) -> int:
        """Cells of the array."""
        return self.array_rows * self.array_cols

    @property
    def phases(self) -> int:
        """Read cycles of an input."""
        return -(-self.input_bits // self.dac_bits)

    @property
    def weights_per_row(self) -> int:
        """Weights beside each other in a row."""
        return max(1, self.array_cols // self.cells_per_weight)


def shape_of(point: PublishedPoint, facts: Facts, units: PublishedUnits) -> Shape:
    """Return the shape of a row's array; OutOfScope where its bits or its size are not stated."""
    weight_bits, input_bits = need(point.weight_bits, "bits_w"), math.ceil(need(point.input_bits, "bits_in"))
    differential = point.sign.startswith("differential")
    cells = _cells_per_weight(point, weight_bits, differential, facts, units)
    rows = _rows(point, weight_bits, facts)
    array_rows, array_cols = _size(point, rows, cells)
    outputs = point.outputs if point.outputs is not None else max(1, array_cols // cells)
    dac_bits = min(input_bits, _dac_bits(point, input_bits, facts))
    if is_booth(point) and dac_bits == 2:  # two bits choose a multiple of the weight, as one bit does
        input_bits, dac_bits, weight_bits = -(-input_bits // 2), 1, weight_bits + 1
    return Shape(
        array_rows=array_rows,
        array_cols=array_cols,
        rows=min(rows, array_rows),
        outputs=outputs,
        input_bits=input_bits,
        dac_bits=dac_bits,
        weight_bits=weight_bits,
        cells_per_weight=cells,
        differential=differential and cells % 2 == 0,
        conversions=_conversions(point, outputs, weight_bits, facts, units),
    )


def is_booth(point: PublishedPoint) -> bool:
    """Tell whether two input bits at a time select a multiple of the weight, one bit wider than the weight."""
    return _BOOTH in point.input_coding.lower()


def _cells_per_weight(
    point: PublishedPoint, weight_bits: float, differential: bool, facts: Facts, units: PublishedUnits
) -> int:
    if point.cells_per_weight is not None:
        return point.cells_per_weight
    signs = 2 if differential or (not point.sign and point.multi_level) else 1
    if point.multi_level:
        return signs
    magnitude = max(1.0, weight_bits - (1 if differential else 0))
    if point.cell_bits is not None:
        return signs * math.ceil(magnitude / point.cell_bits)
    low, usual, high = (
        signs * math.ceil(magnitude / bits) for bits in (2 * units.assumed.cell_bits, units.assumed.cell_bits, 1)
    )
    why = f"bits of a cell are not stated: {units.assumed.cell_bits} taken"
    return facts.count("cells_per_weight", usual, (low, high), why)


def _rows(point: PublishedPoint, weight_bits: float, facts: Facts) -> int:
    resolved = _resolved(point, weight_bits)
    if point.rows == 1 and resolved > 1:
        why = "one row is stated, but its converter has bits for a sum of more: as many as it can tell apart"
        return facts.count("rows_per_op", resolved, (1,), why)
    if point.rows is not None:
        return point.rows
    most = point.array_rows
    if most is None:
        raise OutOfScope("rows_per_op and array_rows are not stated")
    few = min(_FEW_ROWS, most)
    middle = round(math.sqrt(few * most))  # converters of charge tell fewer products apart than they sum
    usual = max(few, resolved) if resolved > 1 and point.family != "analog-sram" else max(middle, resolved)
    usual = min(most, usual)
    why = "rows that are open at once are not stated: as many as a converter can tell apart, between a few and all"
    return facts.count("rows_per_op", usual, (few, most), why)


def _resolved(point: PublishedPoint, weight_bits: float) -> int:
    """Return how many products of a weight and one input bit a converter can tell apart; 1 if nothing is known."""
    if point.adc_bits is None or point.family == "digital-sram":
        return 1
    return round(math.pow(2.0, max(0.0, point.adc_bits - math.ceil(weight_bits))))


def _size(point: PublishedPoint, rows: int, cells_per_weight: int) -> tuple[int, int]:
    """Return rows and columns of cells; an array whose sides are not stated is as high as its sums."""
    if point.array_rows is not None and point.array_cols is not None:
        return point.array_rows, max(point.array_cols, cells_per_weight)
    high = point.array_rows if point.array_rows is not None else rows
    cells = point.capacity_cells
    if cells is None and point.outputs is not None:
        cells = high * point.outputs * cells_per_weight
    if cells is None:
        raise OutOfScope("array_cols and capacity_kb are not stated")
    return high, max(cells_per_weight, cells // high)


def _dac_bits(point: PublishedPoint, input_bits: int, facts: Facts) -> int:
    if point.dac_bits is not None:
        return max(1, math.ceil(point.dac_bits))
    at_once = input_bits if point.operation_bits is None else max(1, math.ceil(point.operation_bits))
    if at_once == 1:
        return 1
    why = "how inputs enter is not stated: the bits of an operation at once"
    return facts.count("dac_bits", at_once, (1,), why)


def _conversions(point: PublishedPoint, outputs: int, weight_bits: float, facts: Facts, units: PublishedUnits) -> int:
    if point.family == "digital-sram":
        return 1
    if point.adcs is not None and point.outputs is not None:
        return max(1, round(point.adcs / outputs))
    usual = math.ceil(weight_bits / units.assumed.weight_bits_per_conversion)
    why = f"columns of up to {units.assumed.weight_bits_per_conversion} bits of a weight taken as joined"
    return facts.count("conversions_per_output", usual, (1, math.ceil(weight_bits)), why)
