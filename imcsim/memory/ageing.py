"""What writes and time do to the cells of a memory, as far as it is known: what an outlook on a chip's life asks.

Every value has a default that holds where nothing was measured. Shape letter: V levels of a cell.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class EventPulses:
    """The pulses of one level change.

    Parameters
    ----------
    pulses
        (V,): those of a verified change, by the number of levels that the cell moves; entry 0 is 0.
    cycles_per_pulse
        Full-window cycles that a pulse wears: the larger share of its two directions, where each pair is a cycle.
    unverified
        What a change of one pulse and no verify read costs over a verified one; None: verify is not charged apart.
    """

    pulses: Floats
    cycles_per_pulse: float = 1.0
    unverified: float | None = None

    @classmethod
    def single(cls, levels: int) -> "EventPulses":
        """Return those of cells whose every change is one pulse and one cycle."""
        return cls((np.arange(levels) > 0).astype(np.float64))


@dataclass(frozen=True)
class Ageing:
    """How cells change with cycles and time.

    Parameters
    ----------
    tries
        Mean number of tries of a write, temporary failures repeated.
    pulse_growth
        Pulses of a change over those of a fresh cell, after so many cycles.
    margin_cycles, margin_note
        Cycles after which levels overlap too much to be of use, None where none is measured; what a reader must know.
    retention_s, retention_note
        How long (s) a level is kept at a temperature (K), None where it is not known; where that comes from.
    stuck_low_share
        Share of worn-out cells that end at their lowest level; the others end at their highest.
    """

    tries: float = 1.0
    pulse_growth: Callable[[Floats], Floats] = np.ones_like
    margin_cycles: float | None = None
    margin_note: str = ""
    retention_s: Callable[[float], float] | None = None
    retention_note: str = ""
    stuck_low_share: float = 0.5
