"""Explains leaves of the energy tree of one trace on one chip."""

import numpy as np

from imcsim.chip.assign import assign
from imcsim.chip.config import ChipConfig
from imcsim.chip.explain.explanation import Explanation, Facts, Floats, Term
from imcsim.chip.explain.leaks import leakage_terms
from imcsim.chip.explain.moved import digital_terms, traffic_terms, write_terms
from imcsim.chip.explain.reads import Pass, read_terms
from imcsim.chip.price import price
from imcsim.chip.profile import profile_of
from imcsim.chip.traffic import traffic
from imcsim.chip.writes import programming
from imcsim.core.errors import ConfigError, nearest
from imcsim.core.sources import Resolved
from imcsim.trace.trace import Trace

ROOT = "energy"


def explain_energy(trace: Trace, chip: Resolved[ChipConfig], path: str) -> tuple[Explanation, ...]:
    """Return how the leaves at ``path`` arose.

    Parameters
    ----------
    path
        ``energy.`` and a leaf of the energy tree (``energy.forward.rram.adc``), a branch, which explains all leaves
        below it, or a leaf with inner names left out (``energy.forward.adc``).

    Raises
    ------
    ConfigError
        If no leaf is meant, with the nearest one.
    TraceError, ConservationError
        As :func:`imcsim.chip.price.price`.
    """
    leaves = price(trace, chip).energy.flat()
    wanted = path.split(".")
    found = [leaf for leaf in leaves if wanted[0] == ROOT and _means(wanted[1:], leaf.split("."))]
    if not found:
        known = [f"{ROOT}.{leaf}" for leaf in leaves]
        raise ConfigError(f"no part of the energy of {chip.config.name} is called '{path}'{nearest(path, known)}")
    terms = explained_leaves(trace, chip)
    return tuple(Explanation(f"{ROOT}.{leaf}", leaves[leaf], terms.get(leaf)) for leaf in found)


def explained_leaves(trace: Trace, chip: Resolved[ChipConfig]) -> dict[str, Term]:
    """Return the terms of all leaves that can be explained exactly, by the leaf's path in the energy tree."""
    config = chip.config
    where = assign(profile_of(trace, config.geometry), config)
    facts = Facts(trace, config, where, programming(trace, config, where), traffic(trace, config))
    found = traffic_terms(facts) | digital_terms(facts) | write_terms(facts) | leakage_terms(facts)
    for prefix, way in _passes(trace, config).items():
        found |= {f"{prefix}.{name}": term for name, term in read_terms(facts, way).items()}
    return found


def _means(wanted: list[str], leaf: list[str]) -> bool:
    """Tell whether ``wanted`` is ``leaf`` with names left out, but not the first."""
    if not wanted or wanted[0] != leaf[0]:
        return not wanted
    rest = iter(leaf[1:])
    return all(name in rest for name in wanted[1:])


def _passes(trace: Trace, chip: ChipConfig) -> dict[str, Pass]:
    found = {}
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
