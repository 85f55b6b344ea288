"""Twelve deliberate bugs in mapping rules, each with a case that shows it and what the suite must say of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.crossbar.encoding import Encoding
from imcsim.mapping import PeGeometry, Tile
from imcsim.mapping.rule import MappingRule
from imcsim.mapping.rules.dense_pack import dense_pack
from imcsim.mapping.rules.freeze_align import freeze_align
from imcsim.mapping.rules.im2col import im2col
from imcsim.mapping.rules.kernel_split import kernel_split
from imcsim.mapping.rules.replicate import replicate
from imcsim.mapping.rules.sparse_skip import sparse_skip
from imcsim.mapping.tile import MatrixShape, cut

PAIRS = PeGeometry(rows=4, cols=7, encoding=Encoding(sign="differential", weight_bits=2, cell_bits=1))  # 4 x 3 weights
Tiles = tuple[Tile, ...]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Mutant:
    """A wrong rule, the arguments of ``check_mapping`` that show it, the law that it breaks, the sentence expected."""

    rule: MappingRule
    weight: Any
    law: str
    sentence: str
    geometry: PeGeometry = PAIRS
    given: dict[str, Any] = field(default_factory=dict)


def off_by_one_at_the_edge(shape: MatrixShape, geometry: PeGeometry) -> Tiles:
    """Row tiles start one row late after the first: row 4 is lost."""
    late = (t._replace(rows=range(t.rows[0] + bool(t.rows[0]), t.rows[-1] + 1)) for t in im2col(shape, geometry))
    return tuple(t for t in late if t.rows)


def overlapping_edge(shape: MatrixShape, geometry: PeGeometry) -> Tiles:
    """Column tiles start one output early: the last output of a tile lies in the next one too."""
    pes, wide = count(), geometry.weight_cols
    return tuple(
        Tile(next(pes), group, rows, range(left, min(left + wide, shape[2])))
        for group in range(shape[0])
        for rows in cut(range(shape[1]), geometry.weight_rows)
        for left in range(0, shape[2], max(1, wide - 1))
    )


def dropped_remainder_rows(shape: MatrixShape, geometry: PeGeometry) -> Tiles:
    """Whole row tiles only."""
    full = min(geometry.weight_rows, shape[1])
    return tuple(t for t in im2col(shape, geometry) if len(t.rows) == full)


def double_placement(shape: MatrixShape, geometry: PeGeometry) -> Tiles:
    """The last tile is placed once more, in a PE of its own, as the same copy."""
    tiles = im2col(shape, geometry)
    return (*tiles, tiles[-1]._replace(pe=len(tiles)))


def pe_number_without_the_columns(shape: MatrixShape, geometry: PeGeometry) -> Tiles:
    """PEs are numbered by group and row tile alone, so that column tiles of a row lie on top of each other."""
    high = geometry.weight_rows
    per_group = geometry.tiles(shape[1], shape[2])[0]
    return tuple(t._replace(pe=t.group * per_group + t.rows[0] // high) for t in im2col(shape, geometry))


def wrong_group(shape: MatrixShape, geometry: PeGeometry) -> Tiles:
    """Every second group's PEs hold the weights of the group before."""
    return tuple(t._replace(group=t.group - t.group % 2) for t in im2col(shape, geometry))


def cells_taken_for_weights(shape: MatrixShape, geometry: PeGeometry) -> Tiles:
    """Tiles are as wide as the array has cells, though a weight takes several."""
    pes = count()
    return tuple(
        Tile(next(pes), group, rows, cols)
        for group in range(shape[0])
        for rows in cut(range(shape[1]), geometry.rows)
        for cols in cut(range(shape[2]), geometry.cols)
    )


def transposed_kernel_order(shape: MatrixShape, geometry: PeGeometry, *, kernel: tuple[int, int]) -> Tiles:
    """Kernel positions are counted column by column, where the matrix has them row by row."""
    tiles = kernel_split(shape, geometry, kernel=kernel)
    return tuple(t._replace(position=divmod(t.rows[0] % (kernel[0] * kernel[1]), kernel[0])[::-1]) for t in tiles)


class SwappedSigns(Encoding):
    """A layout of weights in cells that puts positive magnitudes into the negative array and the reverse."""

    def levels(self, codes: NDArray[np.integer]) -> NDArray[np.uint16]:
        return super().levels(-codes)


def zero_columns_by_any(shape: MatrixShape, geometry: PeGeometry, *, zeros: Mask) -> Tiles:
    """A row is skipped if any of its weights is zero, not if all are."""
    any_zero = np.repeat(zeros.any(axis=2, keepdims=True), shape[2], axis=2)
    return sparse_skip(shape, geometry, zeros=any_zero)


def frozen_by_majority(shape: MatrixShape, geometry: PeGeometry, *, trainable: Mask) -> Tiles:
    """A PE counts as frozen if most of its weights are."""
    tiles = freeze_align(shape, geometry, trainable=trainable)
    return tuple(t._replace(frozen=bool(trainable[t.block].mean() < 0.5)) for t in tiles)


def untransposed_second_copy(shape: MatrixShape, geometry: PeGeometry) -> Tiles:
    """The second copy is cut as the first, though it lies the other way."""
    there = im2col(shape, geometry)
    return (*there, *(t._replace(pe=len(there) + t.pe, copy=1, read="backward") for t in there))


def forgotten_offset(shapes: Sequence[MatrixShape], geometry: PeGeometry) -> tuple[Tiles, ...]:
    """Blocks that share a PE move right but not down, and the counter of columns is forgotten with it."""
    return tuple(tuple(t._replace(row_offset=0, col_offset=0) for t in tiles) for tiles in dense_pack(shapes, geometry))


def budget_by_layer(
    shapes: Sequence[MatrixShape], geometry: PeGeometry, *, positions: Sequence[int], pe_budget: int
) -> tuple[Tiles, ...]:
    """Each layer may spend the whole budget on its copies."""
    first, placed = 0, []
    for shape, p in zip(shapes, positions, strict=True):
        (tiles,) = replicate([shape], geometry, positions=[p], pe_budget=pe_budget)
        placed.append(tuple(t._replace(pe=t.pe + first) for t in tiles))
        first += len(tiles)
    return tuple(placed)


forgotten_offset.level = budget_by_layer.level = "network"  # type: ignore[attr-defined] # not registered

SIGNS = PeGeometry(rows=4, cols=7, encoding=SwappedSigns(sign="differential", weight_bits=2, cell_bits=1))
LIVE = np.array([[[1, 0, 1], [0, 0, 0], [1, 1, 1], [1, 1, 1]]], dtype=bool)

MUTANTS: dict[str, Mutant] = {
    "off by one at a tile edge": Mutant(
        off_by_one_at_the_edge, (1, 6, 5), "placement", r"weight \(0, 4, 0\) should be in one place, but is nowhere"
    ),
    "edge in two tiles": Mutant(
        overlapping_edge,
        (1, 4, 5),
        "placement",
        r"weight \(0, 0, 2\) should be in one place, but is in PE 0 at row 0, columns 4\.\.5 "
        r"and in PE 1 at row 0, columns 0\.\.1",
    ),
    "dropped remainder rows": Mutant(
        dropped_remainder_rows, (1, 6, 3), "placement", r"weight \(0, 4, 0\) should be in one place, but is nowhere"
    ),
    "double placement": Mutant(
        double_placement,
        (1, 6, 3),
        "placement",
        r"weight \(0, 4, 0\) should be in one place, but is in PE 1 .* and in PE 2 ",
    ),
    "two tiles in one PE": Mutant(
        pe_number_without_the_columns,
        (1, 4, 5),
        "placement",
        r"cell \(row 0, column 0\) of PE 0 should hold one weight, but holds \(0, 0, 0\) and \(0, 0, 3\)",
    ),
    "wrong group": Mutant(
        wrong_group, (2, 2, 2), "placement", r"weight \(0, 0, 0\) should be in one place, but is in PE 0 .* in PE 1 "
    ),
    "cells taken for weights": Mutant(
        cells_taken_for_weights,
        (1, 4, 5),
        "placement",
        r"weight \(0, 3, 4\) should be inside an array of 4 x 7 cells, but is in PE 0 at row 3, columns 8\.\.9",
    ),
    "transposed kernel order": Mutant(
        transposed_kernel_order,
        (1, 12, 2),
        "promises",
        r"weight \(0, 1, 0\) should be in a PE of kernel position \(0, 1\), but is in PE 1 .* to position \(1, 0\)",
        given={"kernel": (2, 2)},
    ),
    "swapped sign arrays": Mutant(
        im2col,
        np.array([[1, 0], [0, -1]]),
        "arithmetic",
        r"weight \(0, 0, 0\) should read 1, but in PE 0 at row 0, columns 0\.\.1 reads -1",
        geometry=SIGNS,
    ),
    "zeros by any": Mutant(
        zero_columns_by_any,
        (1, 4, 3),
        "placement",
        r"weight \(0, 0, 0\) should be in one place, but is nowhere",
        given={"zeros": ~LIVE},
    ),
    "frozen by majority": Mutant(
        frozen_by_majority,
        (1, 4, 3),
        "promises",
        r"weight \(0, 1, 0\) trains and should be in a trainable PE, but is in PE \d .*, which the rule calls frozen",
        given={"trainable": np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]], dtype=bool)},
    ),
    "second copy not transposed": Mutant(
        untransposed_second_copy,
        (1, 4, 3),
        "placement",
        r"weight \(0, 3, 2\) should be inside an array of 4 x 7 cells, but is in PE 1 at row 2, columns 6\.\.7",
    ),
    "forgotten offset": Mutant(
        forgotten_offset,
        [(1, 2, 1), (1, 2, 2)],
        "placement",
        r"cell \(row 0, column 0\) of PE 0 should hold one weight, but holds .* of layer \d and .* of layer \d",
    ),
    "budget spent twice": Mutant(
        budget_by_layer,
        [(1, 4, 3), (1, 4, 3)],
        "promises",
        r"the network should take at most 3 PEs, but takes 6",
        given={"positions": [9, 9], "pe_budget": 3},
    ),
}
