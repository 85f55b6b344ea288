"""Hypothesis strategies for people's own tests; needs hypothesis, which imcsim itself does not install."""

from hypothesis import strategies as st

from imcsim.crossbar.encoding import Encoding
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.tile import MatrixShape


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


def _geometry(encoding: Encoding, rows: int, weights: int, spare: int) -> PeGeometry:
    return PeGeometry(rows=rows, cols=weights * encoding.cells_per_weight + spare, encoding=encoding)
