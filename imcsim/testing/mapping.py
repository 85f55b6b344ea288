"""The conformance suite of mapping rules: run over every registered rule, ours and other people's."""

import numpy as np
from numpy.typing import NDArray

from imcsim.crossbar.encoding import Encoding
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.invariants import first_violation
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.rule import MAPPING_RULES, MappingRule
from imcsim.mapping.tile import MatrixShape


class MappingCheckError(AssertionError):
    """A mapping rule breaks an invariant; the text says which weight, where it should be and where it is."""


def check_mapping(
    rule: str | MappingRule, codes_or_matrix: NDArray[np.integer] | MatrixShape, geometry: PeGeometry
) -> LayerMap:
    """Prove on one matrix that ``rule`` keeps every invariant of :mod:`imcsim.mapping.invariants`.

    Parameters
    ----------
    rule
        A registered name, or the rule itself.
    codes_or_matrix
        Integer weight codes (G, D, N) or (D, N); or a shape (G, D, N), then codes over the whole range are made up.
    geometry
        The PE.

    Returns
    -------
    LayerMap
        The map that passed.

    Raises
    ------
    MappingCheckError
        At the first weight that is lost, doubled, outside its array, misread or multiplied wrongly.
    """
    function = MAPPING_RULES.get(rule) if isinstance(rule, str) else rule
    name = rule if isinstance(rule, str) else getattr(rule, "__name__", "rule")
    codes = _codes(codes_or_matrix, geometry.encoding)
    groups, fan_in, outputs = codes.shape
    shape = (groups, fan_in, outputs)
    layer_map = LayerMap(shape, geometry, tuple(function(shape, geometry)))
    if tuple(function(shape, geometry)) != layer_map.tiles:
        raise MappingCheckError(f"{name}: a rule is a pure function, but a second call gave other tiles")
    violation = first_violation(layer_map, codes)
    if violation is not None:
        raise MappingCheckError(f"{name}: {violation}")
    return layer_map


def _codes(codes_or_matrix: NDArray[np.integer] | MatrixShape, encoding: Encoding) -> NDArray[np.integer]:
    if isinstance(codes_or_matrix, tuple):
        span = encoding.code_max - encoding.code_min + 1
        # a prime that divides neither 2^b nor 2^b - 1 (b <= 16): every code is visited, out of order
        steps = np.arange(np.prod(codes_or_matrix), dtype=np.int64) * 40_009
        return (steps % span + encoding.code_min).reshape(codes_or_matrix)
    codes = np.asarray(codes_or_matrix)
    if not np.issubdtype(codes.dtype, np.integer):
        raise TypeError(f"weight codes are integers, got {codes.dtype}")
    if codes.ndim not in (2, 3):
        raise TypeError(f"weight codes have axes (groups, fan-in, outputs) or (fan-in, outputs), got {codes.shape}")
    return codes if codes.ndim == 3 else codes[None]
