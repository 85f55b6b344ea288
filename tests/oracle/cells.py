"""PEs and their cells: which weights a PE holds, and the level of each cell.

Shape letters: F placement phases, K cells per weight, G groups, D fan-in, N outputs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.oracle.facts import Array, Facts, encoding_name


@dataclass(frozen=True)
class Pe:
    """One PE: the weights ``rows`` x ``outs`` of one group of a layer."""

    layer: int
    group: int
    rows: slice
    outs: slice
    row_tiles: int

    @property
    def height(self) -> int:
        """Rows in use."""
        return int(self.rows.stop - self.rows.start)

    @property
    def width(self) -> int:
        """Outputs."""
        return int(self.outs.stop - self.outs.start)

    @property
    def weights(self) -> int:
        """Weights held."""
        return self.height * self.width

    def of(self, values: Array) -> Array:
        """Return the share of this PE in values by weight (..., G, D, N)."""
        return values[..., self.group, self.rows, self.outs]


@dataclass(frozen=True)
class Memory:
    """One sort of PE on a chip (``part`` of its description), and the network in PEs of it."""

    part: Any
    key: str
    slices: int
    per_weight: int
    weight_bits: int
    level_count: int
    outs_per_pe: int
    rows_per_pe: int
    pes: tuple[Pe, ...]
    levels: dict[int, Array]  # layer -> (F + 1, K, G, D, N)

    def cells(self, pe: Pe) -> int:
        """Cells of a PE that hold a weight."""
        return pe.weights * self.per_weight

    def columns(self, pe: Pe) -> int:
        """Columns of cells in use."""
        return pe.width * self.per_weight

    def tiles(self, rows: int, outputs: int) -> int:
        """PEs of a weight matrix of one group."""
        return up(rows, self.rows_per_pe) * up(outputs, self.outs_per_pe)


def up(amount: int, each: int) -> int:
    """Return how many of ``each`` hold ``amount``."""
    return (amount + each - 1) // each


def memory_of(facts: Facts, chip: Any, part: Any) -> Memory:
    """Return the network of ``facts`` in PEs of ``part``."""
    bits = chip.weight_bits - (part.sign == "differential")  # a pair of columns holds the sign
    slices = up(bits, part.cell_bits)
    per_weight = slices * (2 if part.sign == "differential" else 1)
    outs = chip.array.cols // per_weight
    pes = []
    for index, layer in enumerate(facts.layers):
        for group in range(layer.groups):
            for row in range(0, layer.fan_in, chip.array.rows):
                for out in range(0, layer.outputs, outs):
                    rows = slice(row, min(row + chip.array.rows, layer.fan_in))
                    span = slice(out, min(out + outs, layer.outputs))
                    pes.append(Pe(index, group, rows, span, up(layer.fan_in, chip.array.rows)))
    levels = {
        index: levels_of(facts.codes[layer.name], part.sign, chip.weight_bits, part.cell_bits, slices)
        for index, layer in enumerate(facts.layers)
    }
    key = encoding_name(part.sign, chip.weight_bits, part.cell_bits)
    shape = (slices, per_weight, chip.weight_bits, 2**part.cell_bits, outs, chip.array.rows)
    return Memory(part, key, *shape, tuple(pes), levels)


def levels_of(codes: Array, sign: str, weight_bits: int, cell_bits: int, slices: int) -> Array:
    """Return the level of each cell (F + 1, K, G, D, N): digits of a code, the least significant first.

    Differential: the positive part of the code in the first half of the cells, the negative in the other. Offset: the
    code above the lowest there is.
    """
    parts = [codes + 2 ** (weight_bits - 1)] if sign == "offset" else [np.maximum(codes, 0), np.maximum(-codes, 0)]
    cells = []
    for part in parts:
        left = part
        for _ in range(slices):
            left, digit = np.divmod(left, 2**cell_bits)
            cells.append(digit)
    return np.stack(cells, axis=1)
