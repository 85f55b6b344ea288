"""Mapping rules by name: a rule is a pure function from a weight matrix's shape and a PE to tiles.

A layer's rule is ``(shape, geometry, *, needs) -> tiles``; a network's rule (``level="network"``) is
``(shapes, geometry, *, needs) -> tiles of each layer``, and its PE indices run over the whole network. What a rule
needs beyond shape and geometry are its keyword-only parameters without default, by the names of :data:`NEEDS`; a
network's rule gets a sequence, one entry a layer, of all but ``pe_budget``. A new rule is one file in
``imcsim/mapping/rules`` with one decorator, a function of another package behind an entry point
``imcsim.mapping_rule``, or a file that goes by its path; test it with :func:`imcsim.testing.check_mapping`.

``price``, ``explain``, timeline and ``life`` take it as ``rule=``. In :mod:`imcsim.chip.layouts` it becomes the layout
of each memory of a chip; :mod:`imcsim.chip.rule_layout` counts rows, columns, shared PEs and permuted orders of it.
"""

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any, Literal, TypeAlias, TypeVar

from imcsim.core.errors import ContentError, MappingError, nearest
from imcsim.core.registry import Registry, import_entries

MappingRule = Callable[..., Any]
Level = Literal["layer", "network"]
Given: TypeAlias = dict[str, Any]
"""What a rule is given by name: its needs, and its own options."""
RuleT = TypeVar("RuleT", bound=MappingRule)

#: What a rule may ask for beyond shape and geometry.
NEEDS: dict[str, str] = {
    "kernel": "(rows, columns) of the convolution kernel; (1, 1) for a linear layer",
    "zeros": "a mask (G, D, N) that is true where the weight is zero",
    "trainable": "a mask (G, D, N) that is true where the weight is trainable",
    "positions": "input vectors of one sample",
    "pe_budget": "the number of PEs that may be used",
}


def _import_all() -> None:
    import_entries("imcsim.mapping.rules", "mapping rule")


def wrong_call(rule: Callable[..., object]) -> str | None:
    """Return what is wrong with a function that is to be called with a shape and a PE; None if nothing is."""
    try:
        told = signature(rule)
        told.bind_partial(None, None)
    except (TypeError, ValueError):
        return "must take a matrix shape and a PE"
    further = list(told.parameters.values())[2:]
    more = next((p.name for p in further if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty), None)
    return None if more is None else f"must take what it needs beyond shape and PE, as '{more}', after a *"


def _wrong(entry: object) -> str | None:
    return wrong_call(entry) if callable(entry) else "is no function from a matrix shape and a PE to tiles"


MAPPING_RULES: Registry[MappingRule] = Registry("mapping rule", _import_all, "imcsim.mapping_rule", _wrong)


def mapping_rule(name: str, level: Level = "layer") -> Callable[[RuleT], RuleT]:
    """Return a decorator that files a rule under ``name``; ContentError for a need that is not in :data:`NEEDS`."""

    def add(rule: RuleT) -> RuleT:
        needs_of(rule)
        rule.level = level  # type: ignore[attr-defined]
        MAPPING_RULES.register(name)(rule)
        return rule

    return add


def level_of(rule: MappingRule) -> Level:
    """Return whether ``rule`` maps one layer at a time or sees the network; a plain function maps a layer."""
    level: Level = getattr(rule, "level", "layer")
    return level


def needs_of(rule: MappingRule) -> tuple[str, ...]:
    """Return what ``rule`` must be given beyond shape and geometry: its keyword-only parameters without default.

    Raises
    ------
    ContentError
        If it asks for something that is not in :data:`NEEDS`, with the nearest name.
    """
    parameters = signature(rule).parameters.values()
    needs = [p.name for p in parameters if p.kind is Parameter.KEYWORD_ONLY and p.default is Parameter.empty]
    for need in needs:
        if need not in NEEDS:
            raise ContentError(f"mapping rule '{rule_name(rule)}' asks for '{need}'{nearest(need, NEEDS)}")
    return tuple(needs)


def rule_name(rule: MappingRule) -> str:
    """Return the function's name, for messages."""
    return str(getattr(rule, "__name__", "rule"))


def given_needs(rule: MappingRule, name: str, given: Mapping[str, object]) -> Given:
    """Pick what ``rule`` takes from ``given``: its needs, and those of its options that are there.

    Raises
    ------
    MappingError
        If something that it needs is missing, or something is given that is neither a need nor an option of the rule.
    """
    for need in needs_of(rule):
        if given.get(need) is None:
            raise MappingError(f"mapping rule '{name}' needs '{need}', {NEEDS[need]}: pass {need}=...")
    taken = [p.name for p in signature(rule).parameters.values() if p.kind is Parameter.KEYWORD_ONLY]
    for key in given:
        if key not in taken and key not in NEEDS:
            raise MappingError(f"mapping rule '{name}' takes no '{key}'{nearest(key, {*NEEDS, *taken})}")
    return {key: given[key] for key in taken if given.get(key) is not None}
