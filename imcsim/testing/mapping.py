"""The conformance suite of mapping rules: run over every registered rule, ours and other people's."""

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from imcsim.crossbar.encoding import Encoding
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.invariants import Violation
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.rule import MAPPING_RULES, NEEDS, Given, MappingRule, given_needs, level_of, rule_name
from imcsim.mapping.tile import MatrixShape
from imcsim.testing.cases import LISTED, MASKS, Case, examine, made_up_codes, maps_of, smallest
from imcsim.testing.picture import picture

Weight = NDArray[np.integer] | MatrixShape


class MappingCheckError(AssertionError):
    """A mapping rule breaks a law; the text says which weight, where it should be, where it is, in the smallest case.

    Attributes
    ----------
    law
        "runs", "pure", "placement", "promises", "arithmetic" or "counts".
    case
        The smallest case found that breaks the same law.
    """

    def __init__(self, text: str, law: str, case: Case) -> None:
        super().__init__(text)
        self.law = law
        self.case = case


@overload
def check_mapping(
    rule: str | MappingRule, weight: Weight, geometry: PeGeometry, *, copies: int | None = None, **given: object
) -> LayerMap: ...
@overload
def check_mapping(
    rule: str | MappingRule, weight: list[Weight], geometry: PeGeometry, *, copies: int | None = None, **given: object
) -> tuple[LayerMap, ...]: ...


def check_mapping(
    rule: str | MappingRule,
    weight: Weight | list[Weight],
    geometry: PeGeometry,
    *,
    copies: int | None = None,
    **given: object,
) -> LayerMap | tuple[LayerMap, ...]:
    """Prove on one matrix, or on the list of a network's matrices, that ``rule`` keeps every law.

    The laws: the rule is pure; each weight is in exactly one place of each copy, inside its array, alone in its cells;
    read-back gives the matrix; tile-wise integer products sum to x @ W, and to e @ W^T where tiles are read for input
    gradients; kernel positions, frozen PEs and the PE budget are as the rule says; PEs, cells, conversions and row
    drives equal a recount cell by cell; masks survive layer -> PE -> layer.

    Parameters
    ----------
    rule
        A registered name, or the rule itself.
    weight
        Integer codes (G, D, N) or (D, N), or a shape (G, D, N), then codes over the whole range are made up (0 where
        ``zeros`` says so); a list of them for a network's rule.
    geometry
        The PE.
    copies
        Copies of the weights that the map must hold.
    given
        What the rule needs, by the names of :data:`imcsim.mapping.rule.NEEDS` (for a list of matrices, lists of masks,
        kernels and positions), and options of the rule.

    Returns
    -------
    LayerMap
        The map that passed, or a tuple of them for a list.

    Raises
    ------
    MappingCheckError
        At the first broken law, with the weight at fault and the smallest case that shows it.
    MappingError, TypeError
        If something that the rule needs is not given; if the weight is neither integer codes nor a shape.
    """
    function = MAPPING_RULES.get(rule) if isinstance(rule, str) else rule
    case = _case(function, weight, geometry, given, copies)
    found = examine(function, case)
    if found is not None:
        law, violation = found
        raise _error(function, law, violation, *smallest(function, case, law))
    maps = maps_of(function, case)
    return maps if isinstance(weight, list) else maps[0]


def check_rule(rule: str | MappingRule, max_examples: int = 100) -> None:
    """Prove ``rule`` on ``max_examples`` drawn cases: matrices, PEs, masks, kernels and budgets; needs hypothesis.

    Raises
    ------
    MappingCheckError
        As :func:`check_mapping` raises it, with the smallest case found.
    """
    from hypothesis import HealthCheck, Phase, given, settings

    from imcsim.testing.strategies import cases

    function = MAPPING_RULES.get(rule) if isinstance(rule, str) else rule
    broken: list[tuple[str, Violation, Case]] = []

    # no shrinking by hypothesis: the search in ``smallest`` knows what a smaller case is, and is faster
    @settings(
        deadline=None,
        max_examples=max_examples,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    @given(case=cases(function))
    def every_case(case: Case) -> None:
        if not broken and (found := examine(function, case)) is not None:
            broken.append((*found, case))

    every_case()
    for law, violation, case in broken:
        raise _error(function, law, violation, *smallest(function, case, law))


def _case(
    rule: MappingRule,
    weight: Weight | list[Weight],
    geometry: PeGeometry,
    given: Given,
    copies: int | None,
) -> Case:
    listed = isinstance(weight, list)
    if listed and level_of(rule) == "layer":
        raise TypeError(f"mapping rule '{rule_name(rule)}' maps one layer at a time: give one matrix, not a list")
    known = {name: value for name, value in given.items() if name in NEEDS and value is not None}
    given_needs(rule, rule_name(rule), given)
    needs = {n: v if n not in LISTED else list(v) if listed else [v] for n, v in known.items()}
    options = {name: value for name, value in given.items() if name not in NEEDS}
    parts: Sequence[Weight] = weight if isinstance(weight, list) else [weight]
    masks = needs.get("zeros", [None] * len(parts))
    codes = tuple(_codes(part, geometry.encoding, zeros) for part, zeros in zip(parts, masks, strict=True))
    for name in MASKS:
        for mask, matrix in zip(needs.get(name, ()), codes, strict=name in needs):
            if np.shape(mask) != matrix.shape:
                raise TypeError(f"the mask '{name}' must be {matrix.shape}, got {np.shape(mask)}")
    return Case(codes, geometry, needs, options, copies)


def _codes(weight: Weight, encoding: Encoding, zeros: NDArray[np.bool_] | None) -> NDArray[np.integer]:
    if isinstance(weight, tuple):
        made = made_up_codes(weight, encoding)
        return made if zeros is None or zeros.shape != made.shape else np.where(zeros, 0, made)
    codes = np.asarray(weight)
    if not np.issubdtype(codes.dtype, np.integer):
        raise TypeError(f"weight codes are integers, got {codes.dtype}")
    if codes.ndim not in (2, 3):
        raise TypeError(f"weight codes have axes (groups, fan-in, outputs) or (fan-in, outputs), got {codes.shape}")
    whole = codes if codes.ndim == 3 else codes[None]
    if zeros is not None and zeros.shape == whole.shape and (whole[zeros] != 0).any():
        at = tuple(int(i) for i in np.argwhere(zeros & (whole != 0))[0])
        raise TypeError(f"the mask 'zeros' is true at weight {at}, whose code is {int(whole[at])}")
    return whole


def _error(rule: MappingRule, law: str, violation: Violation, case: Case, there: Violation) -> MappingCheckError:
    of_layer = f" (layer {violation.layer})" if len(case.codes) > 1 and violation.weight is not None else ""
    lines = [f"{rule_name(rule)}: {violation.sentence}{of_layer}", f"smallest example: {case}"]
    if there.sentence != violation.sentence:
        lines.append(f"there: {there.sentence}")
    if law not in ("runs", "pure"):
        lines.append(picture(maps_of(rule, case)[there.layer], there.weight))
    return MappingCheckError("\n".join(lines), law, case)
