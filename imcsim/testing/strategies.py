"""Hypothesis strategies for people's own tests; needs hypothesis, which imcsim itself does not install."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from imcsim.crossbar.encoding import Encoding
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.granularity import GRANULARITIES, Granularity, pieces
from imcsim.mapping.rule import Given, MappingRule, level_of, needs_of
from imcsim.mapping.tile import MatrixShape
from imcsim.testing.cases import Case, made_up_codes

Bools = NDArray[np.bool_]


def encodings() -> st.SearchStrategy[Encoding]:
    """Draw both sign schemes, 2 to 8 weight bits, 1 bit per cell up to the whole weight."""
    return st.integers(2, 8).flatmap(
        lambda bits: st.builds(
            Encoding,
            sign=st.sampled_from(["differential", "offset"]),
            weight_bits=st.just(bits),
            cell_bits=st.integers(1, bits),
        )
    )


def geometries(max_rows: int = 12, max_weights: int = 6) -> st.SearchStrategy[PeGeometry]:
    """Draw small PEs, also with columns left over after the last whole weight."""
    return st.builds(_geometry, encodings(), st.integers(1, max_rows), st.integers(1, max_weights), st.integers(0, 3))


def matrix_shapes(max_groups: int = 3, max_fan_in: int = 30, max_outputs: int = 20) -> st.SearchStrategy[MatrixShape]:
    """Draw (G, D, N)."""
    return st.tuples(st.integers(1, max_groups), st.integers(1, max_fan_in), st.integers(1, max_outputs))


def kernels(max_side: int = 3) -> st.SearchStrategy[tuple[int, int]]:
    """Draw (rows, columns) of a convolution kernel, also of unequal sides."""
    return st.tuples(st.integers(1, max_side), st.integers(1, max_side))


def weight_matrices(
    encoding: Encoding | None = None, shapes: st.SearchStrategy[MatrixShape] | None = None
) -> st.SearchStrategy[NDArray[np.int64]]:
    """Draw weight codes (G, D, N) over the range of ``encoding`` (default: differential, 8 bits)."""
    code = encoding or Encoding()
    elements = st.integers(code.code_min, code.code_max)
    drawn = matrix_shapes(max_fan_in=12, max_outputs=8) if shapes is None else shapes
    return hnp.arrays(np.int64, drawn, elements=elements)


@st.composite
def masks(
    draw: st.DrawFn,
    shape: MatrixShape,
    geometry: PeGeometry,
    kernel: tuple[int, int] = (1, 1),
    granularity: Granularity | None = None,
) -> Bools:
    """Draw a mask (G, D, N) by element, column segment, PE, kernel, channel or layer (one of them if None).

    Hypothesis chooses granularity, density and a seed; it does not take a mask apart piece by piece, which for
    thousands of pieces would take too long.
    """
    chosen = st.sampled_from(GRANULARITIES) if granularity is None else st.just(granularity)
    labels = pieces(draw(chosen), shape, geometry, kernel)
    density, seed = draw(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])), draw(st.integers(0, 2**16))
    return np.asarray((np.random.default_rng(seed).random(int(labels.max()) + 1) < density)[labels], dtype=bool)


def placements(shape: MatrixShape, geometry: PeGeometry) -> st.SearchStrategy[Bools]:
    """Draw a placement of the PEs of ``im2col``, (G, row tiles, column tiles): True where the PE is trainable."""
    return hnp.arrays(np.bool_, (shape[0], *geometry.tiles(*shape[1:])))


@st.composite
def cases(draw: st.DrawFn, rule: MappingRule) -> Case:
    """Draw what ``rule`` takes: one matrix, or one to three for a network's rule, and everything that it needs."""
    geometry, wanted = draw(geometries()), needs_of(rule)
    layers = draw(st.integers(1, 3)) if level_of(rule) == "network" else 1
    kernel = [draw(kernels()) if "kernel" in wanted else (1, 1) for _ in range(layers)]
    shapes = [_whole_kernels(draw(matrix_shapes()), sides) for sides in kernel]
    needs: Given = {"kernel": kernel} if "kernel" in wanted else {}
    for name in ("zeros", "trainable"):
        if name in wanted:
            needs[name] = [draw(masks(shape, geometry)) for shape in shapes]
    if "positions" in wanted:
        needs["positions"] = [draw(st.integers(1, 20)) for _ in shapes]
    if "pe_budget" in wanted:
        one_copy = sum(shape[0] * int(np.prod(geometry.tiles(*shape[1:]))) for shape in shapes)
        needs["pe_budget"] = one_copy + draw(st.integers(0, 12))
    codes = [made_up_codes(shape, geometry.encoding) for shape in shapes]
    if "zeros" in needs:
        codes = [np.where(zeros, 0, code) for zeros, code in zip(needs["zeros"], codes, strict=True)]
    return Case(tuple(codes), geometry, needs)


def _whole_kernels(shape: MatrixShape, kernel: tuple[int, int]) -> MatrixShape:
    area = kernel[0] * kernel[1]
    return shape[0], max(1, shape[1] // area) * area, shape[2]


def _geometry(encoding: Encoding, rows: int, weights: int, spare: int) -> PeGeometry:
    return PeGeometry(rows=rows, cols=weights * encoding.cells_per_weight + spare, encoding=encoding)


@st.composite
def phases(draw: st.DrawFn, steps: Sequence[int], most: int = 4) -> tuple[tuple[int, ...], ...]:
    """Draw placement phases for ``make_trace``: of each task's ``steps`` 1 to ``most`` parts, also of no step."""
    found = []
    for length in steps:
        cuts = sorted(draw(st.lists(st.integers(0, length), max_size=most - 1)))
        found.append(tuple(int(part) for part in np.diff([0, *cuts, length])))
    return tuple(found)
