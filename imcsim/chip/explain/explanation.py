"""One leaf of the energy tree as an amount times what one of it costs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import Assignment
from imcsim.chip.config import ChipConfig
from imcsim.chip.traffic import Traffic
from imcsim.chip.writes import Programming
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """How a leaf is counted and charged: ``amount`` (summed over the stream) times ``unit_j``.

    Parameters
    ----------
    amount_of, amount_formula
        What is counted, and how.
    fields
        Fields of the trace that the count starts from.
    unit_formula
        How the energy (J) of one of them follows from the chip's values.
    parameters
        Dotted paths of the chip's values that enter the amount or the unit.
    """

    amount: float
    amount_of: str
    amount_formula: str
    fields: tuple[str, ...]
    unit_j: float
    unit_formula: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """A leaf of the energy tree, as priced (J), and its term; None where imcsim cannot explain it yet."""

    path: str
    energy_j: float
    term: Term | None


@dataclass(frozen=True)
class Facts:
    """What pricing knows before it charges: placement, writes and traffic of one trace on one chip."""

    trace: Trace
    chip: ChipConfig
    where: Assignment
    done: Programming
    bits: Traffic

    def layer_sides(self) -> tuple[Floats, Floats]:
        """Return (L,) inputs and outputs of each layer's weight matrices, all groups together."""
        layers = self.trace.meta.layers
        inputs = np.array([spec.groups * spec.fan_in for spec in layers], dtype=np.float64)
        return inputs, np.array([spec.groups * spec.outputs for spec in layers], dtype=np.float64)
