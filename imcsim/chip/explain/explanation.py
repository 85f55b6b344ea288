"""One leaf of a priced tree as a sum of amounts, each times what one of it costs or takes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import Assignment, assign
from imcsim.chip.config import ChipConfig
from imcsim.chip.profile import profile_of
from imcsim.chip.traffic import Traffic, traffic
from imcsim.chip.writes import Programming, programming
from imcsim.core.sources import Resolved
from imcsim.trace.conservation import check_once
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]
Numbers = NDArray[np.floating[Any]] | NDArray[np.integer[Any]]
UNITS = {  # tree -> unit of its leaves
    "energy": "J", "latency": "s", "area": "m2", "deployment": "J", "task_switch": "J", "power_up": "J",
    "inference": "J", "inference_latency": "s",
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """How a leaf, or a share of it, is counted and charged: ``amount`` (over the whole stream) times ``unit``.

    Parameters
    ----------
    amount_of, amount_formula
        What is counted, and how.
    fields
        Fields of the trace that the count starts from.
    unit
        What one of them costs, takes or covers (J, s or m2, as the tree; see :data:`UNITS`).
    unit_formula
        How that follows from the chip's values.
    parameters
        Dotted paths of the chip's values that enter the amount or the unit.
    """

    amount: float
    amount_of: str
    amount_formula: str
    fields: tuple[str, ...]
    unit: float
    unit_formula: str
    parameters: tuple[str, ...]


Terms = tuple[Term, ...]
Unit = tuple[float, str, tuple[str, ...]]  # what one costs, how that follows, and from which values of the chip


@dataclass(frozen=True)
class Explanation:
    """A leaf of a tree, as priced (J, s or m2), and the terms that sum to it."""

    path: str
    value: float
    terms: Terms

    @property
    def tree(self) -> str:
        """Name of the tree, a key of :data:`UNITS`."""
        return self.path.partition(".")[0]


@dataclass(frozen=True)
class Facts:
    """What pricing knows before it charges: placement, writes and traffic of one trace on one chip."""

    trace: Trace
    chip: ChipConfig
    where: Assignment
    done: Programming
    bits: Traffic

    @property
    def copies(self) -> int:
        """Copies of the weights that the chip keeps."""
        return 2 if self.chip.input_gradient == "second-copy" else 1

    def layer_sides(self) -> tuple[Floats, Floats]:
        """Return (L,) inputs and outputs of each layer's weight matrices, all groups together."""
        layers = self.trace.meta.layers
        inputs = np.array([spec.groups * spec.fan_in for spec in layers], dtype=np.float64)
        return inputs, np.array([spec.groups * spec.outputs for spec in layers], dtype=np.float64)


def facts_of(trace: Trace, chip: Resolved[ChipConfig]) -> Facts:
    """Return what :func:`imcsim.chip.price.price` knows before it charges; errors as there."""
    check_once(trace)
    config = chip.config
    where = assign(profile_of(trace, config.geometry), config)
    return Facts(trace, config, where, programming(trace, config, where), traffic(trace, config))


def counted(amount: Numbers | float, of: str, formula: str, fields: tuple[str, ...], unit: Unit) -> Term:
    """Return the term of ``amount``, summed where it is an array by task."""
    return Term(float(np.sum(amount)), of, formula, fields, *unit)


def absent(part: str, of: str) -> Term:
    """Return the term of a leaf that is zero because the chip has no ``part``."""
    return Term(0.0, of, f"the chip has no [{part}], so that there are none", (), 0.0, "nothing to charge", ())
