"""Finds the leaves that a dotted path means, and explains them."""

from imcsim.chip.explain.area import explained_area
from imcsim.chip.explain.energy import explained_energy
from imcsim.chip.explain.explanation import UNITS, Explanation
from imcsim.chip.explain.latency import explained_latency
from imcsim.chip.explain.serving import (
    explained_deployment,
    explained_inference,
    explained_inference_latency,
    explained_power_up,
    explained_task_switch,
)
from imcsim.chip.given import ChipLike, given_chip
from imcsim.chip.price import price
from imcsim.core.errors import ConfigError, nearest
from imcsim.trace.given import TraceLike, given_trace

EXPLAINED = {
    "energy": explained_energy,
    "latency": explained_latency,
    "area": explained_area,
    "deployment": explained_deployment,
    "task_switch": explained_task_switch,
    "power_up": explained_power_up,
    "inference": explained_inference,
    "inference_latency": explained_inference_latency,
}


def explain_priced(trace: TraceLike, chip: ChipLike, path: str) -> tuple[Explanation, ...]:
    """Return how the leaves at ``path`` arose.

    Parameters
    ----------
    trace, chip
        As :func:`imcsim.chip.price.price` takes them.
    path
        A tree (``energy``, ``latency``, ``area``, ``inference``: all of :data:`UNITS`) and a leaf of it
        (``energy.forward.rram.adc``), a branch, which explains all leaves below it, or a leaf with inner names left
        out (``energy.forward.adc``).

    Raises
    ------
    ConfigError
        If no leaf is meant, with the nearest one.
    TraceError, ConservationError
        As :func:`imcsim.chip.price.price`.
    """
    trace, chip = given_trace(trace), given_chip(chip)
    tree, *wanted = path.split(".")
    if tree not in UNITS:
        trees = ", ".join(UNITS)
        raise ConfigError(f"no priced number is called '{path}'; the trees are {trees}{nearest(tree, list(UNITS))}")
    leaves: dict[str, float] = getattr(price(trace, chip), tree).flat()
    found = [leaf for leaf in leaves if _means(wanted, leaf.split("."))]
    if not found:
        known = [f"{tree}.{leaf}" for leaf in leaves]
        raise ConfigError(f"no part of the {tree} of {chip.config.name} is called '{path}'{nearest(path, known)}")
    terms = EXPLAINED[tree](trace, chip)
    return tuple(Explanation(f"{tree}.{leaf}", leaves[leaf], terms[leaf]) for leaf in found)


def _means(wanted: list[str], leaf: list[str]) -> bool:
    """Tell whether ``wanted`` is ``leaf`` with names left out, but not the first."""
    if not wanted or wanted[0] != leaf[0]:
        return not wanted
    rest = iter(leaf[1:])
    return all(name in rest for name in wanted[1:])
