"""A charge: an amount of something times what one of it costs, with the words that say where both come from.

The leaves of every priced tree (energy in J, time in s, area in m2) are sums of charges, and of nothing else: what
``price`` sums, ``explain`` prints. Shape letters: F placement phases, L mapped layers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.core.cost import Breakdown

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Price:
    """What one of an amount costs, takes or covers.

    Parameters
    ----------
    value
        J, s or m2; an array where it differs within the amount, of a shape that broadcasts to the amount's.
    formula
        How it follows from the chip's values.
    origins
        Dotted paths of those values; one may be named twice.
    """

    value: float | Floats
    formula: str
    origins: tuple[str, ...] = ()

    def also(self, *origins: str) -> "Price":
        """Return the same price, of an amount that follows from values of the chip, too: their paths."""
        return Price(self.value, self.formula, self.origins + origins)


@dataclass(frozen=True)
class Charge:
    """One leaf of a tree, or a share of it.

    Parameters
    ----------
    leaf
        Dotted path in its tree.
    amount
        How much: a number, (F,) by phase, or (F, L) by phase and layer.
    of
        What is counted.
    formula
        How it is counted.
    fields
        Fields of the trace that the count starts from.
    each
        What one costs.
    """

    leaf: str
    amount: float | Floats
    of: str
    formula: str
    fields: tuple[str, ...]
    each: Price

    @property
    def cost(self) -> Floats:
        """What it costs, in the amount's shape."""
        return np.asarray(self.amount * np.asarray(self.each.value), dtype=np.float64)

    @property
    def total(self) -> float:
        """What all of it costs."""
        return float(self.by_phase.sum())

    @property
    def by_phase(self) -> Floats:
        """(F,) what it costs in each phase; of an amount without phases, (1,)."""
        amount, each = self.amount, self.each.value
        if isinstance(amount, np.ndarray) and amount.ndim > 1 and isinstance(each, float):
            return np.asarray(amount.reshape(len(amount), -1).sum(axis=1) * each, dtype=np.float64)
        cost = np.atleast_1d(self.cost)
        return cost if cost.ndim == 1 else np.asarray(cost.sum(axis=tuple(range(1, cost.ndim))))

    @property
    def mean_each(self) -> float:
        """What one costs on average over the amount."""
        amount = float(np.sum(self.amount))
        return self.total / amount if amount else float(np.mean(self.each.value))

    def under(self, prefix: str) -> "Charge":
        """Return the same charge below ``prefix``."""
        leaf = f"{prefix}.{self.leaf}" if self.leaf else prefix
        return Charge(leaf, self.amount, self.of, self.formula, self.fields, self.each)

    def times(self, factor: float | Floats, *origins: str) -> "Charge":
        """Return ``factor`` times as much of it; ``origins`` are paths of the values that the factor follows from."""
        each = self.each.also(*origins)
        return Charge(self.leaf, self.amount * factor, self.of, self.formula, self.fields, each)


Charges = tuple[Charge, ...]


def under(prefix: str, charges: Iterable[Charge]) -> Charges:
    """Return ``charges`` below ``prefix``."""
    return tuple(charge.under(prefix) for charge in charges)


def tree_of(charges: Iterable[Charge]) -> Breakdown:
    """Return the tree that ``charges`` add up to, all phases together."""
    leaves: dict[tuple[str, ...], float] = {}
    for charge in charges:
        path = tuple(charge.leaf.split("."))
        leaves[path] = leaves.get(path, 0.0) + charge.total
    return Breakdown(leaves)


def trees_by_task(charges: Sequence[Charge], tasks: Sequence[int]) -> tuple[Breakdown, tuple[Breakdown, ...]]:
    """Return the tree of all tasks together, and one a task; ``tasks`` (F,) is the task of each phase, rising."""
    starts = np.searchsorted(np.asarray(tasks), np.unique(tasks))
    leaves: dict[str, Floats] = {}
    for charge in charges:
        cost = charge.by_phase
        leaves[charge.leaf] = leaves[charge.leaf] + cost if charge.leaf in leaves else cost
    paths = [tuple(leaf.split(".")) for leaf in leaves]
    by_task = np.add.reduceat(np.stack(list(leaves.values())), starts, axis=1) if leaves else np.zeros((0, len(starts)))
    totals = by_task.sum(axis=1).tolist()
    each = (Breakdown(dict(zip(paths, column, strict=True))) for column in by_task.T.tolist())
    return Breakdown(dict(zip(paths, totals, strict=True))), tuple(each)
