"""How a priced number arose: the leaf, and the charges that it is the sum of."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imcsim.chip.charged import SI_UNITS, charged
from imcsim.chip.given import ChipLike, given_chip
from imcsim.chip.placed import place
from imcsim.core.charge import Charge
from imcsim.core.errors import ConfigError, nearest
from imcsim.mapping.rule import MappingRule
from imcsim.trace.given import TraceLike, read_trace


@dataclass(frozen=True)
class Term:
    """A charge as it is printed: ``amount`` over the whole stream, times what one costs on average.

    Parameters
    ----------
    amount_of, amount_formula
        What is counted, and how.
    fields
        Fields of the trace that the count starts from.
    each
        What one of them costs, takes or covers (J, s or m2, as the tree; see :data:`SI_UNITS`).
    each_formula
        How that follows from the chip's values.
    origins
        Dotted paths of the chip's values that enter the amount or the price.
    """

    amount: float
    amount_of: str
    amount_formula: str
    fields: tuple[str, ...]
    each: float
    each_formula: str
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """A leaf of a tree, as priced (J, s or m2), and the terms that sum to it."""

    path: str
    value: float
    terms: tuple[Term, ...]

    @property
    def tree(self) -> str:
        """Name of the tree, a key of :data:`SI_UNITS`."""
        return self.path.partition(".")[0]


def explain_priced(
    trace: TraceLike, chip: ChipLike, path: str, *, rule: str | MappingRule = "im2col"
) -> tuple[Explanation, ...]:
    """Return how the leaves at ``path`` arose.

    Parameters
    ----------
    trace, chip, rule
        As :func:`imcsim.chip.price.price` takes them.
    path
        A tree (``energy``, ``latency``, ``area``, ``inference``: all of :data:`SI_UNITS`) and a leaf of it
        (``energy.forward.rram.adc``), a branch, which explains all leaves below it, or a leaf with inner names left
        out (``energy.forward.adc``).

    Raises
    ------
    ConfigError
        If no leaf is meant, with the nearest one.
    TraceError, ConservationError
        As :func:`imcsim.chip.price.price`.
    """
    trace, chip = read_trace(trace), given_chip(chip)
    tree, *wanted = path.split(".")
    if tree not in SI_UNITS:
        trees = ", ".join(SI_UNITS)
        raise ConfigError(f"no priced number is called '{path}'; the trees are {trees}{nearest(tree, list(SI_UNITS))}")
    spent, leaves = charged(place(trace, chip.config, rule)), dict[str, list[Charge]]()
    for charge in spent.trees[tree]:
        leaves.setdefault(charge.leaf, []).append(charge)
    found = [leaf for leaf in leaves if _means(wanted, leaf.split("."))]
    if not found:
        known = [f"{tree}.{leaf}" for leaf in leaves]
        raise ConfigError(f"no part of the {tree} of {chip.config.name} is called '{path}'{nearest(path, known)}")
    priced = spent.tree(tree).flat()
    return tuple(
        Explanation(f"{tree}.{leaf}", priced[leaf], tuple(term for charge in leaves[leaf] for term in _terms(charge)))
        for leaf in found
    )


def _terms(charge: Charge) -> Iterator[Term]:
    """Of level changes that differ in price, one term for each pair of levels that occurs; else one."""
    each, origins = charge.each, tuple(dict.fromkeys(charge.each.origins))
    if np.ndim(charge.amount) == 3 and np.ndim(each.value) == 2:
        table, prices = np.asarray(charge.amount).sum(axis=0), np.asarray(each.value)
        for old, new in np.argwhere(table > 0) if table.any() else [(0, 1)]:
            of = f"{charge.of} from level {old} to {new}"
            amount, price = float(table[old, new]), float(prices[old, new])
            yield Term(amount, of, charge.formula, charge.fields, price, each.formula, origins)
        return
    amount = float(np.sum(charge.amount))
    yield Term(amount, charge.of, charge.formula, charge.fields, charge.mean_each, each.formula, origins)


def _means(wanted: list[str], leaf: list[str]) -> bool:
    """Tell whether ``wanted`` is ``leaf`` with names left out, but not the first."""
    if not wanted or wanted[0] != leaf[0]:
        return not wanted
    rest = iter(leaf[1:])
    return all(name in rest for name in wanted[1:])
