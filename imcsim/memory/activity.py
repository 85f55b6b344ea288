"""How busy the lines of an input vector are. Shape letters: F placement phases, L layers, b bits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Activity:
    """How busy the lines of a vector are, (F, L).

    ``drives`` expected line switches per line and vector, summed over read cycles; ``power`` the same weighted by the
    squared digit, as the read current's energy is; ``phases`` read cycles per vector.
    """

    drives: Floats
    power: Floats
    phases: int


def activity(density: Floats, dac_bits: int) -> Activity:
    """Group bit planes (F, L, b), least significant first, into cycles of ``dac_bits``; bits taken as independent."""
    bits = density.shape[2]
    phases = -(-bits // dac_bits)
    drives = np.zeros(density.shape[:2])
    power = np.zeros(density.shape[:2])
    for phase in range(phases):
        part = density[:, :, phase * dac_bits : (phase + 1) * dac_bits]
        weight = 2.0 ** np.arange(part.shape[2])
        mean = part @ weight  # expected digit of this cycle
        variance = (part * (1 - part)) @ weight**2
        drives += 1 - np.prod(1 - part, axis=2)  # a line switches unless all bits of its digit are 0
        power += (mean**2 + variance) / (weight.sum() ** 2)
    return Activity(drives, power, phases)
