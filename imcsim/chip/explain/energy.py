"""Explains the leaves of the energy tree of one trace on one chip."""

from collections.abc import Mapping

import numpy as np

from imcsim.chip.config import ChipConfig
from imcsim.chip.explain.explanation import Facts, Floats, Term, Terms, facts_of
from imcsim.chip.explain.failed import failed_energy
from imcsim.chip.explain.leaks import leakage_terms
from imcsim.chip.explain.moved import digital_terms, link_terms, traffic_terms, write_terms
from imcsim.chip.explain.programmed import program_terms
from imcsim.chip.explain.read_out import digital_gradient_terms, load_terms
from imcsim.chip.explain.reads import Pass, read_terms
from imcsim.chip.explain.scratch import array_gradient_terms, reload_terms
from imcsim.core.sources import Resolved
from imcsim.trace.trace import Trace


def explained_energy(trace: Trace, chip: Resolved[ChipConfig]) -> dict[str, Terms]:
    """Return the terms of every leaf of the energy tree, by the leaf's path in it."""
    facts = facts_of(trace, chip)
    found: dict[str, Terms] = {}
    for part in (traffic_terms, link_terms, digital_terms, leakage_terms, array_gradient_terms, reload_terms):
        found |= _alone(part(facts))
    for prefix, way in _passes(facts).items():
        found |= _alone({f"{prefix}.{name}": term for name, term in read_terms(facts, way).items()})
    found |= failed_energy(facts)
    return found | write_terms(facts) | program_terms(facts) | load_terms(facts) | digital_gradient_terms(facts)


def _alone(terms: Mapping[str, Term]) -> dict[str, Terms]:
    return {leaf: (term,) for leaf, term in terms.items()}


def _passes(facts: Facts) -> dict[str, Pass]:
    trace, chip, found = facts.trace, facts.chip, {}
    for prefix, field in (("forward", "forward_vectors"), ("scoring.forward", "scoring_forward_vectors")):
        vectors = trace.counts[field].astype(np.float64)
        found[prefix] = Pass(vectors, field, trace.input_density, "input_density", transposed=False)
    if chip.input_gradient == "digital":
        return found
    second = chip.input_gradient == "second-copy"
    ratio = _turned_share(trace, chip) if second else np.ones(len(trace.meta.layers))
    for prefix, field in (
        ("input_gradient", "input_gradient_vectors"),
        ("scoring.input_gradient", "scoring_input_gradient_vectors"),
    ):
        found[prefix] = Pass(
            trace.counts[field] * ratio,
            field,
            trace.error_density,
            "error_density",
            transposed=not second,
            scaled=" x PEs of the second copy / PEs of the first" if second else "",
        )
    return found


def _turned_share(trace: Trace, chip: ChipConfig) -> Floats:
    """(L,) PEs of the transposed copy of a layer for each PE of the layer."""
    tiles = [
        (chip.geometry.tiles(spec.outputs, spec.fan_in), chip.geometry.tiles(spec.fan_in, spec.outputs))
        for spec in trace.meta.layers
    ]
    return np.array([np.prod(turned) / np.prod(straight) for turned, straight in tiles])
